# SPDX-License-Identifier: Apache-2.0
"""The values of NATS' chart, and the chart itself where it is at hand."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from pons_embedded.manifests import Manifest
from pons_k8s.nats_chart import NatsChart

from .chart import VALUES, chart_manifests
from .pods import named

CHART = "PONS_TEST_NATS_CHART"
"""Names a folder or .tgz of the chart, for who has Helm as well."""


def contains(whole: Any, part: Any, place: str = "") -> list[str]:
    """Where `whole` lacks something of `part`, or has other elements in a list."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return [
            fault
            for key, value in part.items()
            for fault in contains(whole.get(key), value, f"{place}.{key}")
        ]
    if isinstance(part, list) and isinstance(whole, list) and len(part) == len(whole):
        pairs = enumerate(zip(whole, part, strict=True))
        return [fault for at, (a, b) in pairs for fault in contains(a, b, f"{place}[{at}]")]
    return [] if whole == part else [f"{place}: {whole!r}, not {part!r}"]


def by_name(manifests: list[Manifest]) -> dict[tuple[str, str], Manifest]:
    return {(one["kind"], one["metadata"]["name"]): one for one in manifests}


@pytest.mark.skipif(CHART not in os.environ, reason=f"{CHART} names no chart of NATS")
def test_what_the_tests_take_for_the_chart_is_what_the_chart_makes() -> None:
    """Kind by kind and field by field; the chart adds probes, labels and how a server ends."""
    printed = NatsChart("pons-ct", VALUES, os.environ[CHART]).manifests()
    real = by_name([one for one in yaml.safe_load_all(printed) if one])
    taken = by_name(chart_manifests(VALUES, "pons-ct"))
    assert {*real} == {*taken}
    for name, one in taken.items():
        theirs = real[name]
        if name[0] == "ConfigMap":
            assert theirs["data"]["nats.conf"].strip() == one["data"]["nats.conf"]
            continue
        assert contains(theirs, one) == [], name


def test_a_value_that_is_not_known_is_told(tmp_path: Path) -> None:
    """Or tests would say of a new value that all is well."""
    values = tmp_path / "values.yaml"
    values.write_text(VALUES.read_text() + "service: {enabled: false}\n")
    with pytest.raises(ValueError, match="service"):
        chart_manifests(values, "pons-ct")


def test_no_password_is_written_down() -> None:
    """Neither in the values nor in what Helm makes of them: servers read those of the Secret."""
    made = chart_manifests(VALUES, "pons-ct")
    [container] = named(made, "StatefulSet", "nats")["spec"]["template"]["spec"]["containers"]
    assert not [word for word in container["args"] if "PASSWORD" in word or "@" in word]
    secret = {
        one["name"]: one["valueFrom"]["secretKeyRef"]
        for one in container["env"]
        if "secretKeyRef" in one.get("valueFrom", {})
    }
    assert secret == {
        "NATS_PASSWORD": {"name": "nats", "key": "NATS_PASSWORD"},
        "NATS_ROUTE_PASSWORD": {"name": "nats", "key": "ROUTE_PASSWORD"},
    }


def test_variables_are_named_after_those_that_they_hold() -> None:
    """Kubernetes replaces $(NAME) by what stands above it alone, and the chart sorts by name."""
    made = chart_manifests(VALUES, "pons-ct")
    [container] = named(made, "StatefulSet", "nats")["spec"]["template"]["spec"]["containers"]
    names = [one["name"] for one in container["env"]]
    for at, one in enumerate(container["env"]):
        for name in names[at:]:
            assert f"$({name})" not in one.get("value", ""), one


def test_a_server_stops_taking_before_its_volume_is_full() -> None:
    """JetStream's bound is below what the volume has."""
    told = yaml.safe_load(VALUES.read_text())["config"]["jetstream"]["fileStore"]
    assert int(told["maxSize"].removesuffix("Gi")) < int(told["pvc"]["size"].removesuffix("Gi"))

# SPDX-License-Identifier: Apache-2.0
"""Grafana's dashboard is what its source draws, and asks for what there is."""

import json
from itertools import combinations
from typing import Any

import pytest

from pons_embedded.folder import CHECKOUT
from pons_embedded.metrics.dashboard import dashboard_document
from pons_embedded.metrics.known import Known, faults_of, known_metrics
from pons_embedded.metrics.panels import ROWS

FILE = CHECKOUT / "deploy" / "grafana" / "pons.json"
COMMAND = "python -m pons_embedded.metrics.dashboard --write deploy/grafana/pons.json"


@pytest.fixture(scope="module")
def known() -> list[Known]:
    return known_metrics()


@pytest.fixture(scope="module")
def panels() -> list[Any]:
    """As they are in the file."""
    found: list[Any] = json.loads(FILE.read_text(encoding="utf-8"))["panels"]
    return found


def test_the_file_is_what_its_source_draws() -> None:
    """Nobody edits it by hand."""
    assert FILE.read_text(encoding="utf-8") == dashboard_document(), COMMAND


def test_every_panel_asks_what_there_is(panels: list[Any], known: list[Known]) -> None:
    """Each metric and each label of every query, and each label that a line is called by."""
    queries = [target for panel in panels for target in panel.get("targets", [])]
    assert len(queries) == sum(len(panel.queries) for row in ROWS.values() for panel in row) > 50
    assert [fault for one in queries for fault in faults_of(one["expr"], known)] == []
    for one in queries:
        for label in one["legendFormat"].split("{{")[1:]:
            assert f"by ({label.split('}}')[0]}" in one["expr"].replace("le, ", "") or (
                f", {label.split('}}')[0]}" in one["expr"]
            ), one


def test_every_histogram_is_drawn(panels: list[Any], known: list[Known]) -> None:
    """What is measured on the way of each instance, somebody should be able to see."""
    asked = " ".join(one["expr"] for panel in panels for one in panel.get("targets", []))
    own = [one for one in known if one.kind == "histogram" and one.name.startswith("pons_")]
    assert [one.name for one in own if f"{one.name}_" not in asked] == []


def test_no_panel_lies_on_another(panels: list[Any]) -> None:
    """And each has a number of its own, as Grafana needs."""
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [panel["gridPos"] for panel in panels]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        apart = any(
            one[at] + one[size] <= other[at] or other[at] + other[size] <= one[at]
            for at, size in (("x", "w"), ("y", "h"))
        )
        assert apart, (one, other)

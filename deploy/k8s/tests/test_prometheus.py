# SPDX-License-Identifier: Apache-2.0
"""The component `prometheus`: who is scraped, who is let in for it, and which alerts there are."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from pons_embedded.manifests import K8S, Manifest
from pons_embedded.metrics.document import QUESTIONS
from pons_embedded.metrics.known import faults_of, known_metrics
from pons_embedded.metrics.panels import ROWS

from .pods import SERVICES, named, pods, selects
from .test_components import with_component

ALERTS = K8S / "components" / "prometheus" / "alerts.yaml"


def groups() -> list[Any]:
    told: list[Any] = yaml.safe_load(ALERTS.read_text())["spec"]["groups"]
    return told


@pytest.fixture
def manifests(kubectl: str, tmp_path: Path) -> list[Manifest]:
    return with_component(kubectl, tmp_path, "prometheus", "ct")


@pytest.fixture
def promtool() -> str:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("needs promtool (Debian: apt install --no-install-recommends prometheus)")
    return program


def test_every_service_is_scraped(manifests: list[Manifest]) -> None:
    """The monitor finds the Service that has each of their pods, by the port's name."""
    monitor = named(manifests, "ServiceMonitor", "pons")["spec"]
    service = named(manifests, "Service", "health")
    assert selects(monitor["selector"], service["metadata"]["labels"])
    assert [one["port"] for one in monitor["endpoints"]] == ["health"]
    assert [one["name"] for one in service["spec"]["ports"]] == ["health"]
    assert health_ports(manifests, {"matchLabels": service["spec"]["selector"]}) == {*SERVICES}


def test_prometheus_reaches_the_health_ports_alone(manifests: list[Manifest]) -> None:
    """Of the services; no server's, and from its own namespace only."""
    policy = named(manifests, "NetworkPolicy", "prometheus-to-health")["spec"]
    [rule] = policy["ingress"]
    assert rule["ports"] == [{"port": "health"}]
    assert rule["from"] == [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    ]
    assert health_ports(manifests, policy["podSelector"]) == {*SERVICES}


def health_ports(manifests: list[Manifest], selector: Any) -> set[str]:
    """Whose pods a selector finds that have the port; the migration's have none at all."""
    return {
        owner
        for owner, template in pods(manifests)
        if selects(selector, template["metadata"]["labels"])
        for port in template["spec"]["containers"][0].get("ports", [])
        if (port["name"], port["containerPort"]) == ("health", 8081)
    }


def test_alerts_ask_what_there_is() -> None:
    """Each metric and each label of every expression; each alert says what to do."""
    known = known_metrics()
    rules = [rule for group in groups() for rule in group["rules"]]
    assert len(rules) == len({rule["alert"] for rule in rules})
    assert [fault for rule in rules for fault in faults_of(rule["expr"], known)] == []
    for rule in rules:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert {*rule["annotations"]} == {"summary", "description"}


def test_prometheus_reads_the_alerts(promtool: str, tmp_path: Path) -> None:
    """Expressions, durations and templates, as its own tool checks them."""
    assert check(promtool, "check", write_rules(tmp_path)) == ""


CASES: dict[str, tuple[dict[str, str], str]] = {
    "nothing is wrong": (
        {
            **{f'pons_ready{{pod="p{n}",pons_service="s{n}"}}': "1x60" for n in range(5)},
            "pons_index_lag_seconds": "0x60",
            'pons_jobs_oldest_waiting_seconds{worker="egress"}': "5x60",
            'pons_dicom_instances_total{status="0000"}': "0+60x60",
            'pons_dicom_instances_total{status="C000"}': "0+60x60",
            "pons_index_other_copy": "0x60",
        },
        "",
    ),
    "nats is away": ({'unknown{pod="a"}': "0x60"}, ""),
    "a service is gone": (
        {f'pons_ready{{pod="p{n}",pons_service="s{n}"}}': "1x60" for n in range(4)},
        "PonsServiceMissing",
    ),
    "a store is gone": (
        {'pons_ready{pod="p",pons_service="s"}': "1x5 stale"},
        "PonsServiceMissing",
    ),
    "a pod is not ready": (
        {f'pons_ready{{pod="p{n}",pons_service="s{n}"}}': f"{n and 1}x60" for n in range(5)},
        "PonsNotReady",
    ),
    "one of two indexes knows the lag": (
        {
            'unknown{pod="a"}': "0x60",
            'pons_index_lag_seconds{pod="b"}': "61x60",
        },
        "PonsIndexBehind",
    ),
    "the disk is full": (
        {
            'pons_dicom_instances_total{status="0000"}': "0+90x60",
            'pons_dicom_instances_total{status="A700"}': "0+10x60",
        },
        "PonsStoreRefused",
    ),
    "http fails": (
        {
            'pons_http_request_seconds_count{method="GET",status="200"}': "0+90x60",
            'pons_http_request_seconds_count{method="GET",status="503"}': "0+10x60",
        },
        "PonsHttpErrors",
    ),
    "objects are slow": (
        {
            'pons_ingest_step_seconds_bucket{step="write",le="2"}': "0+1x60",
            'pons_ingest_step_seconds_bucket{step="write",le="5"}': "0+10x60",
            'pons_ingest_step_seconds_bucket{step="write",le="+Inf"}': "0+10x60",
            'pons_ingest_step_seconds_bucket{step="index",le="+Inf"}': "0+10x60",
        },
        "PonsObjectStoreSlow",
    ),
    "an announcement was set aside": ({"pons_index_dead_letters": "1x60"}, "PonsNotIndexed"),
    "an object is damaged": (
        {'pons_damaged_objects_total{what="missing"}': "1x60"},
        "PonsDamagedObjects",
    ),
    "a copy runs": ({"pons_index_other_copy": "1x60"}, "PonsOtherCopy"),
    "retention waits": ({"pons_index_retention_stopped": "1x60"}, "PonsDeletionsStopped"),
    "a job was given up": (
        {'pons_jobs_dead_letters{worker="routing"}': "2x60"},
        "PonsJobsGivenUp",
    ),
    "a job waits": (
        {'pons_jobs_oldest_waiting_seconds{worker="egress"}': "1801x60"},
        "PonsJobsWait",
    ),
    "render is full": ({"pons_render_refused_tasks_total": "0+5x60"}, "PonsRenderFull"),
}
"""Series a minute apart, and the alert that half an hour of them raises."""


def test_alerts_are_raised_when_something_is_wrong(promtool: str, tmp_path: Path) -> None:
    """Each by what it is about, and none of them otherwise."""
    names = [rule["alert"] for group in groups() for rule in group["rules"]]
    assert {alert for _, alert in CASES.values() if alert} == {*names}
    tests = [
        {
            "name": case,
            "interval": "1m",
            "input_series": [
                {"series": series, "values": values} for series, values in given.items()
            ],
            "promql_expr_test": [
                {
                    "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                    "eval_time": "30m",
                    "exp_samples": [
                        {"labels": f'{{alertname="{name}"}}', "value": 1}
                        for name in ([alert] if alert else [])
                    ],
                }
            ],
        }
        for case, (given, alert) in CASES.items()
    ]
    place = tmp_path / "tests.yaml"
    rules = write_rules(tmp_path)
    place.write_text(json.dumps({"rule_files": [rules.name], "tests": tests}))
    assert check(promtool, "test", place) == ""


UNKNOWN = {"record": "pons_index_lag_seconds", "expr": "unknown / unknown"}
"""promtool's series have no NaN, which is what services tell of what they do not know."""


def write_rules(folder: Path) -> Path:
    """The rules as Prometheus itself reads them, without what Kubernetes puts around."""
    place = folder / "rules.yaml"
    unknown = {"name": "unknown", "rules": [UNKNOWN]}
    place.write_text(json.dumps({"groups": [unknown, *groups()]}))
    return place


def test_prometheus_reads_every_query_that_people_are_shown(promtool: str, tmp_path: Path) -> None:
    """Of the dashboard, once Grafana has put in what is chosen, and of docs/metrics.md."""
    drawn = [query for row in ROWS.values() for panel in row for query in panel.queries.values()]
    shown = [*QUESTIONS.values(), *drawn]
    queries = [one.replace("$namespace", ".*").replace("$__rate_interval", "5m") for one in shown]
    assert not any("$" in query for query in queries)
    place = tmp_path / "queries.yaml"
    rules = [{"record": f"shown:{at}", "expr": query} for at, query in enumerate(queries)]
    place.write_text(json.dumps({"groups": [{"name": "shown", "rules": rules}]}))
    assert check(promtool, "check", place) == ""


def check(promtool: str, verb: str, place: Path) -> str:
    """What promtool finds wrong; empty where it is well."""
    done = subprocess.run(
        [promtool, verb, "rules", place], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr if done.returncode else ""

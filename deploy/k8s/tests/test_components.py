# SPDX-License-Identifier: Apache-2.0
"""Components laid over an overlay, as an operator's own overlay has them."""

import json
import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pons.bus.connection import ROUTER
from pons.jobs.store import WORKER
from pons.messages.names import Names
from pons_embedded.manifests import API_VERSIONS, K8S, Manifest, render, schema_faults
from pons_embedded.metrics.known import known_metrics
from pons_k8s.manifests import Store, kustomization

from .chart import VALUES, chart_manifests
from .pods import named, of_kind

COMPONENTS = sorted(path.parent.name for path in (K8S / "components").glob("*/kustomization.yaml"))


def with_component(
    kubectl: str, folder: Path, component: str, store: str, overlay: str = "single-node"
) -> list[Manifest]:
    folder = folder.resolve()
    content = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(K8S / "overlays" / overlay, folder)],
        "configMapGenerator": [
            {"name": "settings", "behavior": "merge", "literals": [f"PONS_STORE_NAME={store}"]}
        ],
        "components": [os.path.relpath(K8S / "components" / component, folder)],
    }
    (folder / "kustomization.yaml").write_text(json.dumps(content))
    return render(kubectl, folder)


@pytest.mark.parametrize("component", COMPONENTS)
def test_every_component_fits_the_api(kubectl: str, tmp_path: Path, component: str) -> None:
    """In each of the three versions."""
    manifests = with_component(kubectl, tmp_path, component, "ct")
    for version in API_VERSIONS:
        assert list(schema_faults(manifests, version)) == []


def test_keda_looks_at_the_stream_of_this_store(kubectl: str, tmp_path: Path) -> None:
    """By the names that the services give it, and alone: no other autoscaler has egress."""
    manifests = with_component(kubectl, tmp_path, "keda", "ct-2")
    scaled = named(manifests, "ScaledObject", "egress")
    trigger = scaled["spec"]["triggers"][0]["metadata"]
    assert trigger["stream"] == Names("ct-2").changes_stream
    assert trigger["consumer"] == ROUTER
    scalers = {one["metadata"]["name"] for one in of_kind(manifests, "HorizontalPodAutoscaler")}
    assert scalers == {"render"}


@pytest.mark.parametrize(
    ("name", "service"), [("single-node", "nats-monitor"), ("production", "nats-headless")]
)
def test_new_store_tells_keda_where_the_nats_of_the_store_is(
    kubectl: str, tmp_path: Path, name: str, service: str
) -> None:
    """KEDA asks from its own namespace; the store's name is laid over the overlay, and over the
    component within it. Of three servers it asks each by a name of its own, which the Service that
    leads their StatefulSet gives them."""
    overlay = tmp_path.resolve() / "overlay"
    overlay.mkdir()
    with_component(kubectl, overlay, "keda", "main", name)
    place = tmp_path.resolve() / "store"
    place.mkdir()
    told = kustomization(Store("ct-2", "hospital-ct", name), place)
    told["resources"] = ["../overlay"]
    (place / "kustomization.yaml").write_text(json.dumps(told))
    scaled = named(render(kubectl, place), "ScaledObject", "egress")
    trigger = scaled["spec"]["triggers"][0]["metadata"]
    assert trigger["stream"] == Names("ct-2").changes_stream
    assert trigger["natsServerMonitoringEndpoint"] == f"{service}.hospital-ct.svc:8222"


def test_the_service_that_keda_asks_names_each_server() -> None:
    """Kubernetes gives pods names by the Service that their StatefulSet says, and by no other."""
    made = chart_manifests(VALUES, "hospital-ct")
    assert named(made, "StatefulSet", "nats")["spec"]["serviceName"] == "nats-headless"


def test_services_reach_the_collector_that_their_traces_go_to(kubectl: str, tmp_path: Path) -> None:
    """Its namespace and port are those of the address; no other pod of the store gets there."""
    manifests = with_component(kubectl, tmp_path, "traces", "ct")
    [settings] = [
        one["data"]
        for one in of_kind(manifests, "ConfigMap")
        if one["metadata"]["name"].startswith("settings")
    ]
    address = urlsplit(settings["PONS_TRACES_ENDPOINT"])
    policy = named(manifests, "NetworkPolicy", "services-to-collector")["spec"]
    [way] = policy["egress"]
    [to], [port] = way["to"], way["ports"]
    namespace = to["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
    assert address.hostname == f"collector.{namespace}.svc"
    assert address.port == port["port"]
    assert policy["podSelector"]["matchLabels"] == {"app.kubernetes.io/component": "service"}


def test_queue_depth_adds_to_the_cpu(kubectl: str, tmp_path: Path) -> None:
    """Whichever asks for more replicas decides."""
    manifests = with_component(kubectl, tmp_path, "queue-depth", "ct")
    scaler = named(manifests, "HorizontalPodAutoscaler", "egress")
    assert [metric["type"] for metric in scaler["spec"]["metrics"]] == ["Resource", "External"]
    asked = scaler["spec"]["metrics"][1]["external"]["metric"]
    labels = asked["selector"]["matchLabels"]
    known = {one.name: one.labels for one in known_metrics()}
    assert {*known[asked["name"]]} == {*labels}
    assert labels == {"worker": WORKER, "state": "Pending"}

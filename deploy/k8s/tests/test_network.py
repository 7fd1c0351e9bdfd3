# SPDX-License-Identifier: Apache-2.0
"""Who may speak with whom, read from the NetworkPolicies as a network would."""

from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import Render
from .pods import OVERLAYS, SERVICES, containers, of_kind, pods, selects

OUTSIDE: dict[str, str] = {"name": "somebody in another namespace"}
ASKERS = {"gateway", "dicom-ingress", "egress"}


def labels_of(manifests: list[Any]) -> dict[str, dict[str, str]]:
    return {owner: template["metadata"]["labels"] for owner, template in pods(manifests)}


def policies(manifests: list[Any], way: str, labels: dict[str, str]) -> list[Any]:
    """Those for one way that hold of a pod."""
    return [
        one["spec"]
        for one in of_kind(manifests, "NetworkPolicy")
        if way in one["spec"]["policyTypes"] and selects(one["spec"]["podSelector"], labels)
    ]


def rules(manifests: list[Any], way: str, labels: dict[str, str]) -> Iterator[Any]:
    for policy in policies(manifests, way, labels):
        yield from policy.get(way.lower(), [])


def port_allowed(rule: Any, port: str, number: int) -> bool:
    return "ports" not in rule or any(one["port"] in (port, number) for one in rule["ports"])


def peer_allowed(rule: Any, key: str, labels: dict[str, str]) -> bool:
    """Whether a rule's peers include a pod; one of another namespace fits no selector of pods."""
    if key not in rule:
        return True
    return any(
        labels is not OUTSIDE
        and "podSelector" in peer
        and "namespaceSelector" not in peer
        and selects(peer["podSelector"], labels)
        for peer in rule[key]
    )


def reachable(manifests: list[Any], source: dict[str, str]) -> set[tuple[str, str]]:
    """Pods and ports that a pod reaches: let out on its side, let in on the other."""
    found = set()
    for owner, template in pods(manifests):
        labels = template["metadata"]["labels"]
        for container in template["spec"]["containers"]:
            for port in container.get("ports", []):
                name, number = port["name"], port["containerPort"]
                let_out = source is OUTSIDE or any(
                    peer_allowed(rule, "to", labels) and port_allowed(rule, name, number)
                    for rule in rules(manifests, "Egress", source)
                )
                let_in = any(
                    peer_allowed(rule, "from", source) and port_allowed(rule, name, number)
                    for rule in rules(manifests, "Ingress", labels)
                )
                if let_out and let_in:
                    found.add((owner, name))
    return found


@pytest.mark.parametrize("name", OVERLAYS)
def test_from_outside_only_the_two_doors_are_reached(overlay: Render, name: str) -> None:
    """The REST API and the DICOM port; no health port, no render, no server."""
    assert reachable(overlay(name), OUTSIDE) == {("gateway", "http"), ("dicom-ingress", "dicom")}


@pytest.mark.parametrize("name", OVERLAYS)
def test_each_pod_is_bound_both_ways(overlay: Render, name: str) -> None:
    """What no policy names is denied: one without rules holds of every pod, in and out."""
    for labels in labels_of(overlay(name)).values():
        for way in ("Ingress", "Egress"):
            assert any(way.lower() not in one for one in policies(overlay(name), way, labels))


@pytest.mark.parametrize("name", OVERLAYS)
def test_render_answers_only_those_who_ask_it(overlay: Render, name: str) -> None:
    """gateway, dicom-ingress and egress; not the index, nor a server, nor another render."""
    asking = {
        owner
        for owner, labels in labels_of(overlay(name)).items()
        if ("render", "http") in reachable(overlay(name), labels)
    }
    assert asking == ASKERS


def test_servers_beside_the_services_answer_only_those(overlay: Render) -> None:
    """PostgreSQL, NATS and MinIO are reached by the five and the migration, and reach nobody."""
    manifests = overlay("single-node")
    servers = {("postgresql", "postgresql"), ("nats", "nats"), ("minio", "s3")}
    for owner, labels in labels_of(manifests).items():
        found = reachable(manifests, labels)
        if owner in (*SERVICES, "migrate"):
            assert servers <= found, owner
        else:
            assert found - {("gateway", "http"), ("dicom-ingress", "dicom")} == set(), owner


@pytest.mark.parametrize("name", OVERLAYS)
def test_only_egress_reaches_beyond_the_cluster(overlay: Render, name: str) -> None:
    """On any port. The metadata of a cloud's machines, with its keys, is never reached."""
    everywhere = {
        owner: peer["ipBlock"]
        for owner, labels in labels_of(overlay(name)).items()
        for rule in rules(overlay(name), "Egress", labels)
        for peer in rule.get("to", [])
        if "ports" not in rule and peer.get("ipBlock", {}).get("cidr") == "0.0.0.0/0"
    }
    assert {*everywhere} == {"egress"}
    assert "169.254.0.0/16" in everywhere["egress"]["except"]


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_policy_and_service_selects_pods_with_its_ports(overlay: Render, name: str) -> None:
    """No selector of ours points at labels, and no port at a name, that nothing has."""
    manifests = overlay(name)
    ports = {
        owner: {port["name"] for one in containers(template) for port in one.get("ports", [])}
        for owner, template in pods(manifests)
    }
    labels = labels_of(manifests)
    for one in of_kind(manifests, "NetworkPolicy", "Service"):
        where = one["metadata"]["name"]
        if one["kind"] == "Service":
            selected = [
                owner
                for owner in labels
                if selects({"matchLabels": one["spec"]["selector"]}, labels[owner])
            ]
            targets = {port["targetPort"] for port in one["spec"]["ports"]}
        else:
            selected = [
                owner for owner in labels if selects(one["spec"]["podSelector"], labels[owner])
            ]
            targets = {
                port["port"]
                for rule in one["spec"].get("ingress", [])
                for port in rule.get("ports", [])
                if isinstance(port["port"], str)
            }
        assert selected or where in OPERATORS, where
        if selected:
            assert targets <= set().union(*(ports[owner] for owner in selected)), where


OPERATORS = {"database-for-services"}
"""Policies for pods that an operator makes."""

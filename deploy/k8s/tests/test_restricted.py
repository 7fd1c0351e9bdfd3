# SPDX-License-Identifier: Apache-2.0
"""Every pod keeps to Pod Security "restricted", and to what we ask of it beyond.

https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
"""

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Render
from .pods import OVERLAYS, SERVICES, containers, named, of_kind, pods

ALLOWED_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
OF_PODS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "no host namespaces": lambda pod: not {"hostNetwork", "hostPID", "hostIPC"} & {*pod},
    "not root": lambda pod: pod["securityContext"]["runAsNonRoot"] is True,
    "a user that is a number": lambda pod: pod["securityContext"]["runAsUser"] > 0,
    "seccomp": lambda pod: pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault",
    "volumes": lambda pod: all(
        {*volume} - {"name"} <= ALLOWED_VOLUMES for volume in pod.get("volumes", [])
    ),
    "no token of the cluster": lambda pod: pod["automountServiceAccountToken"] is False,
    "no variables for Services": lambda pod: pod["enableServiceLinks"] is False,
}
OF_CONTAINERS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "no way to more rights": lambda one: (
        one["securityContext"]["allowPrivilegeEscalation"] is False
    ),
    "no capabilities": lambda one: one["securityContext"]["capabilities"] == {"drop": ["ALL"]},
    "not privileged": lambda one: not one["securityContext"].get("privileged", False),
    "no root file system": lambda one: one["securityContext"]["readOnlyRootFilesystem"] is True,
    "no port of the host": lambda one: not any("hostPort" in port for port in one.get("ports", [])),
    "requests": lambda one: {"cpu", "memory"} <= {*one["resources"]["requests"]},
    "limits": lambda one: {"cpu", "memory"} <= {*one["resources"]["limits"]},
    "a version of the image": lambda one: (
        ":" in one["image"] and not one["image"].endswith(":latest")
    ),
}


@pytest.mark.parametrize("rule", OF_PODS)
@pytest.mark.parametrize("name", OVERLAYS)
def test_every_pod_is_restricted(overlay: Render, name: str, rule: str) -> None:
    """Also those of PostgreSQL, NATS and MinIO, and of the migration."""
    found = {owner: OF_PODS[rule](template["spec"]) for owner, template in pods(overlay(name))}
    assert {*SERVICES, "migrate"} <= {*found}
    assert [owner for owner, kept in found.items() if not kept] == []


@pytest.mark.parametrize("rule", OF_CONTAINERS)
@pytest.mark.parametrize("name", OVERLAYS)
def test_every_container_is_restricted(overlay: Render, name: str, rule: str) -> None:
    """Those that only wait, too."""
    broken = [
        (owner, one["name"])
        for owner, template in pods(overlay(name))
        for one in containers(template)
        if not OF_CONTAINERS[rule](one)
    ]
    assert broken == []


@pytest.mark.parametrize("name", OVERLAYS)
def test_no_service_has_rights_in_the_cluster(overlay: Render, name: str) -> None:
    """Each has an account of its own, without a token, and nobody has a role."""
    accounts = {one["metadata"]["name"]: one for one in of_kind(overlay(name), "ServiceAccount")}
    assert {*accounts} == {*SERVICES}
    assert all(one["automountServiceAccountToken"] is False for one in accounts.values())
    assert not [*of_kind(overlay(name), "RoleBinding", "ClusterRoleBinding", "Role")]
    for service in SERVICES:
        spec = named(overlay(name), "Deployment", service)["spec"]["template"]["spec"]
        assert spec["serviceAccountName"] == service

# SPDX-License-Identifier: Apache-2.0
"""What new-store says of a store whose services do not become ready."""

from typing import Any

import pytest

from .cluster import Cluster

SCHEDULED = {"type": "PodScheduled", "status": "True"}
NO_ROOM = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
NO_ROOM |= {"message": "0/1 nodes are available: 1 Insufficient cpu."}
NO_IMAGE = {"waiting": {"reason": "ErrImagePull", "message": "pons/gateway:0.1.0 is not there"}}
RUNS: dict[str, Any] = {"running": {"startedAt": "2026-11-29T18:22:36Z"}}


def container(name: str, state: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": name, "ready": False, "state": state}]


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ({"conditions": [NO_ROOM]}, "Unschedulable 0/1 nodes are available: 1 Insufficient cpu."),
        (
            {"conditions": [SCHEDULED], "containerStatuses": container("service", NO_IMAGE)},
            "service: ErrImagePull pons/gateway:0.1.0 is not there",
        ),
        (
            {
                "initContainerStatuses": container("wait-for-schema", RUNS),
                "containerStatuses": container(
                    "service", {"waiting": {"reason": "PodInitializing"}}
                ),
            },
            "wait-for-schema runs and is not ready: see its log",
        ),
    ],
    ids=["no room", "no image", "waits for the schema"],
)
def test_what_keeps_a_pod_is_told(cluster: Cluster, status: dict[str, Any], told: str) -> None:
    cluster.put_pod("pons-ct", "gateway-1", status)
    cluster.put_pod("pons-ct", "nats-0", {"conditions": [SCHEDULED]})
    done = cluster.run("new-store", "ct", "--seconds", "1")
    assert done.returncode == 1
    first, *others = done.stderr.strip().splitlines()
    assert first.startswith("new-store: gateway is not ready: kubectl rollout status")
    assert "timed out" in first
    assert others == [f"  gateway-1: {told}"]

# SPDX-License-Identifier: Apache-2.0
"""Waiting until every service is ready, and what keeps those that are not."""

from collections.abc import Iterable
from typing import Any

from pons_k8s.kubectl import find_all, kubectl
from pons_k8s.manifests import IMAGES
from pons_k8s.refusal import Refusal


def wait_until_ready(namespace: str, seconds: int) -> None:
    """Return once every service is; each gets so many seconds.

    Raises `Refusal` with what the cluster says about each pod that is not ready.
    """
    for service in IMAGES:
        where = ("--namespace", namespace, f"--timeout={seconds}s")
        try:
            kubectl("rollout", "status", f"deployment/{service}", *where)
        except Refusal as refusal:
            reasons = [line for pod in find_all("pod", namespace) for line in what_keeps(pod)]
            told = "".join(f"\n  {line}" for line in reasons)
            raise Refusal(f"{service} is not ready: {refusal}{told}") from None


def what_keeps(pod: dict[str, Any]) -> Iterable[str]:
    """A line for each reason why a pod does not run, as Kubernetes tells it."""
    name, status = pod["metadata"]["name"], pod.get("status", {})
    for condition in status.get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            yield f"{name}: {_told(condition)}"
    for kind in ("initContainerStatuses", "containerStatuses"):
        for container in status.get(kind, []):
            if waiting := container.get("state", {}).get("waiting"):
                # What waits for the containers before it is no reason of its own.
                if waiting.get("reason") != "PodInitializing":
                    yield f"{name}: {container['name']}: {_told(waiting)}"
            elif not container.get("ready") and "running" in container.get("state", {}):
                yield f"{name}: {container['name']} runs and is not ready: see its log"


def _told(state: dict[str, Any]) -> str:
    return " ".join(state[key] for key in ("reason", "message") if state.get(key))

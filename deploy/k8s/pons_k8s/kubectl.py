# SPDX-License-Identifier: Apache-2.0
"""Asking kubectl, which knows the cluster from KUBECONFIG or its usual place."""

import json
from typing import Any

from pons_k8s.programs import run


def kubectl(*words: str, given: str = "") -> str:
    """What kubectl says. Raises `Refusal` with its own words when it fails."""
    return run("kubectl", words, given)


def find(kind: str, name: str, namespace: str = "") -> dict[str, Any] | None:
    """A resource as it is now; None where there is none of that name."""
    where = ("--namespace", namespace) if namespace else ()
    text = kubectl("get", kind, name, *where, "--ignore-not-found", "--output", "json")
    return json.loads(text) if text.strip() else None


def find_all(kind: str, namespace: str) -> list[dict[str, Any]]:
    """Every resource of a kind in a namespace."""
    text = kubectl("get", kind, "--namespace", namespace, "--output", "json")
    return list(json.loads(text)["items"])


def create(manifest: dict[str, Any]) -> None:
    """Make what is not there yet; what is there is never replaced."""
    kubectl("create", "--filename", "-", given=json.dumps(manifest))

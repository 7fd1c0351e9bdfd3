# SPDX-License-Identifier: Apache-2.0
"""Asking kubectl, which knows the cluster from KUBECONFIG or its usual place."""

import json
import shutil
import subprocess
from typing import Any

from pons_k8s.refusal import Refusal


def kubectl(*words: str, given: str = "") -> str:
    """What kubectl says. Raises `Refusal` with its own words when it fails."""
    done = _run(words, given)
    if done.returncode:
        said = done.stderr.strip() or f"exit code {done.returncode}"
        raise Refusal(f"kubectl {' '.join(words[:3])} failed: {said}")
    return done.stdout


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


def _run(words: tuple[str, ...], given: str) -> "subprocess.CompletedProcess[str]":
    program = shutil.which("kubectl")
    if program is None:
        raise Refusal(
            "kubectl is needed and not on the PATH: https://kubernetes.io/docs/tasks/tools/"
        )
    command = [program, *words]
    return subprocess.run(  # noqa: S603 found above
        command, input=given, capture_output=True, text=True, check=False
    )

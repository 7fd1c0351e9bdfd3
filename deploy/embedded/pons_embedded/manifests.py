# SPDX-License-Identifier: Apache-2.0
"""What Kubernetes would be told, and whether that is right: overlays against its schemas.

No cluster is asked: kubectl puts each overlay together, and `kubernetes-validate` has the schemas.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pons_embedded.folder import CHECKOUT

K8S = CHECKOUT / "deploy" / "k8s"
API_VERSIONS = ("1.29", "1.33", "1.36")
"""Versions of Kubernetes' API that every overlay must fit: old, in wide use, new."""
OLDEST_KUSTOMIZE = (5, 0)
"""The first that labels pods and leaves selectors alone."""
NEEDED = "needs kubectl 1.27 or later, with its kustomize (https://kubernetes.io/docs/tasks/tools/)"
NO_SCHEMA = {
    "postgresql.cnpg.io": "CloudNativePG's own kinds, whose schemas its operator brings",
    "barmancloud.cnpg.io": "those of its plugin for backups",
    "keda.sh": "KEDA's own kinds, whose schemas its operator brings",
    "monitoring.coreos.com": "the Prometheus operator's own kinds, whose schemas it brings",
}
"""API groups that are no part of Kubernetes, and why nothing here knows their schemas."""

Manifest = dict[str, Any]


def find_kubectl() -> str | None:
    """A kubectl whose kustomize reads our overlays; None where there is none."""
    program = shutil.which("kubectl")
    if program is None:
        return None
    command = [program, "version", "--client", "--output", "json"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    found = re.search(r'"kustomizeVersion":\s*"v(\d+)\.(\d+)', told.stdout)
    if found is None or (int(found[1]), int(found[2])) < OLDEST_KUSTOMIZE:
        return None
    return program


def overlays() -> list[Path]:
    """The folders that make a whole store, one beside the other."""
    return sorted(path.parent for path in (K8S / "overlays").glob("*/kustomization.yaml"))


def render(kubectl: str, folder: Path) -> list[Manifest]:
    """What an overlay says, put together. Raises `ValueError` with kubectl's words."""
    import yaml  # a tool of developers, not there where a store runs

    command = [kubectl, "kustomize", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise ValueError(f"{folder}: {done.stderr.strip()}")
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def schema_faults(manifests: list[Manifest], version: str) -> Iterator[str]:
    """What one version of the API finds wrong, unknown fields too."""
    import kubernetes_validate

    for one in manifests:
        if one["apiVersion"].partition("/")[0] in NO_SCHEMA:
            continue
        try:
            kubernetes_validate.validate(one, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            place = ".".join(map(str, error.path))
            yield f"{one['kind']} {one['metadata']['name']}: {place}: {error.message}"
        except kubernetes_validate.SchemaNotFoundError:
            yield f"{one['kind']} {one['metadata']['name']}: {version} has no {one['apiVersion']}"


def manifest_faults(kubectl: str) -> list[str]:
    """What is wrong with any overlay, in any of the versions."""
    faults = []
    for folder in overlays():
        try:
            manifests = render(kubectl, folder)
        except ValueError as error:
            faults.append(str(error))
            continue
        for version in API_VERSIONS:
            found = schema_faults(manifests, version)
            faults += [f"{folder.name}, Kubernetes {version}: {fault}" for fault in found]
    return faults

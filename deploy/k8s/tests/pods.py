# SPDX-License-Identifier: Apache-2.0
"""Finding things in what an overlay says."""

from collections.abc import Iterator
from typing import Any

from pons_embedded.manifests import Manifest, overlays

OVERLAYS = [folder.name for folder in overlays()]
SERVICES = ("gateway", "dicom-ingress", "index", "render", "egress")


def of_kind(manifests: list[Manifest], *kinds: str) -> Iterator[Manifest]:
    return (one for one in manifests if one["kind"] in kinds)


def named(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    [found] = [one for one in of_kind(manifests, kind) if one["metadata"]["name"] == name]
    return found


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """The name of each Deployment, StatefulSet and Job, and the template of its pods."""
    for one in of_kind(manifests, "Deployment", "StatefulSet", "Job"):
        yield one["metadata"]["name"], one["spec"]["template"]


def containers(template: Manifest) -> list[Manifest]:
    spec = template["spec"]
    return [*spec.get("initContainers", []), *spec["containers"]]


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Whether a selector of Kubernetes fits these labels; of operators only `In` is known."""
    expressions = selector.get("matchExpressions", [])
    if any(one["operator"] != "In" for one in expressions):
        raise ValueError(f"only In is understood: {expressions}")
    return all(
        labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()
    ) and all(labels.get(one["key"]) in one["values"] for one in expressions)

# SPDX-License-Identifier: Apache-2.0
"""What is applied for one store: its namespace, its Secrets, and an overlay with its name in it."""

import json
import os
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pons_k8s.kubectl import kubectl
from pons_k8s.names import OVERLAY_LABEL, STORE_LABEL
from pons_k8s.refusal import Refusal

OVERLAYS = Path(__file__).resolve().parents[1] / "overlays"
IMAGES = ("gateway", "dicom-ingress", "index", "render", "egress")
OLD_API = {"autoscaling/v2": "autoscaling/v2beta2", "policy/v1": "policy/v1beta1"}
"""Kubernetes 1.20's names of what came later under others."""
KUBE_SYSTEM = re.compile(
    r"namespaceSelector:\n +matchLabels:\n +kubernetes\.io/metadata\.name: kube-system$",
    re.MULTILINE,
)
"""Namespaces have this label by themselves since 1.21."""


@dataclass(frozen=True)
class Store:
    """What the operator asked for."""

    name: str
    namespace: str
    overlay: str
    tag: str = ""
    registry: str = ""
    """Where the images are, with what is before `/gateway`."""
    backups: str = ""
    """Where PostgreSQL's backups go, `s3://bucket/path`, and at which address."""
    backups_url: str = ""
    s3_url: str = ""
    old_api: bool = False


def overlay_names() -> list[str]:
    return sorted(path.parent.name for path in OVERLAYS.glob("*/kustomization.yaml"))


def nats_values(overlay: str) -> Path | None:
    """What an overlay tells the chart that its NATS comes from; None where it brings its own."""
    values = OVERLAYS / overlay / "nats-values.yaml"
    return values if values.exists() else None


def namespace_manifest(store: Store) -> dict[str, Any]:
    """The namespace, in which no pod may be more than "restricted"."""
    labels = {"app.kubernetes.io/part-of": "pons", STORE_LABEL: store.name}
    labels |= {OVERLAY_LABEL: store.overlay}
    labels |= {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": store.namespace, "labels": labels},
    }


def secret_manifest(store: Store, name: str, secret: dict[str, Any]) -> dict[str, Any]:
    labels = {"app.kubernetes.io/part-of": "pons", "app.kubernetes.io/instance": store.name}
    metadata = {"name": name, "namespace": store.namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, **secret}


def overlay_manifests(store: Store) -> str:
    """The overlay as YAML, with the store's name, namespace and images."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder).resolve()
        content = json.dumps(kustomization(store, place))
        (place / "kustomization.yaml").write_text(content)  # JSON is YAML
        text = kubectl("kustomize", str(place))
    return with_old_api(text) if store.old_api else text


def kustomization(store: Store, place: Path) -> dict[str, Any]:
    """What is laid over the overlay; kustomize wants its path relative to `place`."""
    if store.overlay not in overlay_names():
        raise Refusal(
            f"there is no overlay {store.overlay!r}: choose one of {', '.join(overlay_names())}"
        )
    images = [
        {"name": f"pons/{image}"}
        | ({"newName": f"{store.registry}/{image}"} if store.registry else {})
        | ({"newTag": store.tag} if store.tag else {})
        for image in IMAGES
    ]
    told: dict[str, Any] = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": store.namespace,
        "resources": [os.path.relpath(OVERLAYS / store.overlay, place)],
        "labels": [
            {
                "pairs": {"app.kubernetes.io/instance": store.name},
                "includeSelectors": False,
                "includeTemplates": True,
            }
        ],
        "configMapGenerator": [
            {
                "name": "settings",
                "behavior": "merge",
                "literals": [f"PONS_STORE_NAME={store.name}"],
            }
        ],
        "patches": [*_backups(store), *_s3_ports(store), _queue(store)],
    }
    return told | ({"images": images} if store.registry or store.tag else {})


def _backups(store: Store) -> Iterable[dict[str, Any]]:
    if store.backups:
        places = {"destinationPath": store.backups, "endpointURL": store.backups_url}
        yield {
            "target": {"kind": "ObjectStore", "name": "database-backups"},
            "patch": json.dumps(
                [
                    {"op": "replace", "path": f"/spec/configuration/{key}", "value": value}
                    for key, value in places.items()
                ]
            ),
        }


def _s3_ports(store: Store) -> Iterable[dict[str, Any]]:
    """Lets the services, and PostgreSQL for its backups, out to the ports of S3 beside 443.

    Raises `Refusal` for an address whose port is none.
    """
    if not store.s3_url:
        return
    ports = sorted({_port(store.s3_url), _port(store.backups_url)} - {443})
    for policy, rule in (("services-to-backing", 2), ("database-for-services", 1)):
        added = [
            {"op": "add", "path": f"/spec/egress/{rule}/ports/-", "value": {"port": port}}
            for port in ports
        ]
        if added:
            yield {
                "target": {"kind": "NetworkPolicy", "name": policy},
                "patch": json.dumps(added),
            }


def _port(address: str) -> int:
    try:
        found = urlsplit(address)
        return found.port or (443 if found.scheme == "https" else 80)
    except ValueError:
        raise Refusal(f"{address} has no port from 1 to 65535: write host:port") from None


def _queue(store: Store) -> dict[str, Any]:
    """Where an overlay has components/keda: KEDA, which is in another namespace, asks the NATS of
    this store for its stream. The component itself sees neither name, as it is laid below them.

    Of several servers KEDA asks the one that leads, as NAME.service: the chart's Service with which
    each server has a name.
    """
    service = "nats-headless" if nats_values(store.overlay) else "nats-monitor"
    places = {
        "natsServerMonitoringEndpoint": f"{service}.{store.namespace}.svc:8222",
        "stream": f"{store.name}-changes",
    }
    return {
        "target": {"kind": "ScaledObject", "name": "egress"},
        "patch": json.dumps(
            [
                {"op": "replace", "path": f"/spec/triggers/0/metadata/{key}", "value": value}
                for key, value in places.items()
            ]
        ),
    }


def with_old_api(text: str) -> str:
    """The same for Kubernetes 1.20, where DNS may be in any namespace, as none can be named."""
    for new, old in OLD_API.items():
        text = re.sub(rf"^apiVersion: {new}$", f"apiVersion: {old}", text, flags=re.MULTILINE)
    return KUBE_SYSTEM.sub("namespaceSelector: {}", text)

# SPDX-License-Identifier: Apache-2.0
"""What the chart `nats` of nats.io makes of our values, as far as the store relies on it.

It knows the values that we use, and fails on any other. `test_nats_chart.py` holds it against the
chart itself, where that is at hand.
"""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from pons_embedded.manifests import K8S, Manifest

VALUES = K8S / "overlays" / "production" / "nats-values.yaml"
SELECTOR = {
    "app.kubernetes.io/name": "nats",
    "app.kubernetes.io/instance": "nats",
    "app.kubernetes.io/component": "nats",
}
PORTS = {"nats": 4222, "cluster": 6222, "monitor": 8222}


def chart_manifests(values: Path, namespace: str) -> list[Manifest]:
    """For the release `nats`. Raises `ValueError` for a value that is not known here."""
    told = yaml.safe_load(values.read_text())
    name = take(told, "fullnameOverride")
    if (name, take(told, "reloader.enabled"), take(told, "natsBox.enabled")) != (
        "nats",
        False,
        False,
    ):
        raise ValueError("only servers without programs beside them are known here")
    labels = SELECTOR | take(told, "global.labels")
    config, volume = configuration(told)
    found = [
        of("v1", "ConfigMap", "nats-config", data={"nats.conf": config}),
        service("nats", "nats"),
        service("nats-headless", *PORTS, clusterIP="None", publishNotReadyAddresses=True),
        of(
            "policy/v1",
            "PodDisruptionBudget",
            "nats",
            spec={"maxUnavailable": 1, "selector": {"matchLabels": SELECTOR}},
        ),
        stateful_set(told, labels, volume),
    ]
    if left := pruned(told):
        raise ValueError(f"these values are not known here: {left}")
    for one in found:
        one["metadata"] |= {"namespace": namespace, "labels": labels}
    return found


def take(told: dict[str, Any], place: str) -> Any:
    """The value at `a.b`, which is then known."""
    *above, last = place.split(".")
    for key in above:
        told = told[key]
    return told.pop(last)


def pruned(told: dict[str, Any]) -> dict[str, Any]:
    """What is left of values beside empty maps."""
    inner = {key: pruned(one) if isinstance(one, dict) else one for key, one in told.items()}
    return {key: one for key, one in inner.items() if one != {}}


def of(version: str, kind: str, name: str, **rest: Any) -> Manifest:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **rest}


def service(name: str, *ports: str, **spec: Any) -> Manifest:
    listed = [{"name": one, "port": PORTS[one], "targetPort": one} for one in ports]
    return of("v1", "Service", name, spec={"selector": SELECTOR, "ports": listed, **spec})


def configuration(told: dict[str, Any]) -> tuple[str, str]:
    """nats.conf, JSON with what is in << >> unquoted; and the size of each server's volume."""
    if (take(told, "config.cluster.enabled"), take(told, "config.jetstream.enabled")) != (
        True,
        True,
    ):
        raise ValueError("only clusters with JetStream are known here")
    maximum = take(told, "config.jetstream.fileStore.maxSize")
    config = {
        "server_name": "<< $SERVER_NAME >>",
        "lame_duck_grace_period": "10s",
        "lame_duck_duration": "30s",
        "pid_file": "/var/run/nats/nats.pid",
        "port": PORTS["nats"],
        "http_port": PORTS["monitor"],
        "jetstream": {
            "max_memory_store": 0,
            "store_dir": "/data",
            "max_file_store": f"<< {maximum} >>",
        },
        "cluster": {"name": "nats", "port": PORTS["cluster"], "no_advertise": True}
        | take(told, "config.cluster.merge"),
    } | take(told, "config.merge")
    text = re.sub(r'"<<\s+(.*?)\s+>>"', r"\1", json.dumps(config, indent=2, sort_keys=True))
    return text, take(told, "config.jetstream.fileStore.pvc.size")


def stateful_set(told: dict[str, Any], labels: dict[str, str], volume: str) -> Manifest:
    take(told, "podTemplate.configChecksumAnnotation")
    spread = [
        {"topologyKey": key, "labelSelector": {"matchLabels": SELECTOR}} | rest
        for key, rest in take(told, "podTemplate.topologySpreadConstraints").items()
    ]
    container = {
        "name": "nats",
        "image": "nats:2.14.2-alpine",
        "args": ["--config", "/etc/nats-config/nats.conf"],
        "env": [
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "SERVER_NAME", "value": "$(POD_NAME)"},
            *(variable(*one) for one in sorted(take(told, "container.env").items())),
        ],
        "ports": [{"name": name, "containerPort": port} for name, port in PORTS.items()],
        "resources": take(told, "container.resources"),
        "volumeMounts": [
            {"name": "config", "mountPath": "/etc/nats-config"},
            {"name": "pid", "mountPath": "/var/run/nats"},
            {"name": "nats-js", "mountPath": "/data"},
        ],
    } | take(told, "container.merge")
    pod = {
        "containers": [container],
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 60,
        "topologySpreadConstraints": spread,
        "volumes": [
            {"name": "config", "configMap": {"name": "nats-config"}},
            {"name": "pid", "emptyDir": {}},
        ],
    } | take(told, "podTemplate.merge.spec")
    claim = {
        "metadata": {"name": "nats-js"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": volume}},
        },
    }
    return of(
        "apps/v1",
        "StatefulSet",
        "nats",
        spec={
            "replicas": take(told, "config.cluster.replicas"),
            "serviceName": "nats-headless",
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": SELECTOR},
            "template": {"metadata": {"labels": labels}, "spec": pod},
            "volumeClaimTemplates": [claim],
        },
    )


def variable(name: str, told: Any) -> dict[str, Any]:
    return {"name": name} | (told if isinstance(told, dict) else {"value": told})

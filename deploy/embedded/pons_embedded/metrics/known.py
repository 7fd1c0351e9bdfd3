# SPDX-License-Identifier: Apache-2.0
"""Which metrics there are, asked of the services' own code: each is imported, and none is run."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

SERVICES = ("pons_ingress", "pons_index", "pons_render", "pons_egress", "pons_gateway")

PROGRAM = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name + ".service")
importlib.import_module("pons.runtime.service")
from prometheus_client import REGISTRY
labels = {}
for name, module in list(sys.modules.items()):
    if name.startswith("pons"):
        for value in vars(module).values():
            # Nothing public tells the labels of a metric that has no values yet.
            if hasattr(value, "_labelnames") and hasattr(value, "describe"):
                labels[value.describe()[0].name] = list(value._labelnames)
print(json.dumps([
    [one.name, one.type, one.documentation, labels.get(one.name, [])]
    for one in REGISTRY.collect()
]))
"""

SUFFIXES = {
    "counter": ("_total",),
    "gauge": ("",),
    "histogram": ("_bucket", "_sum", "_count"),
    "info": ("_info",),
}
ADDED_LABELS = frozenset({"le", "job", "instance", "namespace", "pod", "pons_service"})
"""Those of a histogram's buckets, and those that Prometheus and our ServiceMonitor add."""

_WORD = re.compile(r'"[^"]*"|[a-zA-Z_:][a-zA-Z0-9_:]*')
_IN_BRACES = re.compile(r"\{([^}]*)\}")
_MATCHER = re.compile(r'([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)\s*"')
_GROUPING = re.compile(r"\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)")


@dataclass(frozen=True, slots=True)
class Known:
    """A metric."""

    name: str
    """Without the suffixes that its kind has in queries."""
    kind: str
    about: str
    labels: tuple[str, ...]

    @property
    def series(self) -> tuple[str, ...]:
        """The names that queries have for it."""
        return tuple(self.name + suffix for suffix in SUFFIXES[self.kind])


def known_metrics() -> list[Known]:
    """Every metric of every service, those of the Python process among them, by name.

    Raises `subprocess.CalledProcessError` where a service cannot be imported.
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = (sys.executable, "-P", "-W", "ignore", "-c", PROGRAM, *SERVICES)
    done = subprocess.run(  # noqa: S603 our own services
        command, env=environment, capture_output=True, text=True, check=True
    )
    return [
        Known(name, kind, about.rstrip("."), tuple(labels))
        for name, kind, about, labels in sorted(json.loads(done.stdout))
    ]


def faults_of(expression: str, known: Iterable[Known]) -> Iterator[str]:
    """What a PromQL expression asks that no service tells: metrics, and labels of them."""
    series = {name: one for one in known for name in one.series}
    asked = [name for name in _names(expression) if name in series]
    if not asked:
        yield f"{expression}: no metric of ours is in it"
    for name in _names(expression):
        if name.startswith(("pons_", "process_", "python_")) and name not in series:
            yield f"{expression}: there is no {name}"
    labels = ADDED_LABELS.union(*(series[name].labels for name in asked))
    for label in _labels(expression):
        if label not in labels:
            yield f"{expression}: nothing in it has the label {label}"


def _names(expression: str) -> list[str]:
    bare = _GROUPING.sub("", _IN_BRACES.sub("", expression))
    return [word for word in _WORD.findall(bare) if word[0] != '"']


def _labels(expression: str) -> Iterator[str]:
    for matchers in _IN_BRACES.findall(expression):
        yield from _MATCHER.findall(matchers)
    for group in _GROUPING.findall(expression):
        yield from (label.strip() for label in group.split(",") if label.strip())

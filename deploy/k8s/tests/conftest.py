# SPDX-License-Identifier: Apache-2.0
"""Overlays as kubectl and Helm put them together, once for all tests."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from pons_embedded.manifests import K8S, NEEDED, Manifest, find_kubectl, render

from .chart import VALUES, chart_manifests
from .cluster import Cluster

Render = Callable[[str], list[Manifest]]


@pytest.fixture(scope="session")
def kubectl() -> str:
    """The program. Skips where there is none that reads our overlays."""
    program = find_kubectl()
    if program is None:
        pytest.skip(NEEDED)
    return program


@pytest.fixture(scope="session")
def overlay(kubectl: str) -> Render:
    """`overlay("single-node")`: what it says, for reading only; of production also its NATS."""

    def put_together(name: str) -> list[Manifest]:
        folder = K8S / "overlays" / name
        chart = chart_manifests(VALUES, "pons-ct") if folder == VALUES.parent else []
        return [*render(kubectl, folder), *chart]

    return cache(put_together)


@pytest.fixture
def cluster(tmp_path: Path, kubectl: str) -> Cluster:
    return Cluster(tmp_path, kubectl)

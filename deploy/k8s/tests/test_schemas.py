# SPDX-License-Identifier: Apache-2.0
"""Every overlay is what Kubernetes takes, and what is not is found."""

import copy

import pytest

from pons_embedded.manifests import API_VERSIONS, NO_SCHEMA, Manifest, schema_faults

from .conftest import Render
from .pods import OVERLAYS, named


@pytest.mark.parametrize("version", API_VERSIONS)
@pytest.mark.parametrize("name", OVERLAYS)
def test_every_manifest_fits_the_api(overlay: Render, name: str, version: str) -> None:
    """Nothing is unknown, misspelt or missing in any of the three versions."""
    assert list(schema_faults(overlay(name), version)) == []


def test_a_misspelt_field_is_found(overlay: Render) -> None:
    """kubectl would drop it without a word."""
    gateway = copy.deepcopy(named(overlay("single-node"), "Deployment", "gateway"))
    gateway["spec"]["template"]["spec"]["enableServiceLink"] = False
    [fault] = schema_faults([gateway], API_VERSIONS[0])
    assert "enableServiceLink" in fault


def test_an_api_that_a_version_lacks_is_found() -> None:
    """1.20's API of autoscalers is not there any more."""
    old: Manifest = {
        "apiVersion": "autoscaling/v2beta2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "render"},
    }
    assert list(schema_faults([old], API_VERSIONS[0])) == [
        f"HorizontalPodAutoscaler render: {API_VERSIONS[0]} has no autoscaling/v2beta2"
    ]


@pytest.mark.parametrize("name", OVERLAYS)
def test_only_kinds_of_operators_are_passed_over(overlay: Render, name: str) -> None:
    """An API group is Kubernetes' own, or in the table with its reason."""
    own = ("apps", "autoscaling", "batch", "networking.k8s.io", "policy", "v1")
    groups = {one["apiVersion"].partition("/")[0] for one in overlay(name)}
    assert groups <= {*own, *NO_SCHEMA}

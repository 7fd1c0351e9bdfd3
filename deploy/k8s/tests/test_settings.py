# SPDX-License-Identifier: Apache-2.0
"""What the services are told: settings that exist, secrets that go to those who need them."""

from typing import Any

import pytest
from argon2 import PasswordHasher

from pons.settings import HealthSettings, RenderSettings, ignored_variables, load_settings
from pons_k8s.secrets import make_secrets

from .conftest import Render
from .pods import OVERLAYS, SERVICES, containers, named, of_kind, pods

SECRETS = {
    name: secret["stringData"]
    for name, secret in make_secrets(None, lambda _user, word: PasswordHasher().hash(word)).items()
}
"""What the Secrets say that an overlay refers to, as `new-store` makes them."""


def settings_of(manifests: list[dict[str, Any]]) -> dict[str, str]:
    [found] = [
        one
        for one in of_kind(manifests, "ConfigMap")
        if one["metadata"]["name"].startswith("settings")
    ]
    return dict(found["data"])


def told(manifests: list[dict[str, Any]], container: dict[str, Any]) -> dict[str, str]:
    """The variables of a container, with those of Secrets."""
    variables: dict[str, str] = {}
    for source in container.get("envFrom", []):
        if "configMapRef" in source:
            variables |= settings_of(manifests)
        else:
            variables |= SECRETS[source["secretRef"]["name"]]
    for one in container.get("env", []):
        reference = one["valueFrom"]["secretKeyRef"]
        variables[one["name"]] = SECRETS[reference["name"]][reference["key"]]
    return variables


@pytest.mark.parametrize("service", [*SERVICES, "migrate"])
@pytest.mark.parametrize("name", OVERLAYS)
def test_every_variable_is_a_setting(
    overlay: Render, name: str, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service's own loading takes them all and ignores none, and what they say holds."""
    template = dict(pods(overlay(name)))[service]
    for container in containers(template):
        variables = told(overlay(name), container)
        with monkeypatch.context() as patch:
            for variable, text in variables.items():
                patch.setenv(variable, text)
            settings = load_settings()
            assert ignored_variables() == []
        assert settings.storage.kind == "s3"
        assert settings.health.port == 8081
        if "PONS_HTTP_USERS" in variables:
            assert (settings.http_host, settings.dicom_host) == ("0.0.0.0", "0.0.0.0")


HOLDERS = {
    "pons-database-owner": {"index", "migrate"},
    "pons-database": {*SERVICES, "migrate"},
    "pons-users": {"gateway", "dicom-ingress"},
    "pons-tokens": {"gateway", "dicom-ingress", "egress", "render"},
}


@pytest.mark.parametrize("secret", HOLDERS)
@pytest.mark.parametrize("name", OVERLAYS)
def test_a_secret_goes_to_those_who_need_it(overlay: Render, name: str, secret: str) -> None:
    """The role that writes goes to the index alone."""
    holders = {
        owner
        for owner, template in pods(overlay(name))
        for container in containers(template)
        if secret
        in str([container.get("envFrom"), container.get("env")]).replace(f"{secret}-", "another")
    }
    assert holders == HOLDERS[secret]


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("name", OVERLAYS)
def test_a_pod_has_the_time_that_its_end_may_take(overlay: Render, name: str, service: str) -> None:
    """Longer than leaving, draining and finishing together, with some seconds to close."""
    settings = settings_of(overlay(name))
    takes = float(settings["PONS_HEALTH_LEAVE_SECONDS"]) + HealthSettings().finish_seconds + 10
    if service == "dicom-ingress":
        takes += float(settings["PONS_DICOM_DRAIN_SECONDS"])
    template = named(overlay(name), "Deployment", service)["spec"]["template"]
    assert template["spec"]["terminationGracePeriodSeconds"] >= takes


@pytest.mark.parametrize("name", OVERLAYS)
def test_renders_processes_fit_into_its_memory(overlay: Render, name: str) -> None:
    """Each decoding process may take `render.memory_mb`, whatever number of cores a node has."""
    workers = int(settings_of(overlay(name))["PONS_RENDER_WORKERS"])
    [container] = named(overlay(name), "Deployment", "render")["spec"]["template"]["spec"][
        "containers"
    ]
    limit = container["resources"]["limits"]["memory"]
    assert limit.endswith("Mi")
    assert int(limit.removesuffix("Mi")) >= workers * RenderSettings().memory_mb + 512

# SPDX-License-Identifier: Apache-2.0
"""docker-compose.yml, as it is written: what services are told, and who reaches whom."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from pons.settings import variables

CHECKOUT = Path(__file__).parents[3]
OURS = {"gateway", "dicom-ingress", "index", "render", "egress"}
BACKING = {"postgres", "nats", "minio"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())
    return document


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return dict(compose["services"])


def test_every_variable_is_a_setting(services: dict[str, dict[str, Any]]) -> None:
    """A misspelt one would end the start; one with `_FILE` names a secret that the service has."""
    for name in OURS:
        for variable, value in services[name]["environment"].items():
            plain = variable.removesuffix("_FILE")
            assert plain in variables(), variable
            if plain != variable:
                assert value.removeprefix("/run/secrets/") in services[name]["secrets"]


def test_only_the_two_doors_are_published(services: dict[str, dict[str, Any]]) -> None:
    """And nobody else but egress, which calls others, is in the network that leads outside."""
    assert {name for name in services if "ports" in services[name]} == {"gateway", "dicom-ingress"}
    outside = {name for name, one in services.items() if "outside" in one["networks"]}
    assert outside == {"gateway", "dicom-ingress", "egress"}


def test_the_inner_network_leads_nowhere(compose: dict[str, Any]) -> None:
    """PostgreSQL, NATS and MinIO reach nothing, and nothing reaches them."""
    assert compose["networks"]["inside"] == {"internal": True}


def test_only_the_index_knows_the_role_that_writes(services: dict[str, dict[str, Any]]) -> None:
    """PostgreSQL itself makes it."""
    knowing = {name for name, one in services.items() if "database_url" in one["secrets"]}
    assert knowing == {"index"}
    knowing = {name for name, one in services.items() if "database_password" in one["secrets"]}
    assert knowing == {"postgres"}


def test_who_asks_render_knows_its_token(services: dict[str, dict[str, Any]]) -> None:
    """The index asks nothing."""
    knowing = {name for name in OURS if "render_token" in services[name]["secrets"]}
    assert knowing == OURS - {"index"}


def test_containers_can_do_no_more_than_they_need(services: dict[str, dict[str, Any]]) -> None:
    """No capability, no way to more rights, and a root file system that stays as it is."""
    assert set(services) == OURS | BACKING
    for one in services.values():
        assert one["cap_drop"] == ["ALL"]
        assert one["security_opt"] == ["no-new-privileges:true"]
        assert one["read_only"] is True
        assert not {"privileged", "cap_add", "pid", "network_mode"} & one.keys()


def test_a_store_in_kubernetes_has_the_same_backing_servers(
    services: dict[str, dict[str, Any]],
) -> None:
    """One version of each is tried, and updated in both places."""
    overlay = CHECKOUT / "deploy/k8s/overlays/single-node/kustomization.yaml"
    named = yaml.safe_load(overlay.read_text())["images"]
    by_default = {services[name]["image"].partition(":-")[2].removesuffix("}") for name in BACKING}
    assert {f"{one['name']}:{one['newTag']}" for one in named} == by_default


def test_postgresql_stays_what_reads_the_volumes_that_are_there(
    services: dict[str, dict[str, Any]],
) -> None:
    """Another major version starts with none of them: who names one has to say how to get there."""
    assert ":-postgres:17-" in services["postgres"]["image"]


def test_patients_names_are_not_in_logs(services: dict[str, dict[str, Any]]) -> None:
    """PostgreSQL would write the statements that fail there."""
    assert "log_min_error_statement=panic" in services["postgres"]["command"]


@pytest.mark.parametrize("script", ["compose/postgres.sh", "k8s/overlays/single-node/roles.sh"])
def test_passwords_are_in_no_list_of_processes(script: str) -> None:
    """They are read by psql, and are no arguments of it."""
    text = (CHECKOUT / "deploy" / script).read_text()
    command, _, statements = text.partition("<<'SQL'")
    assert "PASSWORD :'" in statements
    assert "/run/secrets" not in command
    assert "$OWNER_PASSWORD" not in command


def test_each_starts_after_what_it_needs(services: dict[str, dict[str, Any]]) -> None:
    """Not only after it has been started, but once it is healthy."""
    needed = {name: set(one.get("depends_on", ())) for name, one in services.items()}
    assert needed["index"] == BACKING
    assert all("index" in needed[name] for name in OURS - {"index"})
    for one in services.values():
        for need in one.get("depends_on", {}).values():
            assert need == {"condition": "service_healthy"}


@pytest.mark.parametrize("name", ["tls", "external-postgres"])
def test_overrides_say_what_is_a_setting_of_a_service(
    name: str, services: dict[str, dict[str, Any]]
) -> None:
    """Each changes services that are there, by settings that are."""
    text = (CHECKOUT / "deploy/compose" / f"{name}.yml").read_text()
    changed = yaml.load(text, Loader=Tagged)["services"]
    assert changed.keys() <= services.keys()
    for one in changed.values():
        assert ((one or {}).get("environment") or {}).keys() <= variables().keys()


def test_traces_of_every_service_go_to_the_collector_beside_them(
    services: dict[str, dict[str, Any]],
) -> None:
    """Where it listens, on a network that they are on; it changes nothing else of them."""
    changed = yaml.safe_load((CHECKOUT / "deploy/compose/traces.yml").read_text())["services"]
    collector = changed.pop("collector")
    assert changed.keys() == OURS
    told = {one["environment"]["PONS_TRACES_ENDPOINT"] for one in changed.values()}
    assert told == {"${TRACES_ENDPOINT:-http://collector:4318/v1/traces}"}
    for name, one in changed.items():
        assert one.keys() == {"environment"}
        assert one["environment"].keys() <= variables().keys()
        assert {*services[name]["networks"]} & {*collector["networks"]}
    [mounted] = collector["volumes"]
    source, target, _ = mounted.split(":")
    assert collector["command"] == [f"--config={target}"]
    configured = yaml.safe_load((CHECKOUT / source).read_text())
    assert configured["receivers"]["otlp"]["protocols"]["http"]["endpoint"] == "0.0.0.0:4318"


def test_scripts_ask_a_gateway_with_a_certificate_by_https(
    services: dict[str, dict[str, Any]],
) -> None:
    """It answers nothing else then."""
    changed = yaml.safe_load((CHECKOUT / "deploy/compose/tls.yml").read_text())["services"]
    for name, one in services.items():
        if "PONS_LUA_TOKEN_FILE" in one.get("environment", {}):
            assert changed[name]["environment"]["PONS_LUA_URL"] == "https://gateway:8042"


class Tagged(yaml.SafeLoader):
    """Reads Compose's own tags, !reset and !override, as what stands behind them."""


def behind_tag(loader: Tagged, _tag: str, node: yaml.Node) -> Any:
    return loader.construct_mapping(node) if isinstance(node, yaml.MappingNode) else None


Tagged.add_multi_constructor("!", behind_tag)

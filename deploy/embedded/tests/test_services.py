# SPDX-License-Identifier: Apache-2.0
"""What services are told, and how settings become processes."""

import socket
import sys
from pathlib import Path

import pytest

from pons.settings import load_settings
from pons_embedded.folder import DataFolder
from pons_embedded.services import service_programs, shared_environment
from pons_embedded.up import connections, http_address


def test_every_pool_fits_into_postgresql() -> None:
    """With more processes PostgreSQL takes more connections, so that none is turned away."""
    assert connections(load_settings()) == 140
    assert connections(load_settings(dicom={"processes": 10})) == 356
    assert connections(load_settings(http={"processes": 10})) == 356


def test_relative_storage_path_is_where_the_user_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path in the settings means the same for every service."""
    monkeypatch.chdir(tmp_path)
    settings = load_settings(storage={"path": "images"})
    told = shared_environment(settings, None, DataFolder(tmp_path / "data"))
    assert told["PONS_STORAGE_PATH"] == str(tmp_path / "images")


def test_s3_store_has_no_folder(tmp_path: Path) -> None:
    """With S3 no folder of objects is named."""
    settings = load_settings(storage={"kind": "s3", "s3_endpoint": "127.0.0.1:9000"})
    assert "PONS_STORAGE_PATH" not in shared_environment(settings, None, DataFolder(tmp_path))


def test_chosen_render_port_stays(tmp_path: Path) -> None:
    """A render port in the settings is used; without one a free port is."""
    folder = DataFolder(tmp_path)
    chosen = shared_environment(load_settings(render={"port": 8050}), None, folder)
    assert chosen["PONS_RENDER_PORT"] == "8050"
    assert shared_environment(load_settings(), None, folder)["PONS_RENDER_PORT"] != "8043"


def test_services_write_bytecode_and_know_their_settings(tmp_path: Path) -> None:
    """Every service is a module of this Python, with the same absolute configuration file."""
    config = tmp_path / "pons.toml"
    config.touch()
    folder = DataFolder(tmp_path)
    programs = service_programs(load_settings(config), config, folder, {}, "")
    assert [one.name for one in programs] == ["gateway", "ingress", "render", "egress", "index"]
    for program in programs:
        command = program.prepare()
        assert command.argv == (sys.executable, "-P", "-m", f"pons_{program.name}")
        assert command.environment["PONS_CONFIG"] == str(config)
        assert "PYTHONDONTWRITEBYTECODE" not in command.environment


def told_tokens(folder: Path, **render: str) -> dict[str, str | None]:
    """Each service to the token that it is told."""
    programs = service_programs(load_settings(render=render), None, DataFolder(folder), {}, "")
    return {one.name: one.prepare().environment.get("PONS_RENDER_TOKEN") for one in programs}


def test_who_asks_render_shares_its_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each run has another one, unless one is chosen; the index, which asks nothing, has none."""
    told, again = told_tokens(tmp_path), told_tokens(tmp_path)
    assert told["gateway"] == told["ingress"] == told["egress"] == told["render"]
    assert len(told["render"] or "") == 48
    assert told["render"] != again["render"]
    assert told["index"] is None
    monkeypatch.setenv("PONS_RENDER_TOKEN", "chosen-by-somebody")
    chosen = told_tokens(tmp_path)
    assert {chosen[name] for name in told if name != "index"} == {"chosen-by-somebody"}
    assert chosen["index"] is None


def test_secrets_in_files_reach_only_who_is_told_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the launcher gives as a value has no file beside it; the index has none of a token."""
    for name, value in {"RENDER_TOKEN": "chosen-by-somebody", "NATS_URL": "nats://x:4222"}.items():
        (tmp_path / name).write_text(value)
        monkeypatch.setenv(f"PONS_{name}_FILE", str(tmp_path / name))
    settings = load_settings()
    programs = service_programs(settings, None, DataFolder(tmp_path), {}, "nats://other:4222")
    told = {one.name: one.prepare().environment for one in programs}
    assert told["gateway"]["PONS_RENDER_TOKEN"] == "chosen-by-somebody"
    assert not {"PONS_RENDER_TOKEN_FILE", "PONS_NATS_URL_FILE"} & told["gateway"].keys()
    assert not {"PONS_RENDER_TOKEN_FILE", "PONS_RENDER_TOKEN"} & told["index"].keys()


def test_a_taken_health_port_is_left(tmp_path: Path) -> None:
    """What took a service's port before it listened does not keep it from its next start."""
    index = service_programs(load_settings(), None, DataFolder(tmp_path), {}, "")[-1]
    index.prepare()
    first = index.probe()
    assert first is not None
    with socket.create_server((first.host, first.port)):
        environment = index.prepare().environment
    second = index.probe()
    assert second is not None
    assert environment["PONS_HEALTH_PORT"] == str(second.port) != str(first.port)


def test_address_is_one_that_a_browser_takes() -> None:
    """The printed address is usable, for IPv6 too."""
    assert http_address(load_settings()) == "http://127.0.0.1:8042/"
    assert http_address(load_settings(http={"host": "::1"})) == "http://[::1]:8042/"
    secured = load_settings(http={"tls_certificate": "/store.pem"})
    assert http_address(secured) == "https://127.0.0.1:8042/"

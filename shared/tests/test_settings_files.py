# SPDX-License-Identifier: Apache-2.0
"""Settings whose values are in files that variables name."""

import os
from pathlib import Path

import pytest

from pons.settings import SettingsError, ignored_variables, load_settings

HASH = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaGhhc2g"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests start without the settings of whoever runs them."""
    for name in list(os.environ):
        if name.startswith("PONS_"):
            monkeypatch.delenv(name)


def test_a_value_can_be_in_a_file_that_a_variable_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As orchestrators hand over secrets: text as it is, tables as JSON, without the line's end."""
    (tmp_path / "url").write_text("postgresql://pons:se cret@db/pons\n")
    (tmp_path / "users").write_text('{"alice": "' + HASH + '"}\r\n')
    monkeypatch.setenv("PONS_DATABASE_URL_FILE", str(tmp_path / "url"))
    monkeypatch.setenv("PONS_HTTP_USERS_FILE", str(tmp_path / "users"))
    settings = load_settings()
    assert settings.database.url == "postgresql://pons:se cret@db/pons"
    assert settings.http.users == {"alice": HASH}
    assert ignored_variables() == []


def test_the_file_of_a_variable_wins_over_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands for the variable; the rest of the section stays."""
    config = tmp_path / "pons.toml"
    config.write_text("[http]\nport = 1\nmax_body_mb = 2\n")
    (tmp_path / "port").write_text("3")
    monkeypatch.setenv("PONS_HTTP_PORT_FILE", str(tmp_path / "port"))
    http = load_settings(config).http
    assert (http.port, http.max_body_mb) == (3, 2)


def test_a_setting_that_ends_in_file_is_no_file_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """`egress.https_ca_file` is the path itself."""
    monkeypatch.setenv("PONS_EGRESS_HTTPS_CA_FILE", "/etc/ssl/ours.pem")
    assert load_settings().egress.https_ca_file == "/etc/ssl/ours.pem"


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            {"PONS_RENDER_TOKEN_FILE": "/no"},
            (
                "PONS_RENDER_TOKEN_FILE names the file '/no', which cannot be read: "
                "No such file or directory"
            ),
        ),
        (
            {"PONS_RENDER_TOKEN_FILE": "/nowhere/token", "PONS_RENDER_TOKEN": "0123456789abcdef"},
            "PONS_RENDER_TOKEN and PONS_RENDER_TOKEN_FILE are both set: leave one of them out",
        ),
        (
            {"PONS_RENDER_TOKN_FILE": "/nowhere/token"},
            "PONS_RENDER_TOKN_FILE is not a setting; did you mean PONS_RENDER_TOKEN_FILE?",
        ),
    ],
)
def test_a_file_that_gives_no_value_ends_the_start(
    variables: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence names the variable, the file and the reason."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert str(raised.value) == message


def test_a_table_in_a_file_that_is_no_json_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its setting's variable, and without the value."""
    (tmp_path / "users").write_text("alice: secret")
    monkeypatch.setenv("PONS_HTTP_USERS_FILE", str(tmp_path / "users"))
    with pytest.raises(SettingsError, match="PONS_HTTP_USERS is not JSON") as raised:
        load_settings()
    assert "secret" not in str(raised.value)

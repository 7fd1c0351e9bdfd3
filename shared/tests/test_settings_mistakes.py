# SPDX-License-Identifier: Apache-2.0
"""A wrong setting is told in one sentence, and no message repeats a secret."""

import os
from pathlib import Path
from typing import Any

import pytest

from pons.settings import (
    SettingsError,
    load_settings,
    variables,
)


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests start without the settings of whoever runs them."""
    for name in list(os.environ):
        if name.startswith("PONS_"):
            monkeypatch.delenv(name)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "pons.toml"


@pytest.mark.parametrize("name", sorted(variables()))
def test_a_letter_too_few_or_two_changed_is_a_mistake(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the setting: who meant it hears so, instead of a store without it."""
    swapped = name[:-2] + name[-1] + name[-2]
    for misspelt in {name[:-1], f"{name}S", swapped} - variables().keys():
        monkeypatch.setenv(misspelt, "5")
        with pytest.raises(SettingsError, match=f"{misspelt} is not a setting; did you mean PONS_"):
            load_settings()
        monkeypatch.delenv(misspelt)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PONS_HTTP_PORT", "x", "http.port: Input should be a valid integer, unable to parse "),
        ("PONS_HTTP_PORT", "70000", "http.port: Input should be less than or equal to 65535 (it"),
        ("PONS_HTP_PORT", "1", "PONS_HTP_PORT is not a setting; did you mean PONS_HTTP_PORT?"),
        ("PONS_HTTP", "{}", "PONS_HTTP is not a setting; did you mean PONS_HTTP_"),
        ("PONS_DATABASE_URI", "x", "PONS_DATABASE_URI is not a setting; did you mean PONS_DATABA"),
        ("PONS_STORAGE_MAX_SIZE_MB", "1", "PONS_STORAGE_MAX_SIZE_MB is not a setting; did you "),
        ("PONS_STORE_READONLY", "1", "PONS_STORE_READONLY is not a setting; did you mean PONS_STO"),
        ("PONS_STOARGE_PATH", "/x", "PONS_STOARGE_PATH is not a setting; did you mean PONS_STORA"),
        ("PONS_CONFIG", "/none/pons.toml", "there is no configuration file /none/pons.toml"),
        ("PONS_STORE_NAME", "Bad Name", "store.name: String should match pattern"),
        ("PONS_STORE_NAME", "a.b", "store.name: String should match pattern"),
        (
            "PONS_HTTP_TRUSTED_PROXIES",
            '["*"]',
            "http.trusted_proxies: no address and no network: '*'",
        ),
        ("PONS_DICOM_AET", "A" * 17, "dicom.aet: String should match pattern"),
        ("PONS_DICOM_AET", "A\\B", "dicom.aet: String should match pattern"),
        ("PONS_DICOM_AET", "  ", "dicom.aet: String should match pattern"),
        ("PONS_INGEST_ANSWER_TIMEOUT", "0", "ingest.answer_timeout: Input should be greater than"),
        ("PONS_INGEST_DEFAULT_CHARSET", "klingon", "ingest.default_charset: unknown encoding: kli"),
        ("PONS_INGEST_DEFAULT_CHARSET", "hex", "ingest.default_charset: 'hex' is not a text enco"),
        ("PONS_STORAGE_KIND", "s4", "storage.kind: Input should be 'file' or 's3' (it is 's4')"),
        ("PONS_STORAGE_KIND", "s3", "storage: storage.kind = 's3' needs s3_endpoint and s3_bucket"),
        ("PONS_STORAGE_S3_ENDPOINT", "http://s3", "storage: s3_endpoint is host:port; s3_secure"),
        ("PONS_HTTP_HOST", "0.0.0.0", "http.host = '0.0.0.0' would let anyone in: configure"),
        ("PONS_HTTP_HOST", "store.example.org", "http.host = 'store.example.org' would let any"),
        ("PONS_HTTP_USERS", "{alice", "PONS_HTTP_USERS is not JSON: Expecting property name"),
        ("PONS_HTTP_USERS", "5", "http.users: this is a table of settings, not a value"),
        ("PONS_MODALITIES", "[1]", "modalities: this is a table of settings, not a value"),
        ("PONS_NATS_URL", "localhost:4222", "nats.url: a NATS address is nats://host:port or"),
        ("PONS_NATS_URL", "nats://", "nats.url: a NATS address is nats://host:port or"),
        ("PONS_NATS_URL", "nats://a:70000", "nats.url: a NATS address is nats://host:port or"),
        ("PONS_NATS_URL", "nats://a,", "nats.url: a NATS address is nats://host:port or"),
        ("PONS_DATABASE_URL", "db", "database.url: a PostgreSQL address begins with postgresql://"),
    ],
)
def test_a_wrong_variable_is_told_in_a_sentence(
    name: str, value: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence names the setting, says what it may be and, unless it is secret, what it is."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert str(error.value).startswith(sentence)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[http]\ntitle = 1\n", "http.title: there is no such setting"),
        ("[htp]\nport = 1\n", "htp: there is no such setting"),
        ("http = 1\n", "http: this is a table of settings, not a value"),
        ("[http]\nport = 0\n[dicom]\nport = 0\n", "http.port: Input should be greater than or"),
        ("[http\n", "{config} cannot be read: Expected ']' at the end of a table declaration"),
        ("a = '\udcff'", "{config} cannot be read: 'utf-8' codec can't decode byte 0xff"),
    ],
)
def test_a_wrong_file_is_told_in_a_sentence(text: str, sentence: str, config: Path) -> None:
    """A misspelt setting ends the start instead of being passed over."""
    config.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(SettingsError) as error:
        load_settings(config)
    assert str(error.value).startswith(sentence.format(config=config))


def test_each_mistake_is_told() -> None:
    """Two mistakes are two sentences, so that nobody starts twice to find both."""
    with pytest.raises(SettingsError) as error:
        load_settings(http={"port": 0}, dicom={"port": 0})
    assert "http.port: " in str(error.value)
    assert "; dicom.port: " in str(error.value)


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("http", "users", {"alice": "s3cret"}),
        ("http", "users", {"alice": 53213}),
        ("http", "users", "s3cret53213"),
        ("storage", "s3_secret_key", 53213),
        ("render", "token", "53213"),
        ("render", "token", "532135321353213 with spaces"),
        ("database", "url", "s3cret"),
        ("nats", "url", "nats://pons:s3cret@host:53213x"),
        ("nats", "url", 53213),
    ],
)
def test_no_message_repeats_a_secret(section: str, name: str, value: Any) -> None:
    """Messages end in logs and on screens."""
    overrides: dict[str, Any] = {section: {name: value}}
    with pytest.raises(SettingsError) as error:
        load_settings(**overrides)
    assert "s3cret" not in str(error.value)
    assert "53213" not in str(error.value)


def test_a_password_in_place_of_its_hash_is_refused() -> None:
    """A password in clear in the file is a mistake that nobody else would notice."""
    broken = {"users": {"alice": "$argon2id$v=19$m=65536,t=3,p=4$x$y"}}
    with pytest.raises(SettingsError, match="password of 'alice' is not an argon2 hash"):
        load_settings({}, http=broken)
    with pytest.raises(SettingsError, match="password of 'alice' is not an argon2 hash"):
        load_settings(http={"users": {"alice": "secret"}})

# SPDX-License-Identifier: Apache-2.0
"""Settings: where they come from, what wins, and how a mistake is told."""

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pons.settings import (
    Settings,
    SettingsError,
    ignored_variables,
    is_loopback,
    load_settings,
    sections,
    variables,
)

INJECTED_SERVICES = [*sections(), "gateway", "dicom-ingress", "nm-gateway", "https"]
HASH = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaGhhc2g"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests start without the settings of whoever runs them."""
    for name in list(os.environ):
        if name.startswith("PONS_"):
            monkeypatch.delenv(name)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "pons.toml"


def test_a_store_without_any_setting_is_the_documented_one() -> None:
    """REST on 8042, DICOM on 4242 as PONS, on loopback."""
    settings = load_settings()
    assert settings.store.name == "main"
    assert (settings.http_host, settings.http.port) == ("127.0.0.1", 8042)
    assert (settings.dicom_host, settings.dicom.port) == ("127.0.0.1", 4242)
    assert settings.dicom.aet == "PONS"
    assert settings.storage.fsync is True


def test_a_variable_wins_over_the_file_and_the_file_over_the_default(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each setting comes from the first place that has it, the others of its section too."""
    config.write_text('[http]\nport = 1\nmax_body_mb = 2\n[dicom]\naet = "FILE"\n')
    monkeypatch.setenv("PONS_HTTP_PORT", "3")
    settings = load_settings(config)
    assert settings.http.port == 3
    assert settings.http.max_body_mb == 2
    assert settings.http.max_zip_entry_mb == 4096
    assert settings.dicom.aet == "FILE"


def test_what_the_caller_chose_wins_over_everything(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Options of the launcher beat variables and the file, and leave the rest of the section."""
    config.write_text("[http]\nport = 1\nmax_body_mb = 2\n")
    monkeypatch.setenv("PONS_HTTP_PORT", "3")
    monkeypatch.setenv("PONS_HTTP_MAX_ZIP_ENTRY_MB", "4")
    http = load_settings(config, http={"port": 5}).http
    assert (http.port, http.max_body_mb, http.max_zip_entry_mb) == (5, 2, 4)


def test_pons_config_names_the_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that the launcher starts reads the launcher's file."""
    config.write_text('[store]\nname = "cardiology"\n')
    monkeypatch.setenv("PONS_CONFIG", str(config))
    assert load_settings().store.name == "cardiology"


def test_modalities_come_from_the_file_in_both_forms(config: Path) -> None:
    """A table and an array are kept as they are; whoever uses them parses them."""
    config.write_text('[modalities]\nct = ["CT1", "192.0.2.7", 104]\n[modalities.a]\nAET = "A"\n')
    assert load_settings(config).modalities == {
        "ct": ["CT1", "192.0.2.7", 104],
        "a": {"AET": "A"},
    }


def test_tables_in_variables_are_json_and_join_those_of_the_file(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A modality more by variable does not drop those of the file."""
    config.write_text('[modalities]\nct = ["CT1", "192.0.2.7", 104]\n')
    monkeypatch.setenv("PONS_MODALITIES", '{"mr": ["MR1", "192.0.2.8", 104]}')
    assert set(load_settings(config).modalities) == {"ct", "mr"}


@pytest.mark.parametrize("name", sorted(variables()))
def test_every_setting_is_a_variable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting whose variable did nothing would be set in vain."""
    section, key = variables()[name]
    given: dict[str, tuple[str, Any]] = {
        "PONS_MODALITIES": ('{"a": []}', {"a": []}),
        "PONS_PEERS": ('{"a": []}', {"a": []}),
        "PONS_DICOM_ACCEPTED_TRANSFER_SYNTAXES": ('["1.2.*"]', ["1.2.*"]),
        "PONS_DICOM_ACCEPTED_SOP_CLASSES": ('["1.2.*"]', ["1.2.*"]),
        "PONS_DICOM_REJECTED_SOP_CLASSES": ('["1.2.*"]', ["1.2.*"]),
        "PONS_DICOM_TLS_ENABLED": ("true", True),
        "PONS_DICOM_TLS_MINIMUM_VERSION": ("1.3", "1.3"),
        "PONS_HTTP_TLS_MINIMUM": ("1.3", "1.3"),
        "PONS_HTTP_TLS_CIPHERS": ('["TLS_A"]', ["TLS_A"]),
        "PONS_HTTP_USERS": (f'{{"alice": "{HASH}"}}', {"alice": HASH}),
        "PONS_HTTP_HOST": ("localhost", "localhost"),
        "PONS_HTTP_LANGUAGE": ("de", "de"),
        "PONS_HTTP_TRUSTED_PROXIES": ('["::1", "10.0.0.0/8"]', ["::1", "10.0.0.0/8"]),
        "PONS_EGRESS_PREFERRED_TRANSFER_SYNTAX": ("1.2.840.10008.1.2", "1.2.840.10008.1.2"),
        "PONS_STORE_NAME": ("other", "other"),
        "PONS_STORAGE_KIND": ("file", "file"),
        "PONS_STORAGE_MAXIMUM_MODE": ("Reject", "Reject"),
        "PONS_ARCHIVE_COMPRESSION": ("fast", "fast"),
        "PONS_RENDER_TOKEN": ("of-sixteen-or-more", "of-sixteen-or-more"),
        "PONS_LUA_SCRIPTS": ('["/filter.lua"]', ["/filter.lua"]),
        "PONS_LUA_TOKEN": ("of-sixteen-or-more", "of-sixteen-or-more"),
        "PONS_STORAGE_PATH": ("/objects", Path("/objects")),
        "PONS_STORAGE_SWEEP_SHARE": ("0.5", 0.5),
        "PONS_DATABASE_URL": ("postgresql://db", "postgresql://db"),
        "PONS_DATABASE_READER_URL": ("postgres://db", "postgres://db"),
        "PONS_DICOM_TLS_CIPHERS": ('["TLS_A"]', ["TLS_A"]),
        "PONS_EGRESS_HTTP_PROXY": ("http://proxy:3128", "http://proxy:3128"),
        "PONS_HTTP_PAGE": ("/explorer/", "/explorer/"),
        "PONS_NATS_URL": ("nats://a, tls://b:1", "nats://a, tls://b:1"),
        "PONS_INDEX_OVERWRITE_INSTANCES": ("IfChanged", "IfChanged"),
        "PONS_INGEST_DEFAULT_CHARSET": ("utf-8", "utf-8"),
        "PONS_INGEST_DICTIONARY": (
            '{"0009,1001": ["DS", "Score", 1, 1, "ME"]}',
            {"0009,1001": ("DS", "Score", "ME")},
        ),
        "PONS_INDEX_USER_METADATA": ('{"a": 1024}', {"a": 1024}),
        "PONS_HTTP_HOSTS": ('["pacs.example"]', ["pacs.example"]),
        "PONS_INDEX_EXTRA_MAIN_TAGS": ('{"Study": ["Rows"]}', {"Study": ["Rows"]}),
        "PONS_INDEX_USER_CONTENT_TYPES": ('{"a": [1024, "b/c"]}', {"a": (1024, "b/c")}),
        "PONS_JOBS_RETRY": ("asynchronous", "asynchronous"),
        "PONS_EGRESS_RETRIEVE_METHOD": ("C-GET", "C-GET"),
        "PONS_ROUTING_RULES": ('{"a": {"To": ["b"]}}', {"a": {"To": ["b"]}}),
        "PONS_ROUTING_WEBHOOKS": ('{"a": {"Url": "b"}}', {"a": {"Url": "b"}}),
        "PONS_ROUTING_DENIED_NETWORKS": ("10.0.0.0/8, fc00::/7", "10.0.0.0/8, fc00::/7"),
        "PONS_RETENTION_RULES": ('{"a": {"KeepDays": 1}}', {"a": {"KeepDays": 1}}),
        "PONS_RETENTION_KEEPING_LABELS": ('["teaching"]', ["teaching"]),
        "PONS_WORKLISTS_CHARSET": ("entry", "entry"),
        "PONS_FIND_CHARSET": ("complete", "complete"),
        "PONS_WORKLISTS_FOLDER": ("/worklists", Path("/worklists")),
        "PONS_LOG_LEVEL": ("error", "error"),
        "PONS_LOG_FORMAT": ("json", "json"),
        "PONS_TRACES_ENDPOINT": ("http://a:4318/v1/traces", "http://a:4318/v1/traces"),
        "PONS_TRACES_SAMPLE": ("0.25", 0.25),
        "PONS_TRACES_HEADERS": ('{"authorization": "a"}', {"authorization": "a"}),
    }
    if name not in given:
        default: Any = sections()[section].model_fields[key].default
        if isinstance(default, str):
            given[name] = (f"{default}X", f"{default}X")
        elif isinstance(default, bool):
            given[name] = (str(not default).lower(), not default)
        else:
            given[name] = (str(default + 1), default + 1)
    text, expected = given[name]
    monkeypatch.setenv(name, text)
    settings = load_settings()
    found = getattr(settings, section)
    assert (getattr(found, key) if key else found) == expected


def test_every_setting_is_described() -> None:
    """A setting without a description is an empty cell in docs/configuration.md."""
    undescribed = [
        f"{section}.{name}"
        for section, kind in sections().items()
        for name, field in kind.model_fields.items()
        if not field.description
    ]
    assert undescribed == []


def test_variables_of_tests_and_benchmarks_are_no_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """PONS_TEST_* and PONS_BENCH_* are for those who develop Pons."""
    monkeypatch.setenv("PONS_TEST_LARGE", "2048")
    monkeypatch.setenv("PONS_BENCH_ROUNDS", "3")
    assert load_settings().store.name == "main"


@pytest.mark.parametrize("service", ["pons", *(f"pons-{name}" for name in INJECTED_SERVICES)])
def test_what_a_cluster_injects_is_no_setting(
    service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kubernetes tells each container of each service, also of one that is called like a section.

    https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
    """
    name = service.upper().replace("-", "_")
    injected = {
        f"{name}_SERVICE_HOST": "10.0.0.11",
        f"{name}_SERVICE_PORT": "8042",
        f"{name}_SERVICE_PORT_HTTP": "8042",
        f"{name}_PORT": "tcp://10.0.0.11:8042",
        f"{name}_PORT_8042_TCP": "tcp://10.0.0.11:8042",
        f"{name}_PORT_8042_TCP_PROTO": "tcp",
        f"{name}_PORT_8042_TCP_PORT": "8042",
        f"{name}_PORT_8042_TCP_ADDR": "10.0.0.11",
    }
    before = load_settings().model_dump()
    for variable, value in injected.items():
        monkeypatch.setenv(variable, value)
    assert load_settings().model_dump() == before
    assert ignored_variables() == sorted(injected)


@pytest.mark.parametrize(
    "name",
    [
        *("PONS_XYZZY", "PONS_DATABASE_PASSWORD", "PONS_DATABASE_USER", "PONS_HTTP_PROXY"),
        *("PONS_LOG_DIR", "PONS_STORE_ID", "PONS_GATEWAY_PORT", "PONS_INDEX_PORT", "PONS_VERSION"),
        *("PONS_EGRESS_PORT", "PONS_INGRESS_URL", "PONS_IMAGE", "PONS_HOME", "PONS_DATA"),
    ],
)
def test_a_variable_for_another_purpose_is_left_alone(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have the name of a section in it, as long as it is not nearly that of a setting."""
    before = load_settings().model_dump()
    monkeypatch.setenv(name, "5")
    assert load_settings().model_dump() == before
    assert ignored_variables() == [name]


def test_users_open_the_store_to_the_network() -> None:
    """With users REST and DICOM listen on every interface, unless a host is set."""
    settings = load_settings(http={"users": {"alice": HASH}})
    assert (settings.http_host, settings.dicom_host) == ("0.0.0.0", "0.0.0.0")
    settings = load_settings(http={"users": {"alice": HASH}, "host": "::1"}, dicom={"host": "::1"})
    assert (settings.http_host, settings.dicom_host) == ("::1", "::1")


def test_a_proxy_may_be_what_authenticates() -> None:
    """Without users, REST leaves loopback only where that is said to be wanted."""
    settings = load_settings(http={"host": "0.0.0.0", "allow_anonymous": True})
    assert settings.http_host == "0.0.0.0"


def test_render_is_found_where_it_listens_unless_told_otherwise() -> None:
    """In a cluster the gateway asks a service name, on one machine host and port."""
    assert load_settings(render={"port": 9000}).render_url == "http://127.0.0.1:9000"
    assert load_settings(render={"url": "http://render:80"}).render_url == "http://render:80"


def test_settings_do_not_change_after_the_start() -> None:
    """What a service was started with is what it runs with."""
    settings = load_settings()
    with pytest.raises(ValidationError):
        settings.http.port = 1  # type: ignore[misc]
    with pytest.raises(ValidationError):
        settings.http = Settings().http  # type: ignore[misc]


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.0.2.1", False),
        ("localhost.example.org", False),
        ("", False),
    ],
)
def test_loopback_is_recognised(host: str, loopback: bool) -> None:
    """The line between a store that only this machine reaches and one that all do."""
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(
    ("names", "mistake"),
    [
        ({"mine": 1023}, "the number of 'mine' is 1023, not from 1024 to 65535"),
        ({"mine": 65536}, "the number of 'mine' is 65536"),
        ({"RemoteAET": 1024}, "'RemoteAET' cannot be a name of your own"),
        ({"1024": 1024}, "'1024' cannot be a name of your own"),
    ],
)
def test_names_of_metadata_have_numbers_of_users(names: dict[str, int], mistake: str) -> None:
    """A name of metadata or attachments neither hides one of the store's nor takes its number."""
    for setting in ("user_metadata", "user_content_types"):
        with pytest.raises(SettingsError, match=mistake):
            load_settings(index={setting: names})


def test_attachments_may_have_a_media_type() -> None:
    """A content type is a number, or a number with the media type that readers are told."""
    types = {"notes": 1024, "sketch": [1025, "image/svg+xml"]}
    index = load_settings(index={"user_content_types": types}).index
    assert index.user_content_types == {"notes": 1024, "sketch": (1025, "image/svg+xml")}


def test_the_file_may_be_json(tmp_path: Path) -> None:
    """The tree of pons.toml in JSON, which programs write more easily."""
    config = tmp_path / "settings.json"
    config.write_text('{"http": {"port": 1}}')
    assert load_settings(config).http.port == 1
    config.write_text("[1]")
    with pytest.raises(SettingsError, match="cannot be read: it is no table of settings"):
        load_settings(config)


def test_the_caller_may_hand_in_what_a_file_would_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of the file: variables win over it, and no other file is read."""
    monkeypatch.setenv("PONS_CONFIG", "/none/pons.toml")
    monkeypatch.setenv("PONS_HTTP_PORT", "3")
    settings = load_settings({"http": {"port": 1, "max_body_mb": 2}})
    assert (settings.http.port, settings.http.max_body_mb) == (3, 2)


def test_an_extra_main_tag_is_a_tag() -> None:
    """A misspelled attribute is told at the start; a sequence is as good as a text."""
    with pytest.raises(SettingsError, match="Unknown DICOM tag: Nonsense"):
        load_settings(index={"extra_main_tags": {"Study": ["Nonsense"]}})
    extra = {"Series": ["RequestAttributesSequence"], "Study": ["ReferencedImageSequence"]}
    assert load_settings(index={"extra_main_tags": extra}).index.extra_main_tags == extra

# SPDX-License-Identifier: Apache-2.0
"""Every setting of Pons, in one tree: read from `pons.toml`, overridden by `PONS_*` variables.

`[http] port = 8042` in the file is `PONS_HTTP_PORT` in the environment. Each service loads the
whole tree and uses its part of it; nothing else in Pons reads the environment.
"""

import json
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings import SettingsError as UnreadableVariable

from pons.attributes import main_tags
from pons.errors import BadRequest
from pons.events import Level
from pons.setting_values import (
    Attribute,
    attributes,
    nats_addresses,
    not_json,
    postgresql_address,
    sentences,
    text_codec,
    user_number,
)
from pons.setting_variables import is_injected, meant
from pons.unpacking import MEGABYTE, UnpackLimit

CONFIG_VARIABLE = "PONS_CONFIG"
NOT_SETTINGS = (CONFIG_VARIABLE, "PONS_TEST_", "PONS_BENCH_")
"""Variables that start with `PONS_` and are no settings (a trailing underscore means a family)."""
ARGON2_HASH = re.compile(
    r"\$argon2(id|i|d)(\$v=\d+)?\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{11,}"
)
"""As `./pons password` writes it: parameters, 8 bytes of salt at least, and the hash."""

Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0)]


class SettingsError(Exception):
    """A setting is unknown or has a value that it cannot have; the message says which and why."""


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StoreSettings(Section):
    name: str = Field(
        "main",
        pattern=r"^[a-z][a-z0-9-]{0,29}$",
        description="Name of the store: part of every subject, stream, bucket prefix, database "
        "and role, so that stores on shared servers never see each other.",
    )
    title: str = Field("Pons", description="Name shown to people and in `/system`.")
    read_only: bool = Field(
        False,
        description="Take no instance and change none: what would write is refused, over REST, "
        "WebDAV and DICOM. What was accepted before is still indexed and cleaned up.",
    )
    patient_level: bool = Field(
        True, description="Offer `/patients` and what is below it; false: 404."
    )


class HttpSettings(Section):
    host: str = Field(
        "",
        description="Address to listen on. Empty: loopback while there are no users, "
        "every interface once there are.",
    )
    port: Port = Field(8042, description="Port of the REST API.")
    processes: int = Field(
        1, ge=1, le=64, description="gateway processes that share the port (Linux, BSD)."
    )
    users: dict[str, str] = Field(
        {},
        description="User name to argon2 hash (`./pons password` prints one). "
        "With users, every request needs HTTP Basic authentication.",
    )
    allow_anonymous: bool = Field(
        False,
        description="Listen beyond loopback without users: only behind a proxy that authenticates.",
    )
    max_body_mb: int = Field(8192, ge=1, description="Largest request body in MiB (413 above).")
    max_zip_entry_mb: int = Field(
        4096, ge=1, description="Largest file inside an uploaded ZIP or gzip body in MiB."
    )
    explorer: bool = Field(
        True, description="Serve the page for people at `/` (and its icon); false: 404."
    )
    describe_errors: bool = Field(True, description="Describe errors in a JSON body.")
    allow_export: bool = Field(
        False,
        description="Let `/instances/{id}/export` write DICOM files to any path that the gateway "
        "may write to.",
    )
    compress_answers: bool = Field(
        False, description="Compress JSON, XML and text for clients that accept gzip or deflate."
    )
    allow_cross_site: bool = Field(
        False,
        description="Take changes that a browser sends for a page of another site (403 otherwise): "
        "only behind a proxy that decides which sites may.",
    )

    @field_validator("users")
    @classmethod
    def _hashed(cls, users: dict[str, str]) -> dict[str, str]:
        for name, password_hash in users.items():
            if not name or ":" in name:
                raise ValueError(f"user name {name!r} is empty or contains ':'")
            if ARGON2_HASH.fullmatch(password_hash) is None:
                raise ValueError(
                    f"the password of {name!r} is not an argon2 hash: make one with ./pons password"
                )
        return users


class WebDavSettings(Section):
    enabled: bool = Field(True, description="Serve the store as a WebDAV share below `/webdav/`.")
    allow_upload: bool = Field(True, description="Take files that are put into its `uploads`.")
    allow_delete: bool = Field(
        False,
        description="Let its clients delete patients, studies, series and instances.",
    )


class DicomSettings(Section):
    aet: str = Field(
        "PONS",
        pattern=r"^[ -\[\]-~]{0,15}[!-\[\]-~]$",
        description="AE title of this store (16 characters).",
    )
    host: str = Field("", description="Address to listen on; empty as in `http.host`.")
    port: Port = Field(4242, description="DICOM port.")
    processes: int = Field(
        1, ge=1, le=64, description="dicom-ingress processes that share the port (Linux, BSD)."
    )
    max_associations: int = Field(
        0, ge=0, description="Associations at once, per process; more are rejected. 0: no limit."
    )
    maximum_pdu_length: int = Field(
        65536, ge=4096, le=131072, description="Largest P-DATA that peers may send, in bytes."
    )
    artim_timeout: Seconds = Field(
        30, description="Seconds that a peer may take to ask for, or to end, an association."
    )
    idle_timeout: Seconds = Field(30, description="Seconds of silence that end an association.")
    check_called_aet: bool = Field(False, description="Reject associations that call another AET.")
    strict_aet_comparison: bool = Field(False, description="Compare AE titles with case.")
    check_modality_host: bool = Field(
        False, description="A known modality must call from its configured host."
    )
    always_allow_echo: bool = Field(True, description="C-ECHO from unknown AE titles.")
    always_allow_store: bool = Field(True, description="C-STORE from unknown AE titles.")
    accept_unknown_sop_classes: bool = Field(
        False, description="Accept storage of SOP classes that the standard does not list."
    )
    accepted_transfer_syntaxes: list[str] = Field(
        ["*"],
        description="Transfer syntaxes in which instances are received: UIDs, or patterns with "
        "`*` and `?`.",
    )


class IngestSettings(Section):
    answer_timeout: Seconds = Field(
        5,
        description="Seconds to wait for the index after an instance is durable; "
        "then the answer is Success all the same.",
    )
    default_charset: str = Field(
        "latin1", description="Python codec for files without SpecificCharacterSet."
    )
    unpack_ratio: int = Field(
        100,
        ge=1,
        description="How many times as many bytes a gzip body, a ZIP or a deflated data set may "
        "unpack to; 413 or 400 beyond. Counts only beyond `unpack_free_mb`, because ordinary empty "
        "images deflate a thousand to one.",
    )
    unpack_free_mb: int = Field(
        512,
        ge=0,
        description="MiB that a gzip body, a ZIP with all its files, or a deflated data set may "
        "unpack to at any ratio. (A deflated data set has 256 MiB at most in any case.)",
    )

    dictionary: dict[str, Attribute] = Field(
        {},
        description='Attributes beside those that are known, as in Orthanc: `"gggg,eeee" = '
        "[VR, name, minimum, maximum, private creator]`.",
    )
    default_private_creator: str = Field(
        "", description="Creator of private attributes in `dictionary` that name none."
    )

    @property
    def unpack_limit(self) -> UnpackLimit:
        """How far what comes in may unpack."""
        return UnpackLimit(self.unpack_ratio, self.unpack_free_mb * MEGABYTE)

    _codec = field_validator("default_charset")(text_codec)
    _attributes = field_validator("dictionary", mode="before")(attributes)


class StorageSettings(Section):
    kind: Literal["file", "s3"] = Field("file", description="Folder or S3 bucket.")
    path: Path | None = Field(
        None, description="Folder of the objects. Embedded default: in the data folder."
    )
    fsync: bool = Field(True, description="Force each object to disk before it is acknowledged.")
    s3_endpoint: str = Field("", description="Host and port of the S3 server, without scheme.")
    s3_bucket: str = Field("pons", description="Bucket; keys begin with the store's name.")
    s3_access_key: str = Field("", description="Access key.")
    s3_secret_key: str = Field("", description="Secret key.")
    s3_secure: bool = Field(True, description="Use HTTPS.")
    s3_region: str = Field("", description="Region, where the server needs one.")
    compression: bool = Field(
        False,
        description="Compress new objects (zstd) where that makes them smaller. Every reader gets "
        "the file as it came.",
    )
    maximum_size_mb: int = Field(
        0, ge=0, description="Room for all objects together, in MiB as stored. 0: no limit."
    )
    maximum_patients: int = Field(0, ge=0, description="Patients at most. 0: no limit.")
    maximum_mode: Literal["Recycle", "Reject"] = Field(
        "Recycle",
        description="What happens when the store is full: the patients that were updated longest "
        "ago, and are not protected, make room; or what arrives is refused.",
    )
    minimum_free_mb: int = Field(
        128,
        ge=0,
        description="Free space in MiB on the disks of objects and reserve below which nothing is "
        "taken (507, 0xA700), so that what there is can still be indexed and deleted. At most a "
        "sixteenth of the disk. 0: take all that fits.",
    )
    reserve: str = Field(
        "",
        description="File that gives way to deletions when its disk, which should be that of the "
        "database, is full. Embedded default: `reserve` in the data folder.",
    )
    reserve_mb: int = Field(
        64,
        ge=0,
        description="Its size in MiB, at most a sixteenth of the disk. 0: there is none.",
    )
    orphan_grace: Seconds = Field(
        3600,
        description="Age in seconds after which an object that the index does not know is looked "
        "at: a DICOM file is announced again, anything else is put into quarantine.",
    )
    quarantine_days: Seconds = Field(
        14,
        description="Days that objects in quarantine are kept, and that what came back is listed "
        "(`./pons fsck`).",
    )
    sweep_share: float = Field(
        0.01,
        ge=0,
        le=1,
        description="Share of all objects (but at least 10 objects) that may leave the quarantine "
        "for good at once; for more, the sweep stops and says so until `./pons fsck` is asked to.",
    )
    collect_interval: Seconds = Field(
        60, description="Seconds between rounds of the collector of deleted objects."
    )

    @model_validator(mode="after")
    def _s3_is_complete(self) -> "StorageSettings":
        if self.kind == "s3" and not (self.s3_endpoint and self.s3_bucket):
            raise ValueError("storage.kind = 's3' needs s3_endpoint and s3_bucket")
        if "://" in self.s3_endpoint:
            raise ValueError("s3_endpoint is host:port; s3_secure chooses between http and https")
        return self


class DatabaseSettings(Section):
    url: str = Field(
        "",
        description="PostgreSQL of the index (role that writes): postgresql://user:pass@host/db. "
        "Empty: the embedded one.",
    )
    reader_url: str = Field(
        "",
        description="The same database with a role that only reads. "
        "Empty: `url` with read-only transactions.",
    )

    _addresses = field_validator("url", "reader_url")(postgresql_address)

    pool_size: int = Field(8, ge=1, le=100, description="Connections per process at most.")


class NatsSettings(Section):
    url: str = Field(
        "",
        description="nats://user:pass@host:port, several separated by commas. "
        "Empty: the embedded one.",
    )
    replicas: int = Field(1, ge=1, le=5, description="Replicas of streams in a NATS cluster.")
    changes_mb: int = Field(
        0,
        ge=0,
        description="Room of the stream of changes, in MiB; that of refused announcements has an "
        "eighth of it. 0: 512, on a small disk of the embedded store a sixteenth of it.",
    )
    sync_always: bool = Field(
        False,
        description="Embedded server only: force each event to disk. Without it a power cut can "
        "lose the last events; the next start then finds the objects and announces them again.",
    )

    _addresses = field_validator("url")(nats_addresses)


class IndexSettings(Section):
    stable_age: Seconds = Field(
        60, description="Seconds without a new instance until a resource is stable."
    )
    overwrite_instances: Literal["Never", "Always", "IfChanged"] = Field(
        "Never", description="What happens to an instance that is already stored."
    )
    batch_size: int = Field(
        200, ge=1, le=2000, description="Instances written in one transaction at most."
    )
    log_exports: bool = Field(True, description="Keep a row in `/exports` for what is sent.")
    check_revisions: bool = Field(
        False,
        description="Demand `If-Match` to overwrite or delete metadata and attachments, so that of "
        "two writers one is told.",
    )
    user_metadata: dict[str, int] = Field(
        {}, description="Names of metadata: name to number, 1024 to 65535."
    )
    user_content_types: dict[str, int | tuple[int, str]] = Field(
        {},
        description="Names of attachments: name to number, or to `[number, media type]`.",
    )

    extra_main_tags: dict[Level, list[str]] = Field(
        {},
        description="Attributes to keep in the index besides the usual ones: level (`Patient`, "
        "`Study`, `Series`, `Instance`) to keywords or tags, sequences too. `/tools/reconstruct` "
        "adds them to what is stored already.",
    )

    @field_validator("extra_main_tags")
    @classmethod
    def _tags(cls, extra: dict[Level, list[str]]) -> dict[Level, list[str]]:
        try:
            main_tags(extra)
        except BadRequest as error:
            raise ValueError(error.message) from None
        return extra

    @field_validator("user_metadata", "user_content_types")
    @classmethod
    def _named(cls, names: dict[str, Any]) -> dict[str, Any]:
        for name, value in names.items():
            user_number(name, value if isinstance(value, int) else value[0])
        return names


class FindSettings(Section):
    limit_results: int = Field(
        0,
        ge=0,
        description="Patients, studies or series that one search gives at most, and looks at where "
        "it is about attributes that are in headers only; 0: all.",
    )
    limit_instances: int = Field(0, ge=0, description="The same for instances.")


class RenderSettings(Section):
    host: str = Field("127.0.0.1", description="Address that render listens on.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(
        8043, description="Port that render listens on; the launcher picks a free one."
    )
    url: str = Field("", description="Where the gateway finds render. Empty: host and port above.")
    workers: int = Field(0, ge=0, le=256, description="Decoding processes; 0: one per core.")
    memory_mb: int = Field(2048, ge=256, description="Memory bound of one decoding process, MiB.")
    timeout: Seconds = Field(30, description="Seconds that one image may take.")


class ArchiveSettings(Section):
    compression: Literal["store", "fast"] = Field(
        "store",
        description="store: files go into a ZIP as they are, as fast as the network. "
        "fast: with deflate's level 1, for slow links; images shrink little.",
    )
    stream: bool = Field(
        True,
        description="Send a ZIP while it is made. false: make it first, so that its length and "
        "every failure is known before the answer begins.",
    )
    utf8: bool = Field(False, description="Let names in a ZIP have other characters than ASCII's.")
    outputs: int = Field(1, ge=0, description="ZIPs made by jobs that are kept, the latest ones.")
    concurrent: int = Field(
        32,
        ge=1,
        le=1024,
        description="ZIPs that one render sends at once; more wait up to 15 s, then 503.",
    )


class EgressSettings(Section):
    timeout: Seconds = Field(
        10, description="Seconds to wait for a connection or an answer of a modality."
    )
    maximum_pdu_length: int = Field(
        65536, ge=4096, le=131072, description="Largest P-DATA that modalities may send."
    )


class JobsSettings(Section):
    concurrent: int = Field(2, ge=1, le=64, description="Jobs that one replica runs at once.")
    history: int = Field(100, ge=1, description="Finished jobs that stay listed.")


class LuaSettings(Section):
    execute: bool = Field(
        False, description="Run the Lua scripts that are posted to `/tools/execute-script`."
    )
    timeout: Seconds = Field(10, description="Seconds that one script may run.")
    memory_mb: int = Field(64, ge=1, le=4096, description="Memory that one script may use, MiB.")


class LogSettings(Section):
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level.")
    format: Literal["auto", "console", "json"] = Field(
        "auto", description="auto: key=value on a terminal, JSON otherwise."
    )


class HealthSettings(Section):
    host: str = Field("127.0.0.1", description="Address of /health and /metrics.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(
        0, description="Port of /health and /metrics of this service; 0: any free one."
    )
    hung_after: float = Field(
        30,
        ge=0,
        description="Embedded store: seconds that a process may leave questions on its health port "
        "unanswered before it is ended and started again; 0: for ever.",
    )
    ends_with_input: bool = Field(
        False,
        description="Set by the launcher: the service ends when its standard input does, of which "
        "the launcher holds the other end.",
    )
    opens_when_told: bool = Field(
        False,
        description="Set by the launcher: the gateway takes requests once a line has come on its "
        "standard input, after every other service is ready.",
    )


class Settings(BaseSettings):
    """The whole tree. Build it with `load_settings`, which words mistakes as one sentence."""

    model_config = SettingsConfigDict(
        env_prefix="PONS_",
        env_nested_delimiter="_",
        env_nested_max_split=1,
        extra="forbid",
        frozen=True,
    )

    store: StoreSettings = StoreSettings()
    http: HttpSettings = HttpSettings()
    webdav: WebDavSettings = WebDavSettings()
    dicom: DicomSettings = DicomSettings()
    ingest: IngestSettings = IngestSettings()
    storage: StorageSettings = StorageSettings()
    database: DatabaseSettings = DatabaseSettings()
    nats: NatsSettings = NatsSettings()
    index: IndexSettings = IndexSettings()
    find: FindSettings = FindSettings()
    render: RenderSettings = RenderSettings()
    archive: ArchiveSettings = ArchiveSettings()
    egress: EgressSettings = EgressSettings()
    jobs: JobsSettings = JobsSettings()
    lua: LuaSettings = LuaSettings()
    log: LogSettings = LogSettings()
    health: HealthSettings = HealthSettings()
    modalities: dict[str, Any] = Field(
        {},
        description="DICOM peers: name to `{AET=, Host=, Port=}` or `[AET, Host, Port]`. Those "
        "changed over REST are kept by the store and win over these.",
    )

    peers: dict[str, Any] = Field(
        {},
        description="Other stores that this one sends to over HTTP: name to `{Url=, Username=, "
        "Password=}` or `[Url, Username, Password]`. Those changed over REST are kept by the store "
        "and win over these.",
    )

    @model_validator(mode="after")
    def _anonymous_stays_on_loopback(self) -> "Settings":
        if self.http.users or self.http.allow_anonymous or is_loopback(self.http_host):
            return self
        raise ValueError(
            f"http.host = {self.http.host!r} would let anyone in: configure http.users, or set "
            "http.allow_anonymous behind a proxy that authenticates"
        )

    @property
    def http_host(self) -> str:
        return self.http.host or ("0.0.0.0" if self.http.users else "127.0.0.1")  # noqa: S104 users are required

    @property
    def dicom_host(self) -> str:
        return self.dicom.host or ("0.0.0.0" if self.http.users else "127.0.0.1")  # noqa: S104 as http_host

    @property
    def webdav_uploads(self) -> bool:
        return self.webdav.allow_upload and not self.store.read_only

    @property
    def webdav_deletes(self) -> bool:
        return self.webdav.allow_delete and not self.store.read_only

    @property
    def render_url(self) -> str:
        return self.render.url or f"http://{self.render.host}:{self.render.port}"


def load_settings(config: Path | Mapping[str, Any] | None = None, **overrides: Any) -> Settings:
    """The settings from `config` (or the file that `PONS_CONFIG` names, or none) and environment.

    `config` is a file, or the sections that one would hold. `overrides` are sections given by the
    caller, as dictionaries; they win over both. Raises `SettingsError` with one sentence per
    mistake.
    """
    if config is None and CONFIG_VARIABLE in os.environ:
        config = Path(os.environ[CONFIG_VARIABLE])
    tree = dict(read_config(config) if isinstance(config, Path) else config or {})
    ignored = ignored_variables()
    refuse_misspelt(ignored)
    setting = {name.lower() for name in variables().keys() - ignored}

    class FromTree(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            assert isinstance(env_settings, EnvSettingsSource)
            given = env_settings.env_vars  # by names in lower case
            env_settings.env_vars = {name: given[name] for name in given if name in setting}
            return init_settings, env_settings, InitSettingsSource(settings_cls, tree)

    try:
        return FromTree(**overrides)
    except ValidationError as error:
        raise SettingsError("; ".join(sentences(error))) from None
    except UnreadableVariable:
        raise SettingsError("; ".join(not_json(tables(), os.environ))) from None


def read_config(path: Path) -> dict[str, Any]:
    """What a file of settings holds: TOML, or the same tree as JSON where its name ends in `.json`.

    Raises `SettingsError` when there is no such file, or it cannot be read.
    """
    if not path.is_file():
        raise SettingsError(f"there is no configuration file {path}")
    try:
        text = path.read_text(encoding="utf-8")
        tree = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (ValueError, OSError) as error:  # not TOML, not JSON, not text, or closed to us
        raise SettingsError(f"{path} cannot be read: {error}") from None
    if not isinstance(tree, dict):
        raise SettingsError(f"{path} cannot be read: it is no table of settings")
    return tree


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on `host`."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def variable(section: str, name: str) -> str:
    """The environment variable of a setting."""
    return f"PONS_{section}_{name}".upper()


def sections() -> dict[str, type[Section]]:
    """The sections by name, in their order."""
    kinds = {name: field.annotation for name, field in Settings.model_fields.items()}
    return {
        name: kind
        for name, kind in kinds.items()
        if isinstance(kind, type) and issubclass(kind, Section)
    }


def variables() -> dict[str, tuple[str, str]]:
    """Every setting's environment variable, with its section and name."""
    known = {"PONS_MODALITIES": ("modalities", ""), "PONS_PEERS": ("peers", "")}
    for section, kind in sections().items():
        known |= {variable(section, name): (section, name) for name in kind.model_fields}
    return known


def tables() -> list[str]:
    """The variables whose value is a table or a list, as JSON."""
    return [
        name
        for name, (section, key) in variables().items()
        if not key or get_origin(sections()[section].model_fields[key].annotation) in (dict, list)
    ]


def ignored_variables() -> list[str]:
    """The `PONS_*` variables around this process that set nothing: whoever starts it says so."""
    known = variables()
    return sorted(
        name
        for name, value in os.environ.items()
        if name.startswith("PONS_")
        and not name.startswith(NOT_SETTINGS)
        and (name not in known or is_injected(name, value))
    )


def refuse_misspelt(ignored: Iterable[str]) -> None:
    """Raise `SettingsError` for a variable that is nearly a setting's: somebody meant that."""
    known = variables()
    for name in ignored:
        near = "" if is_injected(name, os.environ[name]) else meant(name, known)
        if near:
            raise SettingsError(f"{name} is not a setting; did you mean {near}?")

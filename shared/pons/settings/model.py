# SPDX-License-Identifier: Apache-2.0
"""Every setting of Pons, in one tree."""

from ipaddress import ip_address
from typing import Any

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pons.settings.edges import (
    DicomSettings,
    HealthSettings,
    HttpSettings,
    StoreSettings,
    WebDavSettings,
)
from pons.settings.keeping import (
    DatabaseSettings,
    FindSettings,
    IndexSettings,
    IngestSettings,
    NatsSettings,
    RetentionSettings,
    StorageSettings,
)
from pons.settings.work import (
    ArchiveSettings,
    EgressSettings,
    JobsSettings,
    LogSettings,
    LuaSettings,
    QueriesSettings,
    RenderSettings,
    RoutingSettings,
    TracesSettings,
    WorklistsSettings,
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
    retention: RetentionSettings = RetentionSettings()
    database: DatabaseSettings = DatabaseSettings()
    nats: NatsSettings = NatsSettings()
    index: IndexSettings = IndexSettings()
    find: FindSettings = FindSettings()
    render: RenderSettings = RenderSettings()
    archive: ArchiveSettings = ArchiveSettings()
    egress: EgressSettings = EgressSettings()
    queries: QueriesSettings = QueriesSettings()
    worklists: WorklistsSettings = WorklistsSettings()
    jobs: JobsSettings = JobsSettings()
    routing: RoutingSettings = RoutingSettings()
    lua: LuaSettings = LuaSettings()
    log: LogSettings = LogSettings()
    traces: TracesSettings = TracesSettings()
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


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on `host`."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False

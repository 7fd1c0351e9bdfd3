# SPDX-License-Identifier: Apache-2.0
"""Settings of what people and machines talk to: the store's name, HTTP, WebDAV and DICOM."""

import re
from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from pons.settings.section import AnyPort, Port, Seconds, Section

UidPattern = Annotated[str, Field(pattern=r"^[0-9.*?]{1,64}$")]
ARGON2_HASH = re.compile(
    r"\$argon2(id|i|d)(\$v=\d+)?\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{11,}"
)
"""As `./pons password` writes it: parameters, 8 bytes of salt at least, and the hash."""

HOST_NAME = re.compile(r"\*|(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
"""A name without port, `*.` and the end of one, or `*` for all names."""


class StoreSettings(Section):
    """Which store this is"""

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
    fork_services: bool = Field(
        True,
        description="Embedded store on Linux: fork the services from a process that has imported "
        "what they share. A start takes half the CPU time, and the services share memory. false: "
        "start each by itself, as elsewhere.",
    )


class HttpSettings(Section):
    """The REST API"""

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
        "With users, every request needs HTTP Basic authentication, or the session of who has "
        "logged in on the page.",
    )
    allow_anonymous: bool = Field(
        False,
        description="Listen beyond loopback without users: only behind a proxy that authenticates.",
    )
    hosts: list[str] = Field(
        [],
        description="Names by which the REST API may be asked (421 otherwise), beside addresses, "
        "`localhost` and the machine's own names: `pacs.example`, `*.example`, or `*` for any. "
        "Empty: any with users, since other sites' pages know no password; without users only "
        "those names, and beyond loopback also names that public DNS cannot have (without a dot, "
        "or below `local`, `internal`, `home.arpa` and `test`).",
    )
    trusted_proxies: list[str] = Field(
        [],
        description="Addresses and networks (`10.0.0.0/8`) of proxies whose `X-Forwarded-For` and "
        "`X-Forwarded-Proto` are believed. Everybody else's are ignored: who may name the address "
        "that he comes from evades what is bounded for each address.",
    )
    tls_certificate: str = Field(
        "",
        description="Path of the certificate (PEM, followed by those of its issuers, if any) with "
        "which the REST API speaks HTTPS, and nothing else. Empty: plain HTTP. `./pons "
        "certificate` makes one to begin with. What these files hold is read again when they "
        "change.",
    )
    tls_key: str = Field(
        "",
        description="Path of its private key (PEM, without a password). Empty: in the same file.",
    )
    tls_client_ca: str = Field(
        "",
        description="Path of the certificates (PEM) of those whose clients get in, and of the "
        "authorities that sign theirs. Empty: clients are not asked for a certificate.",
    )
    tls_client_required: bool = Field(
        True,
        description="With a `http.tls_client_ca`: whether a client has to show a certificate. One "
        "that is shown has to be good all the same. Scripts that ask REST show that of "
        "`http.tls_certificate`.",
    )
    tls_minimum: Literal["1.2", "1.3"] = Field(
        "1.2", description="Oldest version of TLS that is spoken."
    )
    tls_ciphers: list[str] = Field(
        [],
        description="Ciphers of TLS 1.2 that are spoken, as in `dicom.tls_ciphers`.",
    )
    hsts_seconds: int = Field(
        0,
        ge=0,
        description="So long browsers that came by HTTPS come by nothing else "
        "(`Strict-Transport-Security`), and take no certificate that they do not believe. "
        "31536000 is a year; 0: they are not told.",
    )
    max_connections: int = Field(
        0,
        ge=0,
        description="Connections at once, per process; more are answered 503 and closed. 0: half "
        "of the files that the process may have open, 4096 at most.",
    )
    max_connections_per_address: int = Field(
        0,
        ge=0,
        description="The same for one address (of IPv6: one /64 network). Does not count for "
        "loopback, where a proxy brings everybody's. A proxy on another machine has one address "
        "for all of its clients. 0: half of `http.max_connections`.",
    )
    max_body_mb: int = Field(8192, ge=1, description="Largest request body in MiB (413 above).")
    max_zip_entry_mb: int = Field(
        4096, ge=1, description="Largest file inside an uploaded ZIP or gzip body in MiB."
    )
    explorer: bool = Field(
        True, description="Serve the page for people at `/` (and its icon); false: 404."
    )
    page: str = Field(
        "explorer",
        pattern=r"^(explorer|home|(/[A-Za-z0-9._~-]+)+/?)$",
        description="Where `/` leads to: `explorer`, or the home page while that is not built; "
        "`home`; or a path of the store such as `/ui/app/`.",
    )
    ui_folder: str = Field(
        "",
        description="Folder with the built files of Orthanc Explorer 2, or of a page of your own, "
        "which is served at `/ui/app/`. Its `customizable/custom.css` is added to our colours.",
    )
    explorer_folder: str = Field(
        "",
        description="Folder of Explorer's build, with its `index.html`; empty: where `./pons up` "
        "builds it.",
    )
    session_minutes: int = Field(
        30,
        ge=1,
        le=1440,
        description="Who has logged in on the page is logged out after so many minutes without a "
        "request. With Basic authentication nothing of this applies.",
    )
    session_hours: int = Field(
        12, ge=1, le=168, description="The same so many hours after logging in, whatever he asks."
    )
    language: Literal["", "de", "en", "fr"] = Field(
        "", description="Language of the page for who has chosen none; empty: the browser's."
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

    @model_validator(mode="after")
    def _leads_somewhere(self) -> "HttpSettings":
        if self.page.startswith("/ui/app") and not self.ui_folder:
            raise ValueError(
                f"page = {self.page!r} is nowhere: name the folder with its files in http.ui_folder"
            )
        return self

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

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses(cls, proxies: list[str]) -> list[str]:
        for proxy in proxies:
            try:
                ip_network(proxy)
            except ValueError as error:
                raise ValueError(f"no address and no network: {error}") from None
        return proxies

    @field_validator("hosts")
    @classmethod
    def _named(cls, hosts: list[str]) -> list[str]:
        for host in hosts:
            if HOST_NAME.fullmatch(host) is None:
                raise ValueError(
                    f"{host!r} is not a host name: write pacs.example, *.example or *, without "
                    "scheme, port and path"
                )
        return hosts


class WebDavSettings(Section):
    """The store as a WebDAV share"""

    enabled: bool = Field(True, description="Serve the store as a WebDAV share below `/webdav/`.")
    allow_upload: bool = Field(True, description="Take files that are put into its `uploads`.")
    allow_delete: bool = Field(
        False,
        description="Let its clients delete patients, studies, series and instances.",
    )


class DicomSettings(Section):
    """The DICOM port"""

    aet: str = Field(
        "PONS",
        pattern=r"^[ -\[\]-~]{0,15}[!-\[\]-~]$",
        description="AE title of this store (16 characters).",
    )
    host: str = Field(
        "",
        description="Address to listen on. Empty: loopback while there are no users of `http`, "
        "every interface once there are, whatever `http.host` is.",
    )
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
    max_dataset_mb: int = Field(
        8192,
        ge=1,
        description="Largest data set of a C-STORE in MiB; a larger one ends the association.",
    )
    artim_timeout: Seconds = Field(
        30, description="Seconds that a peer may take to ask for, or to end, an association."
    )
    idle_timeout: Seconds = Field(30, description="Seconds of silence that end an association.")
    drain_seconds: float = Field(
        0,
        ge=0,
        description="Seconds that associations may go on when the service ends and takes no new "
        "ones. Those that are left end by A-ABORT, each after the answer to its running request. "
        "Where replicas are replaced one by one: as long as most senders need.",
    )
    check_called_aet: bool = Field(False, description="Reject associations that call another AET.")
    strict_aet_comparison: bool = Field(False, description="Compare AE titles with case.")
    check_modality_host: bool = Field(
        False, description="A known modality must call from its configured host."
    )
    always_allow_echo: bool = Field(True, description="C-ECHO from unknown AE titles.")
    always_allow_store: bool = Field(True, description="C-STORE from unknown AE titles.")
    always_allow_find: bool = Field(False, description="C-FIND from unknown AE titles.")
    always_allow_find_worklist: bool = Field(
        False, description="C-FIND of worklists from unknown AE titles."
    )
    always_allow_move: bool = Field(False, description="C-MOVE from unknown AE titles.")
    always_allow_get: bool = Field(False, description="C-GET from unknown AE titles.")
    synchronous_move: bool = Field(
        True,
        description="Answer a C-MOVE as its job goes on; false: with Success once there is a job.",
    )
    accept_unknown_sop_classes: bool = Field(
        False, description="Accept storage of SOP classes that the standard does not list."
    )
    accepted_sop_classes: list[UidPattern] = Field(
        ["*"],
        description="SOP classes of which instances are received by C-STORE, and asked for by "
        "C-GET: UIDs, or patterns with `*` and `?`.",
    )
    rejected_sop_classes: list[UidPattern] = Field(
        [], description="Of those, the ones that are not, in the same form."
    )
    accepted_transfer_syntaxes: list[str] = Field(
        ["*"],
        description="Transfer syntaxes in which instances are received: UIDs, or patterns with "
        "`*` and `?`.",
    )
    tls_enabled: bool | None = Field(
        None,
        description="Whether the DICOM port speaks TLS, and nothing else. None: when there is a "
        "`dicom.tls_certificate`. Modalities are called with TLS where they have `UseDicomTls`, "
        "whatever this says.",
    )
    tls_certificate: str = Field(
        "",
        description="Path of the certificate (PEM, followed by those of its issuers, if any) that "
        "is shown on the DICOM port and to modalities. What these files hold is read again when "
        "they change.",
    )
    tls_private_key: str = Field(
        "",
        description="Path of its private key (PEM, without a password). Empty: in the same file.",
    )
    tls_trusted: str = Field(
        "",
        description="Path of the certificates (PEM) of those whom we believe, and of the "
        "authorities that sign theirs. Those of the system are never asked.",
    )
    tls_client_certificate_required: bool = Field(
        True,
        description="Whether who calls the DICOM port has to show a certificate. One that is "
        "shown has to be good all the same, where there is a `dicom.tls_trusted`.",
    )
    tls_minimum_version: Literal["1.2", "1.3"] = Field(
        "1.2", description="Oldest version of TLS that is spoken."
    )
    tls_ciphers: list[str] = Field(
        [],
        description="Ciphers of TLS 1.2 that are spoken, by their names in the standard "
        "(`TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`) or OpenSSL's. Those of TLS 1.3 always are. "
        "Empty: those of BCP 195 that OpenSSL has.",
    )
    tls_check_host: bool = Field(
        False,
        description="Whether the certificate of a modality that is called has to name its `Host`. "
        "DICOM's seldom do; then any certificate that `dicom.tls_trusted` vouches for will do.",
    )


class HealthSettings(Section):
    """Health, metrics, and how a service ends"""

    host: str = Field("127.0.0.1", description="Address of /health and /metrics.")
    port: AnyPort = Field(
        0, description="Port of /health and /metrics of this service; 0: any free one."
    )
    leave_seconds: float = Field(
        0,
        ge=0,
        description="Seconds between being told to end (SIGTERM) and ending. Meanwhile the service "
        "works, `/health/ready` is 503, and HTTP connections close after their next answer, so "
        "that a load balancer gives what comes to other replicas. In Kubernetes: 5.",
    )
    finish_seconds: Seconds = Field(
        10, description="Seconds that requests under way have to be answered when a service ends."
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

# SPDX-License-Identifier: Apache-2.0
"""Settings of the way in and of what keeps the images: ingest, objects, database, NATS, index."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from pons.dicom.added_attributes import Attribute, attributes
from pons.dicom.levels import Level
from pons.dicom.main_tags import main_tags
from pons.errors import BadRequest
from pons.limits import MEGABYTE
from pons.limits.unpacking import UnpackLimit
from pons.settings.section import Seconds, Section
from pons.settings.values import nats_addresses, postgresql_address, text_codec, user_number


class IngestSettings(Section):
    """Receiving instances, however they come"""

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
    """Where the bytes of the instances are"""

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
    s3_ca: str = Field(
        "",
        description="Path of the certificates (PEM) of the S3 server, or of the authorities that "
        "sign it: nobody else is believed then. Empty: the system's.",
    )
    s3_region: str = Field("", description="Region, where the server needs one.")
    s3_timeout: Seconds = Field(
        10,
        description="Seconds of silence after which a request to the S3 server has failed and is "
        "sent again.",
    )
    s3_patience: Seconds = Field(
        20,
        description="Seconds after which a request that fails, or that a busy server puts off, is "
        "not sent again: whoever wanted to store something hears that (503, 0xA700) and sends it "
        "again.",
    )
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
        if self.s3_ca and not self.s3_secure:
            raise ValueError("s3_ca is of no use without s3_secure")
        return self


class RetentionSettings(Section):
    """Retention"""

    rules: dict[str, Any] = Field(
        {},
        description="Which studies may go, and when: name to `{When=[], KeepDays=}`, as "
        "[retention.md](retention.md) tells. Those changed over REST are kept by the store and win "
        "over these. Without one nothing goes by itself.",
    )
    keeping_labels: list[str] = Field(
        ["keep"],
        description="Labels that keep a study whatever rules say: its own, its patient's, or of "
        "something below it.",
    )
    interval: Seconds = Field(3600, description="Seconds between looks for studies that may go.")
    most_percent: float = Field(
        10,
        gt=0,
        le=100,
        description="Percent of all studies (but at least 10 of them) that may go in one look "
        "because their days are over; for more, nothing goes, and the index says so. A clock that "
        "is wrong, or a rule, takes no more with it.",
    )
    room_percent: float = Field(
        90,
        gt=0,
        le=100,
        description="Percent of `storage.maximum_size_mb` or `maximum_patients` beyond which room "
        "is needed, and studies go that rules keep until then.",
    )
    room_interval: Seconds = Field(
        15, description="Seconds between looks whether room is needed, where a rule waits for that."
    )


class DatabaseSettings(Section):
    """PostgreSQL"""

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

    tls_ca: str = Field(
        "",
        description="Path of the certificates (PEM) of PostgreSQL, or of the authorities that sign "
        "it. With it that is asked by TLS alone, and its certificate has to name the host of the "
        "address. Empty: as the address says (`?sslmode=verify-full&sslrootcert=…`), in libpq's "
        "words.",
    )

    _addresses = field_validator("url", "reader_url")(postgresql_address)

    pool_size: int = Field(8, ge=1, le=100, description="Connections per process at most.")

    @property
    def configured(self) -> bool:
        """Whether there is a database to read."""
        return bool(self.reader_url or self.url)


class NatsSettings(Section):
    """NATS JetStream"""

    url: str = Field(
        "",
        description="nats://user:pass@host:port, several separated by commas. "
        "Empty: the embedded one.",
    )
    tls_ca: str = Field(
        "",
        description="Path of the certificates (PEM) of NATS, or of the authorities that sign it. "
        "With it, or with an address that begins with tls://, nothing is said without TLS, and the "
        "server's certificate has to name the host of the address. Empty: the system's.",
    )
    tls_certificate: str = Field(
        "", description="Path of the certificate (PEM) that NATS is shown, where it wants one."
    )
    tls_key: str = Field("", description="Path of its private key. Empty: in the same file.")
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
    """Indexing"""

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
    """Searching"""

    limit_results: int = Field(
        0,
        ge=0,
        description="Patients, studies or series that one search gives at most, and looks at where "
        "it is about attributes that are in headers only; 0: all.",
    )
    limit_instances: int = Field(0, ge=0, description="The same for instances.")
    case_sensitive_pn: bool = Field(
        False,
        description="C-FIND: compare names of persons with case, as it does everything else.",
    )
    charset: Literal["store", "complete"] = Field(
        "store",
        description="Character set of answers to C-FIND. store: `ingest.default_charset`, as in "
        "Orthanc, where characters that it lacks are lost. complete: the same, and UTF-8 for each "
        "answer of which some would be.",
    )

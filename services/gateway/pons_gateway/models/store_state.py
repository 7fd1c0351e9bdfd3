# SPDX-License-Identifier: Apache-2.0
"""What a store is, how full it is, and who serves it, as Explorer's page of the store shows it."""

from typing import Literal

from pydantic import BaseModel, Field

import pons
from pons.catalog import Totals
from pons.limits import MEGABYTE
from pons.messages.services import Present
from pons.objects.free_space import Disk
from pons.remotes.dicom_tls import speaks_tls
from pons.settings import Settings
from pons_gateway.models.examples import example
from pons_gateway.models.session import CAMEL


class DiskRoom(BaseModel):
    """The disk that the objects lie on, in bytes."""

    model_config = CAMEL

    free: int = Field(description="What is free.")
    total: int = Field(description="All of it.")
    needed: int = Field(description="Below so much free room the store takes nothing.")


class StoreState(BaseModel):
    """What a store is and how full it is. Nothing of it is secret."""

    model_config = CAMEL | example(
        title="Pons", name="main", version=pons.__version__, aet="PONS", dicom_port=4242
    )

    title: str = Field(description="What people call it.")
    name: str = Field(description="What it is called among others of one installation.")
    version: str = Field(description="The version of Pons.")
    aet: str = Field(description="Application entity title of the DICOM port.")
    dicom_port: int = Field(description="Port of DICOM associations.")
    dicom_tls: bool = Field(description="Whether these are encrypted.")
    http_port: int = Field(description="Port of this page, as far as the gateway knows.")
    users: int = Field(description="How many users can log in; 0: everybody is let in.")
    read_only: bool = Field(description="Whether the store takes and changes nothing.")
    objects: Literal["folder", "S3"] = Field(description="Where files lie.")
    compressed: bool = Field(description="Whether they are compressed there.")
    overwrites: Literal["Never", "Always", "IfChanged"] = Field(
        description="Whether an instance that comes again replaces the one that is there."
    )
    stable_seconds: float = Field(description="A study is complete after so long without more.")
    maximum_bytes: int = Field(description="Room for all files, as they are kept; 0: no limit.")
    maximum_patients: int = Field(description="Patients at most; 0: no limit.")
    when_full: Literal["Recycle", "Reject"] = Field(
        description="Whether the oldest patients go then, or nothing is taken."
    )
    room_percent: float = Field(
        description="Retention rules that wait for that let go above this part of a limit."
    )
    disk: DiskRoom | None = Field(description="null where the gateway sees no disk of theirs.")
    patients: int = Field(description="Patients in the store.")
    studies: int = Field(description="Studies in the store.")
    series: int = Field(description="Series in the store.")
    instances: int = Field(description="Instances in the store.")
    bytes: int = Field(description="Bytes as they were received.")
    stored_bytes: int = Field(description="Bytes as they are kept.")


class ServiceProcess(BaseModel):
    """A process that answers."""

    model_config = CAMEL | example(
        service="index",
        process="host1:4711",
        version=pons.__version__,
        seconds=86400,
        ready=False,
        failures={"database": "The database does not answer"},
        warnings={},
    )

    service: str = Field(description="The service that it is one of.")
    process: str = Field(description="Its host and number.")
    version: str = Field(description="The version of Pons that it runs.")
    seconds: int = Field(description="For how long it has run.")
    ready: bool = Field(description="Whether nothing is missing.")
    failures: dict[str, str] = Field(description="What is missing, by name, and why.")
    warnings: dict[str, str] = Field(description="What somebody should look at all the same.")


class ServicesPresent(BaseModel):
    """Who serves the store."""

    processes: list[ServiceProcess] = Field(description="All that answer, by service.")
    silent: list[str] = Field(description="Services of which no process answers.")


def store_state(settings: Settings, totals: Totals, disk: Disk | None) -> StoreState:
    """What the page is told."""
    storage = settings.storage
    return StoreState(
        title=settings.store.title,
        name=settings.store.name,
        version=pons.__version__,
        aet=settings.dicom.aet,
        dicom_port=settings.dicom.port,
        dicom_tls=speaks_tls(settings.dicom),
        http_port=settings.http.port,
        users=len(settings.http.users),
        read_only=settings.store.read_only,
        objects="S3" if storage.kind == "s3" else "folder",
        compressed=storage.compression,
        overwrites=settings.index.overwrite_instances,
        stable_seconds=settings.index.stable_age,
        maximum_bytes=storage.maximum_size_mb * MEGABYTE,
        maximum_patients=storage.maximum_patients,
        when_full=storage.maximum_mode,
        room_percent=settings.retention.room_percent,
        disk=None
        if disk is None
        else DiskRoom(free=disk.free, total=disk.total, needed=disk.needed),
        patients=totals.patients,
        studies=totals.studies,
        series=totals.series,
        instances=totals.instances,
        bytes=totals.size,
        stored_bytes=totals.stored_size,
    )


def process_of(present: Present) -> ServiceProcess:
    """What is told of one."""
    return ServiceProcess(
        service=present.service,
        process=present.process,
        version=present.version,
        seconds=int(present.seconds),
        ready=not present.failures,
        failures=present.failures,
        warnings=present.warnings,
    )

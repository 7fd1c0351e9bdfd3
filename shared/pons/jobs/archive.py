# SPDX-License-Identifier: Apache-2.0
"""`Archive` and `Media`, ZIPs of instances: what is asked, at once or as a job."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from pons.jobs.board import Jobs
from pons.jobs.document import JobRequest
from pons.jobs.shown import failed_instances

WORKER = "render"
OUTPUT = "archive"
"""Under which key the ZIP of a job is asked for."""


class ArchiveRequest(msgspec.Struct, frozen=True):
    """A ZIP of the instances below some resources."""

    resources: list[str]
    """Orthanc identifiers of any level; they may overlap."""
    media: bool = False
    """With a DICOMDIR, and the names that the standard wants on media."""
    extended: bool = False
    """With optional attributes in the DICOMDIR."""
    utf8: bool = False
    """Whether names may have other characters than ASCII's."""
    permissive: bool = False
    """Leave out, and name, instances that the store lost or damaged, instead of failing."""

    @property
    def job_type(self) -> Literal["Archive", "Media"]:
        return "Media" if self.media else "Archive"


class ArchiveOrder(msgspec.Struct, frozen=True):
    """An `ArchiveRequest`, and how its ZIP is to be handed over."""

    request: ArchiveRequest
    filename: str
    synchronous: bool = True
    priority: int = 0
    user_data: Any = None


def archive_content(
    request: ArchiveRequest,
    instances: int,
    uncompressed: int,
    archive: int,
    left_out: Mapping[str, str] = MappingProxyType({}),
) -> Mapping[str, Any]:
    """The `Content` of the job; sizes in bytes, `left_out` from instances to reasons."""
    return {
        "ArchiveSize": str(archive),
        "ArchiveSizeMB": archive >> 20,
        "InstancesCount": instances,
        "UncompressedSize": str(uncompressed),
        "UncompressedSizeMB": uncompressed >> 20,
        "Utf8": request.utf8,
        **failed_instances(left_out),
    }


async def submit_archive(jobs: Jobs, order: ArchiveOrder) -> str:
    """Have render make the ZIP; gives the id of the job."""
    return await jobs.submit(
        JobRequest(
            job_type=order.request.job_type,
            worker=WORKER,
            arguments=msgspec.to_builtins(order),
            content={"Description": "REST API", **archive_content(order.request, 0, 0, 0)},
            user_data=order.user_data,
        ),
        order.priority,
    )

# SPDX-License-Identifier: Apache-2.0
"""What is known of a job."""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import msgspec

from pons.jobs.outcomes import CANCELED, KNOWN_BEFORE, SUCCESS, code_of

JobState = Literal["Pending", "Running", "Success", "Failure", "Paused", "Retry"]
FINISHED: tuple[JobState, ...] = ("Success", "Failure")
FILTERED = "FilteredInstancesCount"
"""How the content of a job names how many instances scripts did not let go; nothing for none."""
WARNED = "WarnedInstancesCount"
"""How it names how many instances the peer has kept, and answered with a warning; as above."""


class JobRequest(msgspec.Struct, frozen=True):
    """What is asked of a worker; never changes."""

    job_type: str
    """Orthanc's name of the kind of work, such as `DicomModalityStore`."""
    worker: str
    """The kind of worker that does it: the name of a service."""
    arguments: dict[str, Any] = {}
    """For the worker only."""
    content: dict[str, Any] = {}
    """What is known from the start of the `Content` that users see."""
    user_data: Any = None
    destination: str = ""
    """The other system that it is about, such as `modality:pacs`."""
    retry: bool = False
    """Whether it is tried again after network errors, and is a dead letter if it fails for good."""
    trace: str = ""
    """The span that it was asked for in (W3C traceparent), where a trace is told."""


class Output(msgspec.Struct, frozen=True):
    """Bytes that a job has made, kept in the object store as long as its document names them."""

    object_key: UUID
    size: int
    media_type: str
    filename: str
    made: float
    """Seconds since the epoch."""


class JobDocument(msgspec.Struct, frozen=True):
    """How far a job is. Times are seconds since the epoch."""

    id: str
    job_type: str
    worker: str
    priority: int
    created: float
    changed: float
    """When it was written last; for a running job also the owner's sign of life."""
    state: JobState = "Pending"
    progress: float = 0.0
    """0 to 1."""
    furthest: float = 0.0
    """The most that `progress` has been; a try that gets as far as the one before is none."""
    content: dict[str, Any] = {}
    """What the worker adds to the request's content, and changes."""
    outputs: dict[str, Output] = {}
    """What it has made, by the key under which users ask for it."""
    position: Any = None
    """Where to go on after an interruption; the worker's own."""
    claim: str = ""
    """Names the run that owns it while it is running."""
    wanted: Literal["", "cancel", "pause"] = ""
    """What a running job is asked to become."""
    attempts: int = 0
    """Tries in a row that ended without progress, and not for good."""
    retry_at: float = 0.0
    completed: float | None = None
    endings: int = 0
    """How often it has ended. It is resubmitted after failures alone, so that all but the last of
    them were."""
    submitted: int = 0
    """Revision of its request; 0 where an earlier version wrote it."""
    runtime: float = 0.0
    """Seconds of work until `changed`."""
    error: str = ""
    """Name of our error when it failed."""
    error_kind: str = ""
    """Name of its kind, where its family has kinds."""
    error_code: int = SUCCESS
    """As it was kept; `code` is what is told."""
    error_details: str = ""
    destination: str = ""
    retry: bool = False

    @property
    def finished(self) -> bool:
        return self.state in FINISHED

    @property
    def code(self) -> int:
        """Orthanc's number of what it ended with, or of what it is tried again after."""
        if self.error_code == KNOWN_BEFORE:
            return code_of(self.error, self.error_kind)
        return self.error_code

    @property
    def dead_letter(self) -> bool:
        """Whether it failed for good, and somebody has to see to it; not when it was cancelled."""
        return self.retry and self.state == "Failure" and self.error_code != CANCELED


class Step(msgspec.Struct, frozen=True):
    """How far a running job is, beside its document, for whoever asks or takes the job over.

    The fields are those of `JobDocument`; `claim` is that of the run which wrote it.
    """

    claim: str
    changed: float
    progress: float
    furthest: float
    content: dict[str, Any]
    position: Any
    attempts: int
    runtime: float


class ForgottenJob(msgspec.Struct, frozen=True):
    """What is left of a job for those who follow the bucket, when it has been deleted."""

    document: JobDocument
    """As it was last."""
    revision: int


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it was read: what was asked, and how far it is."""

    request: JobRequest
    document: JobDocument
    revision: int

    @property
    def content(self) -> dict[str, Any]:
        """`Content` as users see it, which is also the answer to a synchronous call."""
        return {**self.request.content, **self.document.content}

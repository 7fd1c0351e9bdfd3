# SPDX-License-Identifier: Apache-2.0
"""What is known of a job, how it may change, and how Orthanc shows it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from pons.errors import (
    Conflict,
    NotFound,
    PonsError,
    Unavailable,
    family_name,
    kind_name,
    named,
)
from pons.jobs.outcomes import (
    CANCELED,
    KNOWN_BEFORE,
    SUCCESS,
    code_of,
    description,
    is_network_error,
)

JobState = Literal["Pending", "Running", "Success", "Failure", "Paused", "Retry"]
FINISHED: tuple[JobState, ...] = ("Success", "Failure")
NEVER_RESUBMITTED = ("Archive", "Media")
"""Types of jobs that Orthanc does not start again."""
RETRIEVALS = ("DicomMoveScu", "DicomGetScu")
"""Types of jobs whose content tells what became of each resource."""

MOST_NAMED = 50
"""Instances passed over that a job names; more are counted only: each step writes its content."""
FILTERED = "FilteredInstancesCount"
"""How the content of a job names how many instances scripts did not let go; nothing for none."""
WARNED = "WarnedInstancesCount"
"""How it names how many instances the peer has kept, and answered with a warning; as above."""
RETRY_DELAYS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0)
"""Seconds before each next try after `Unavailable`; when they are used up, the job fails. Those of
jobs that ask for retries are in the settings."""
LOOK_AGAIN = 10.0
"""Seconds until a job is tried again that waits for work of our own."""


class NotYet(Unavailable):
    """What a job asks for can be told once work of our own is done that is under way: it waits as
    long as that takes."""


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
    """As the release before knows it; `code` is what is told."""
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
    """How far a running job is, beside its document, for whoever takes the job over.

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


Transition = Callable[[JobDocument, float], JobDocument]
"""From a document and the time to the next one; raises `Conflict` when the state forbids it."""


def cancelled(document: JobDocument, now: float) -> JobDocument:
    """Ended with code 37, or asked to when it is running. A finished job stays as it is."""
    if document.finished:
        return document
    if document.state == "Running":
        return msgspec.structs.replace(document, wanted="cancel")  # `changed` is its owner's
    return ended_by_cancel(document, now)


def paused(document: JobDocument, now: float) -> JobDocument:
    """Paused, or asked to when it is running. A finished job stays as it is."""
    if document.finished or document.state == "Paused" or document.wanted:
        return document
    if document.state == "Running":
        return msgspec.structs.replace(document, wanted="pause")
    return _changed(document, now, state="Paused")


def resumed(document: JobDocument, now: float) -> JobDocument:
    if document.state != "Paused":
        raise _forbidden("resumed", document, "Paused")
    return _changed(document, now, state="Pending", attempts=0)


def resubmitted(document: JobDocument, now: float) -> JobDocument:
    """As new: from the start, without its error."""
    if document.state != "Failure":
        raise _forbidden("resubmitted", document, "Failure")
    if document.job_type in NEVER_RESUBMITTED:
        raise Conflict(f"A job of type {document.job_type} cannot be resubmitted", "make a new one")
    return JobDocument(
        id=document.id,
        job_type=document.job_type,
        worker=document.worker,
        priority=document.priority,
        created=document.created,
        changed=now,
        destination=document.destination,
        retry=document.retry,
        endings=document.endings,
        submitted=document.submitted,
    )


def revived(document: JobDocument, now: float) -> JobDocument:
    """A dead letter that is tried again, from where it stopped. Raises `NotFound` for others."""
    if not document.dead_letter:
        raise NotFound(f"Job {document.id} is no dead letter")
    return _changed(document, now, state="Pending", attempts=0, furthest=0.0, completed=None)


def step_of(document: JobDocument) -> Step:
    """What of the document its owner alone changes while it runs."""
    return Step(**{name: getattr(document, name) for name in Step.__struct_fields__})


def with_step(document: JobDocument, step: Step) -> JobDocument:
    """The document as far as `step`, of the run that owns it or did so last."""
    return msgspec.structs.replace(
        document, **{n: getattr(step, n) for n in Step.__struct_fields__ if n != "claim"}
    )


def without_output(document: JobDocument, now: float, *, name: str) -> JobDocument:
    """Without one of its outputs. While it runs, `changed` stays its owner's sign of life; later it
    is another time than `completed`, which whoever follows jobs takes for the news of its end."""
    if name not in document.outputs:
        raise NotFound(f"Job {document.id} has no output {name!r}")
    outputs = {key: output for key, output in document.outputs.items() if key != name}
    changed = now if document.finished else document.changed
    return msgspec.structs.replace(document, outputs=outputs, changed=changed)


def claimed(document: JobDocument, now: float, claim: str) -> JobDocument:
    """Running, and owned by the run `claim`; a wish that its former owner left is kept."""
    error: dict[str, Any] = {
        "error": "",
        "error_kind": "",
        "error_code": SUCCESS,
        "error_details": "",
    }
    return _changed(document, now, state="Running", claim=claim, **error)


def succeeded(document: JobDocument, now: float) -> JobDocument:
    return _ended(document, now, state="Success", progress=1.0)


def ended_by_cancel(document: JobDocument, now: float) -> JobDocument:
    return _ended(document, now, state="Failure", error_code=CANCELED)


def ended_by_pause(document: JobDocument, now: float) -> JobDocument:
    return _interrupted(document, now, state="Paused")


def released(document: JobDocument, now: float) -> JobDocument:
    """Given back by a worker that ends; whoever is free goes on where it stopped."""
    return _interrupted(document, now, state="Pending")


def failed(
    document: JobDocument, now: float, error: Exception, network: Sequence[float] = ()
) -> JobDocument:
    """Failed with the code of `error`, or waiting for another try.

    Every job is tried again after `Unavailable`. One that asks for it is so after a network error
    too, and has the delays `network` for both. `NotYet` is no try, and wears none out.
    """
    name, kind = family_name(error), kind_name(error)
    told: dict[str, Any] = {
        "error": name,
        "error_kind": kind,
        "error_code": KNOWN_BEFORE if name == "Unavailable" else code_of(name, kind),
        "error_details": str(error) if name else "the log has the cause",
    }
    delays = network if document.retry else RETRY_DELAYS
    transient = name == "Unavailable" or (document.retry and is_network_error(error))
    if isinstance(error, NotYet):
        retry_at = now + min(max(delays, default=LOOK_AGAIN), LOOK_AGAIN)
        return _interrupted(document, now, state="Retry", retry_at=retry_at, **told)
    if transient and document.attempts < len(delays):
        retry_at = now + delays[document.attempts]
        attempts = document.attempts + 1
        again: dict[str, Any] = {"attempts": attempts, "retry_at": retry_at}
        return _interrupted(document, now, state="Retry", **again, **told)
    return _ended(document, now, state="Failure", **told)


def failure_of(job: Job) -> PonsError:
    """The error that a failed job ended with, as its synchronous caller gets it."""
    document = job.document
    words = document.error_details or description(document.code)
    failure = named(document.error, document.error_kind)(words)
    failure.told = _payload(document)
    return failure


def _payload(document: JobDocument) -> dict[str, Any]:
    """What is told beside the error of a retrieval: what became of each resource, with its DIMSE
    status, as Orthanc does since 1.12.10."""
    details = document.content.get("Details")
    if document.job_type not in RETRIEVALS or not document.error or not details:
        return {}
    return {"ErrorPayload": {"Type": "RetrieveJob", "Content": details}}


def failed_instances(reasons: Mapping[str, str]) -> dict[str, Any]:
    """How the content of a permissive job names the instances that it passed over, with reasons.

    Nothing where there are none. Orthanc tells the number alone, and of archives nothing.
    """
    if not reasons:
        return {}
    named = [{"ID": one, "Reason": why} for one, why in list(reasons.items())[:MOST_NAMED]]
    return {"FailedInstancesCount": len(reasons), "FailedInstances": named}


def to_json(job: Job, now: float) -> dict[str, Any]:
    """The object that `GET /jobs/{id}` answers with."""
    document = job.document
    running = document.state == "Running"
    runtime = document.runtime + (max(now - document.changed, 0.0) if running else 0.0)
    shown: dict[str, Any] = {
        "ID": document.id,
        "Type": document.job_type,
        "State": document.state,
        "Priority": document.priority,
        "Progress": round(document.progress * 100),
        "ErrorCode": document.code,
        "ErrorDescription": description(document.code),
        "ErrorDetails": document.error_details,
        **_payload(document),
        "CreationTime": _date(document.created),
        "Timestamp": _date(now),
        "EffectiveRuntime": round(runtime, 3),
        "Content": job.content,
    }
    if job.request.user_data is not None:
        shown["UserData"] = job.request.user_data
    if document.completed is not None:
        shown["CompletionTime"] = _date(document.completed)
    elif running and document.progress > 0:
        remaining = runtime / document.progress - runtime
        shown["EstimatedTimeOfArrival"] = _date(now + remaining)
    return shown


def _changed(document: JobDocument, now: float, **changes: Any) -> JobDocument:
    return msgspec.structs.replace(document, changed=now, **changes)


def _interrupted(document: JobDocument, now: float, **changes: Any) -> JobDocument:
    """Not running any more, and not finished, unless that is what was wanted meanwhile."""
    if document.wanted == "cancel":
        return ended_by_cancel(document, now)
    if document.wanted == "pause":
        changes["state"] = "Paused"
    return _changed(document, now, claim="", wanted="", **changes)


def _ended(document: JobDocument, now: float, **changes: Any) -> JobDocument:
    endings = document.endings + 1
    return _changed(document, now, completed=now, claim="", wanted="", endings=endings, **changes)


def _forbidden(verb: str, document: JobDocument, state: JobState) -> Conflict:
    return Conflict(f"Job {document.id} is {document.state}; only a {state} one can be {verb}")


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%S.%f")

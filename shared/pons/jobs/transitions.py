# SPDX-License-Identifier: Apache-2.0
"""How a job may change: each transition gives the next document, or says why there is none."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from pons.errors import Conflict, NotFound, Unavailable, family_name, kind_name
from pons.jobs.document import JobDocument, JobState, Step
from pons.jobs.outcomes import CANCELED, SUCCESS, code_of, is_network_error

NEVER_RESUBMITTED = ("Archive", "Media")
"""Types of jobs that Orthanc does not start again."""
RETRY_DELAYS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0)
"""Seconds before each next try after `Unavailable`; when they are used up, the job fails. Those of
jobs that ask for retries are in the settings."""
LOOK_AGAIN = 10.0
"""Seconds until a job is tried again that waits for work of our own."""


class NotYet(Unavailable):
    """What a job asks for can be told once work of our own is done that is under way: it waits as
    long as that takes."""


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


def hastened(document: JobDocument, now: float) -> JobDocument:
    """A job that waits for its next try: tried at once, from where it stopped, and if that fails
    after the same delays as the first time."""
    if document.state != "Retry":
        raise _forbidden("hastened", document, "Retry")
    return _changed(document, now, state="Pending", attempts=0)


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
        "error_code": code_of(name, kind),
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

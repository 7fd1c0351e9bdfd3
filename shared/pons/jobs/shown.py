# SPDX-License-Identifier: Apache-2.0
"""How Orthanc shows a job: its object, its error, and what it passed over."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pons.errors import PonsError, named
from pons.jobs.document import Job, JobDocument
from pons.jobs.outcomes import description

RETRIEVALS = ("DicomMoveScu", "DicomGetScu")
"""Types of jobs whose content tells what became of each resource."""

MOST_NAMED = 50
"""Instances passed over that a job names; more are counted only: each step writes its content."""


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


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%S.%f")

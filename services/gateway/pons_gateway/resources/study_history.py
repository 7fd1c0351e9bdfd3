# SPDX-License-Identifier: Apache-2.0
"""Changes, exports and jobs of one study, put into one order."""

from datetime import UTC, datetime

import msgspec

from pons.catalog import Catalog, Resource
from pons.dicom.levels import Level
from pons.jobs import Job, Jobs
from pons_gateway.models.study_history import StudyEvent, StudyEvents

MOST = 500
"""Events that are told."""


async def study_events(study: Resource, catalog: Catalog, jobs: Jobs) -> StudyEvents:
    """What happened to a study, newest first. Raises `Unavailable`."""
    history = catalog.study_history
    changes = await history.changes(study.id, MOST)
    sent = await history.sent(study.id, MOST)
    levels: dict[str, Level] = {study.parent: "Patient", study.id: "Study"}
    levels |= dict.fromkeys(study.children, "Series")
    events = [
        StudyEvent(
            kind="change",
            at=_moment(one.date),
            what=one.change_type,
            level=one.level,
            id=one.resource_id,
        )
        for one in changes
    ]
    events += [
        StudyEvent(
            kind="sent",
            at=_moment(one.date),
            what=one.destination,
            level=one.level,
            job=one.job_id,
            count=one.sent,
        )
        for one in sent
    ]
    for job in await jobs.list():
        named = named_in(job, levels)
        if named:
            events.append(_about(job, levels[named], named))
    events.sort(key=lambda one: one.at, reverse=True)
    return StudyEvents(events=events[:MOST], more=len(events) > MOST or len(changes) == MOST)


def named_in(job: Job, identifiers: dict[str, Level]) -> str:
    """The first of the identifiers that a job is about; empty where it is about none."""
    told = (job.request.content, job.request.arguments, job.document.content)
    text = msgspec.json.encode(told, enc_hook=str).decode()
    return next((one for one in identifiers if one in text), "")


def _about(job: Job, level: Level, identifier: str) -> StudyEvent:
    document = job.document
    return StudyEvent(
        kind="job",
        at=_moment(datetime.fromtimestamp(document.created, UTC)),
        what=document.job_type,
        level=level,
        id=identifier,
        job=document.id,
        state=document.state,
        progress=round(document.progress * 100),
        error=document.error_details,
    )


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

# SPDX-License-Identifier: Apache-2.0
"""Explorer's list of jobs: pages of any number of them, and what is done with several at once."""

import msgspec
from fastapi import Response

from pons.jobs import Wanted, act, page_of
from pons.jobs.listed import undelivered
from pons_gateway.dependencies import BackendsDep
from pons_gateway.models.job_lists import (
    Acted,
    ActionAsked,
    JobsAsked,
    JobsPage,
    JobsPageAsked,
    UndeliveredTo,
)
from pons_gateway.responses.answers import json_answer
from pons_gateway.routers import tag_tree
from pons_gateway.routing import Router, page

router = Router(tag_tree.router.title, tag_tree.router.description, prefix="/explorer/api")


def wanted_of(asked: JobsAsked) -> Wanted:
    """The jobs that are asked for."""
    return Wanted(
        states=frozenset(asked.states),
        types=frozenset(asked.types),
        destination=asked.destination,
        text=asked.text,
        ids=None if asked.ids is None else frozenset(asked.ids),
    )


@router.post("/jobs", summary="A page of a list of jobs", response_model=JobsPage)
@page
async def jobs(asked: JobsPageAsked, backends: BackendsDep) -> Response:
    """Rows in the order asked for, how many match, and how many are in each state."""
    everything = await backends.job_overview.all()
    found = page_of(everything, wanted_of(asked), asked.sort, asked.after, asked.limit)
    return json_answer(msgspec.to_builtins(found))


@router.post("/jobs/identifiers", summary="Identifiers of all that match", response_model=list[str])
@page
async def identifiers(asked: JobsAsked, backends: BackendsDep) -> Response:
    """In no particular order."""
    wanted = wanted_of(asked)
    everything = await backends.job_overview.all()
    return json_answer(
        [job.id for job in everything if wanted.takes(job) and wanted.has_state(job)]
    )


@router.get(
    "/jobs/undelivered",
    summary="What could not be delivered, by destination",
    response_model=list[UndeliveredTo],
)
@page
async def undelivered_to(backends: BackendsDep) -> Response:
    """`/jobs/dead-letters` names the jobs."""
    return json_answer(
        [
            {
                "destination": one.destination,
                "count": one.count,
                "since": one.since,
                "causes": [{"cause": cause, "count": count} for cause, count in one.causes],
            }
            for one in undelivered(await backends.job_overview.all())
        ]
    )


@router.post(
    "/jobs/act", summary="Pause, resume, cancel, retry or forget jobs", response_model=Acted
)
@page
async def act_on_jobs(asked: ActionAsked, backends: BackendsDep) -> Response:
    """A running job rests or ends shortly after. May be repeated."""
    refused = await act(backends.jobs, asked.ids, asked.action)
    return json_answer({"done": len(set(asked.ids)) - len(refused), "refused": refused})

# SPDX-License-Identifier: Apache-2.0
"""What Explorer asks of lists of jobs, and what it is told."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from pons.jobs import JobAction
from pons.jobs.listed import ORDERS, Shown
from pons_gateway.models.examples import JOB, example
from pons_gateway.models.lists import Listed
from pons_gateway.models.session import CAMEL
from pons_gateway.models.study_lists import ASKED

MOST_ROWS = 500
MOST_ACTED = 1000
"""Jobs that one request acts on."""

Text = Annotated[str, Field(max_length=200)]
JobId = Annotated[str, Field(max_length=40)]


class JobsAsked(BaseModel):
    """Which jobs; empty or left out: any."""

    model_config = ASKED | example(states=["Running", "Retry"], text="pacs")

    states: Listed[Shown] = Field([], max_length=10, description="In one of these.")
    types: Listed[Text] = Field([], max_length=50, description="Of one of these kinds.")
    destination: Text = Field("", description="To this one, such as `modality:pacs`.")
    text: Text = Field(
        "", description="Words, each a piece of the destination, kind, cause or identifier."
    )
    ids: Listed[JobId] | None = Field(
        None, max_length=MOST_ROWS, description="Only these; those that are gone are left out."
    )


class JobsPageAsked(JobsAsked):
    """Which page of a list of jobs."""

    model_config = example(states=["Running"], sort="-created", limit=100)

    sort: Text = Field(
        "-created", description=f"One of {', '.join(ORDERS)}; with `-` before it, descending."
    )
    after: str | None = Field(None, description="`next` of the page before.")
    limit: int = Field(100, ge=1, le=MOST_ROWS, description="Rows at most.")


class JobRow(BaseModel):
    """A row of a list of jobs. Times are seconds since 1970."""

    model_config = CAMEL | example(
        id=JOB,
        type="DicomModalityStore",
        destination="modality:workstation",
        state="Running",
        wanted="",
        progress=0.5,
        count=12,
        failed=0,
        created=1704190272.0,
        changed=1704190273.0,
        completed=None,
        runtime=0.4,
        retryAt=None,
        error="",
        outputs=[],
        actions=["pause", "cancel"],
        cancelled=False,
    )

    id: str = Field(description="Its identifier.")
    type: str = Field(description="The kind of work, as of `/jobs`.")
    destination: str = Field(description="The other system that it is about; empty: none.")
    state: Shown = Field(description="As of `/jobs`; `Undelivered`: failed, and on the list of it.")
    wanted: Literal["", "cancel", "pause"] = Field(description="What it is to become.")
    progress: float = Field(description="0 to 1.")
    count: int | None = Field(description="Instances in all, where it counts them.")
    failed: int = Field(description="How many of them could not be dealt with.")
    created: float = Field(description="When it was asked for.")
    changed: float = Field(description="When it changed last.")
    completed: float | None = Field(description="When it ended.")
    runtime: float = Field(description="Seconds of work.")
    retry_at: float | None = Field(description="When it is tried again, of one that waits for it.")
    error: str = Field(description="Why it failed, or waits for another try; the beginning.")
    outputs: list[str] = Field(description="What it has made, below `/jobs/{id}/`.")
    actions: list[JobAction] = Field(description="What can be done with it now.")
    cancelled: bool = Field(description="Whether it failed because somebody cancelled it.")


class JobsPage(BaseModel):
    """A page of a list of jobs."""

    model_config = CAMEL

    rows: list[JobRow] = Field(description="In the order that was asked for.")
    next: str | None = Field(description="What to ask the next page with; null: there is none.")
    count: int = Field(description="All that match.")
    states: dict[str, int] = Field(
        description="How many are in each state, of all that match but for `states`."
    )
    cancelled: int = Field(description="How many of those in the state `Failure` were cancelled.")
    types: list[str] = Field(description="Kinds of all jobs that there are.")
    destinations: list[str] = Field(description="Destinations of all jobs that there are.")


class Cause(BaseModel):
    """Why, and how often."""

    cause: str = Field(description="The beginning of it.")
    count: int = Field(description="How many jobs.")


class UndeliveredTo(BaseModel):
    """What one destination did not take."""

    model_config = CAMEL | example(
        destination="modality:pacs",
        count=3,
        since=1704190272.0,
        causes=[{"cause": "Modality 'pacs': connection refused", "count": 3}],
    )

    destination: str = Field(description="A kind, and what this store calls it.")
    count: int = Field(description="How many jobs.")
    since: float = Field(description="When the first of them was given up, in seconds since 1970.")
    causes: list[Cause] = Field(description="The most frequent ones.")


class ActionAsked(BaseModel):
    """What to do with which jobs."""

    model_config = ASKED | example(action="retry", ids=[JOB])

    action: JobAction = Field(
        description="`retry` goes on with what could not be delivered where it stopped, at once "
        "with what waits for its next try, and begins others anew; `forget` takes one that has "
        "ended off the list."
    )
    ids: Listed[JobId] = Field(min_length=1, max_length=MOST_ACTED, description="Identifiers.")


class Acted(BaseModel):
    """What became of it."""

    model_config = example(done=2, refused={JOB: f"Job {JOB} is Success"})

    done: int = Field(description="Jobs that it was done to.")
    refused: dict[str, str] = Field(description="Why it cannot be done to others, by identifier.")


class JobNews(BaseModel):
    """The data of an event `jobs`: how the jobs are now."""

    model_config = CAMEL | example(states={"Running": 2}, progress=0.62, newest=1.0, latest=[])

    states: dict[str, int] = Field(description="How many are in each state.")
    progress: float = Field(description="Of all that run, 0 to 1.")
    newest: float = Field(description="When the newest one was asked for; 0: there is none.")
    latest: list[JobRow] = Field(description="Those under way, then those that ended last; a few.")

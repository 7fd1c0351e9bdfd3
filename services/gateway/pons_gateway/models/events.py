# SPDX-License-Identifier: Apache-2.0
"""What the one stream of events is asked, that all pages of a browser share, and what it tells."""

from pydantic import BaseModel, Field

from pons_gateway.models.examples import ID, example
from pons_gateway.models.job_lists import JobNews
from pons_gateway.models.known_remotes import RemoteNews
from pons_gateway.query import LogNumber


class EventsQuery(BaseModel):
    """Where the stream goes on."""

    since: LogNumber = Field(
        None, description="Studies that came after this change; without, those that come from now."
    )


class StudyArrived(BaseModel):
    """The data of an event `study`, whose `id` is the number of the change."""

    model_config = example(id=ID)

    id: str = Field(description="Identifier of the study.")


class StudiesGone(BaseModel):
    """The data of an event `gone`."""

    model_config = example(ids=[ID])

    ids: list[str] = Field(description="Identifiers of studies that are not there any more.")


class Beat(BaseModel):
    """The data of an event `beat`: none."""


class Events(BaseModel):
    """The data of each kind of event, by its name."""

    study: StudyArrived = Field(description="A study that is new.")
    gone: StudiesGone = Field(description="Studies that were deleted.")
    beat: Beat = Field(
        description="At first, with the number that the stream begins behind, and every 15 seconds."
    )
    jobs: JobNews = Field(description="How the jobs are now: at first, and after they changed.")
    remotes: RemoteNews = Field(
        description="How modalities and peers are now: at first, and after that changed."
    )

# SPDX-License-Identifier: Apache-2.0
"""What could not be delivered: how it is asked for, and what is told of it."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints

from pons.jobs import JobDocument
from pons.messages.destinations import DESTINATION
from pons_gateway.models.dead_letters import DEFAULT_LIMIT, MAX_LIMIT
from pons_gateway.models.examples import JOB, example
from pons_gateway.query import LogNumber

Destination = Annotated[str, StringConstraints(pattern=f"^({DESTINATION.pattern})?$")]

LETTER: dict[str, Any] = {
    "ID": JOB,
    "Destination": "modality:workstation",
    "Type": "DicomModalityStore",
    "Reason": "Modality 'workstation' (WS at 192.0.2.1:104): connection refused by 192.0.2.1:104",
    "Since": "20240102T101112",
}


class WhichDestination(BaseModel):
    """Of which destination."""

    destination: Destination = Field(
        "", description="Only those of this one, such as `modality:workstation`."
    )


class UndeliveredQuery(WhichDestination):
    """Which of them are wanted."""

    since: str = Field("", description="Only what follows this one in the list.")
    limit: LogNumber = Field(
        None, description=f"So many at most; {DEFAULT_LIMIT} without, {MAX_LIMIT} in any case."
    )


class Undelivered(BaseModel):
    """A job that could not deliver what it was to send."""

    model_config = example(**LETTER)

    ID: str = Field(description="Identifier of the job, which `/jobs/{id}` shows too.")
    Destination: str = Field(description="To where: a kind, and what this store calls it.")
    Type: str = Field(description="The kind of work, as of `/jobs`.")
    Reason: str = Field(description="Why it was not delivered.")
    Since: str = Field(description="When it was given up, in UTC, as `YYYYMMDDTHHMMSS`.")


class UndeliveredJob(Undelivered):
    """The same, with what was to be sent and how far the job came."""

    model_config = example(**LETTER, Content={"InstancesCount": 12, "ParentResources": []})

    Content: dict[str, Any] = Field(description="As of `/jobs/{id}`.")


class Resumed(BaseModel):
    """Jobs that are tried again."""

    model_config = example(Jobs=[JOB])

    Jobs: list[str] = Field(description="Their identifiers.")


def page(letters: list[JobDocument], asked: UndeliveredQuery) -> list[JobDocument]:
    """Those that are wanted; all follow an identifier that is not in the list (any more)."""
    ids = [letter.id for letter in letters]
    start = ids.index(asked.since) + 1 if asked.since in ids else 0
    return letters[start : start + min(asked.limit or DEFAULT_LIMIT, MAX_LIMIT)]


def letter_json(letter: JobDocument) -> dict[str, Any]:
    """What the list tells of a job."""
    ended = datetime.fromtimestamp(letter.completed or letter.changed, UTC)
    return {
        "ID": letter.id,
        "Destination": letter.destination,
        "Type": letter.job_type,
        "Reason": letter.error_details,
        "Since": ended.strftime("%Y%m%dT%H%M%S"),
    }

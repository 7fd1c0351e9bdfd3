# SPDX-License-Identifier: Apache-2.0
"""Routing: what is asked of it beside rules and webhooks themselves, and what is told."""

from typing import Any

from pydantic import BaseModel, Field, RootModel, model_validator

from pons.dicom.levels import Level
from pons.routing.rules import Event, Rule
from pons_gateway.models.examples import ID, MOMENT, STRICT, example
from pons_gateway.models.jobs import Identifier

MOST = 1000
"""Resources of a dry run, and changes of a replay, at a time."""


class Rules(RootModel[dict[str, Rule]]):
    """Rules, by name."""


class Kept(BaseModel):
    """What there is to say of a rule that is kept."""

    model_config = example(Warnings=[])

    Warnings: list[str] = Field(
        description="Why it may not do what it is to do: a destination that is not known yet, or "
        "a label in a store that is read-only."
    )


class ShownWebhook(BaseModel):
    """A webhook, without its secret."""

    model_config = example(Url="https://planning.example.org/hook", HttpHeaders=["X-Token"])

    Url: str = Field(description="Where to, without the values of a query.")
    HttpHeaders: list[str] = Field(description="Names of the headers that go with each request.")


class Webhooks(RootModel[dict[str, ShownWebhook]]):
    """Webhooks, by name."""


class DryRunRequest(BaseModel):
    """What a rule is tried on; also the identifier alone, as a text."""

    model_config = example(Resource=ID)

    Resource: Identifier = Field(description="Identifier of a resource of any level.")

    @model_validator(mode="before")
    @classmethod
    def _of_text(cls, value: Any) -> Any:
        return {"Resource": value} if isinstance(value, str) else value


class Tried(BaseModel):
    """What a rule would do with a resource."""

    ID: str = Field(description="Its identifier.")
    Path: str = Field(description="Where it is shown.")
    ResourceType: Level = Field(description="Its level, which is that of the rule.")
    To: list[str] = Field(description="Where it would be sent; empty where the rule does not hold.")
    Label: list[str] | None = Field(
        None, description="Labels that it would get; only where the rule holds and has some."
    )
    Unmet: dict[str, Any] | None = Field(
        description="The first condition that does not hold; null where all do."
    )
    Found: str | None = Field(
        description="What there is of what that condition asks: the text of the attribute, the AE "
        "title, or the labels; empty: nothing; null: it asks several, or all hold.",
    )


class DryRun(BaseModel):
    """What a rule would do with the resource, or with those that belong to it."""

    model_config = example(
        Resources=[
            {
                "ID": ID,
                "Path": f"/studies/{ID}",
                "ResourceType": "Study",
                "To": [],
                "Unmet": {"Tag": "Modality", "Is": ["PT"]},
                "Found": "CT",
            }
        ],
        Done=True,
    )

    Resources: list[Tried] = Field(description=f"{MOST} at most.")
    Done: bool = Field(description="Whether these are all.")


class ReplayRequest(BaseModel):
    """Which changes rules are asked of once more. Nothing is sent."""

    model_config = STRICT | example(Days=7)

    Days: float = Field(gt=0, le=36500, description="From how many days ago on.")
    Rules: list[str] | None = Field(None, description="Only these rules; left out: all that apply.")
    Since: int = Field(0, ge=0, description="Only changes after this number: `Last` of a page.")
    Limit: int = Field(MOST, ge=1, le=MOST, description="So many changes are looked at, at most.")


class Replayed(BaseModel):
    """A change that rules hold of, as of `/changes`."""

    ChangeType: Event = Field(description="What has happened.")
    Date: str = Field(description="When, in UTC.")
    ID: str = Field(description="Identifier of the resource.")
    Path: str = Field(description="Where the resource is shown.")
    ResourceType: Level = Field(description="Level of the resource.")
    Seq: int = Field(description="Number of the change.")
    Rules: dict[str, list[str]] = Field(description="Where each rule would send it, by rule.")


class Replay(BaseModel):
    """What would be sent; a page of it."""

    model_config = example(
        Changes=[
            {
                "ChangeType": "StableStudy",
                "Date": MOMENT,
                "ID": ID,
                "Path": f"/studies/{ID}",
                "ResourceType": "Study",
                "Seq": 12,
                "Rules": {"research": ["modality:research"]},
            }
        ],
        Done=True,
        Last=12,
    )

    Changes: list[Replayed] = Field(description="Only those that some rule holds of.")
    Done: bool = Field(description="Whether there are no more.")
    Last: int = Field(description="Number of the last change that was looked at.")


class DestinationState(BaseModel):
    """How a destination of rules fares."""

    model_config = example(
        Destination="modality:research",
        Known=True,
        Waiting=120,
        GoingOn=1,
        DeadLetters=0,
        NextTry="20240102T101112",
        Reason="No answer from 192.0.2.7:104",
    )

    Destination: str = Field(description="A kind, and what this store calls it.")
    Known: bool = Field(description="Whether there is such a modality, peer or webhook.")
    Waiting: int = Field(description="Changes in its queue, of which no job was made yet.")
    GoingOn: int = Field(description="Jobs that are under way, or are to be tried again.")
    DeadLetters: int = Field(description="Jobs that failed for good: `/jobs/dead-letters`.")
    NextTry: str | None = Field(
        description="When, in UTC, the first of those jobs is tried again that wait; null: none."
    )
    Reason: str = Field(description="Why the last one of these did not get on; empty: none.")

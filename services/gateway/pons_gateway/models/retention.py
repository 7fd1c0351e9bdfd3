# SPDX-License-Identifier: Apache-2.0
"""Retention: what is asked of it beside rules themselves, and what is told."""

from pydantic import BaseModel, Field, RootModel

from pons.retention.rules import RetentionRule
from pons_gateway.models.examples import ID, MOMENT, STRICT, example

MOST = 1000
"""Studies that a dry run looks at, at a time."""


class RetentionRules(RootModel[dict[str, RetentionRule]]):
    """Retention rules, by name."""


class ExpiryRequest(BaseModel):
    """Which studies are looked at, and by which rules."""

    model_config = STRICT | example(Rules=["nm"])

    Rules: list[str] | None = Field(
        None, description="These rules alone, also such that rest; left out: all that apply."
    )
    Since: int = Field(0, ge=0, description="Only studies after this one: `Last` of a page.")
    Limit: int = Field(
        100, ge=1, le=MOST, description="So many studies that are old enough are looked at."
    )


class ExpiringStudy(BaseModel):
    """A study that a rule holds of."""

    ID: str = Field(description="Its identifier.")
    Path: str = Field(description="Where it is shown.")
    Rule: str = Field(description="The rule that lets it go; empty where its headers are damaged.")
    LastUpdate: str = Field(description="When its last instance came or went, in UTC.")
    Goes: bool = Field(description="Whether it would go now.")
    Kept: str = Field(description="Why it stays; empty where it would go.")


class Expiring(BaseModel):
    """What would go; a page of it."""

    model_config = example(
        Studies=[
            {
                "ID": ID,
                "Path": f"/studies/{ID}",
                "Rule": "nm",
                "LastUpdate": MOMENT,
                "Goes": False,
                "Kept": "its patient is protected",
            }
        ],
        RoomIsNeeded=False,
        Done=True,
        Last=12,
    )

    Studies: list[ExpiringStudy] = Field(description="Only those that some rule holds of.")
    RoomIsNeeded: bool = Field(description="Whether what waits for that may go.")
    Done: bool = Field(description="Whether there are no more.")
    Last: int = Field(description="Where the next page begins.")

# SPDX-License-Identifier: Apache-2.0
"""Rules: from the settings (`[routing.rules.NAME]`), changed over REST, the same everywhere."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, model_validator

from pons.bus import Bus
from pons.dicom.labels import LABEL
from pons.dicom.levels import Level
from pons.limits.mistakes import validated
from pons.messages.destinations import DESTINATION, KINDS
from pons.remotes.registry import Registry
from pons.routing.conditions import MOST, Condition
from pons.settings import Settings

Event = Literal["NewInstance", "StableSeries", "StableStudy"]
LEVEL_OF: Mapping[str, Level] = {
    "NewInstance": "Instance",
    "StableSeries": "Series",
    "StableStudy": "Study",
}
"""At which level a change is that rules wait for."""


def _named(destination: str) -> str:
    if DESTINATION.fullmatch(destination) is None:
        raise ValueError(f"expected {' or '.join(f'{kind}:NAME' for kind in KINDS)}")
    return destination


def _label(text: str) -> str:
    if LABEL.fullmatch(text) is None:
        raise ValueError("a label has 1 to 64 letters, digits, _ or -")
    return text


Destination = Annotated[str, AfterValidator(_named)]
Word = Annotated[str, AfterValidator(_label)]


class Rule(BaseModel):
    """What is sent where or labelled how, and when."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "On": "StableStudy",
                    "When": [{"Tag": "Modality", "Is": ["CT", "PT"]}, {"Origin": "NM*"}],
                    "To": ["modality:research", "webhook:planning"],
                }
            ]
        },
    )

    On: Event = Field(description="The change that it waits for, as `/changes` calls it.")
    When: list[Condition] = Field(
        [],
        max_length=MOST,
        description="What has to hold, each of it; nothing: always. Of a series or study one "
        "instance of each series is asked, and the rule applies when all holds of one of them.",
    )
    To: list[Destination] = Field(
        [],
        max_length=32,
        description="`modality:NAME`, `peer:NAME` are sent the instances, `webhook:NAME` is told "
        "of the change.",
    )
    Label: list[Word] | None = Field(
        None,
        min_length=1,
        max_length=32,
        description="Labels that the instance, series or study gets, before rules are asked where "
        "it goes.",
    )
    Enabled: StrictBool = Field(True, description="Whether it is applied; else it rests.")

    @model_validator(mode="after")
    def _does_something(self) -> "Rule":
        if not self.To and not self.Label:
            raise ValueError("a rule has To, Label or both")
        return self

    @property
    def condition(self) -> Condition:
        """All that has to hold, as one."""
        return Condition.model_construct(All=list(self.When))

    @property
    def destinations(self) -> list[str]:
        """Where it sends, each once."""
        return list(dict.fromkeys(self.To))


def parse_rule(value: Any, name: str = "") -> dict[str, Any]:
    """The rule that `value` describes, as it is kept. Raises `BadRequest` naming the mistake."""
    where = f"rule {name!r}: " if name else ""
    return as_kept(validated(Rule, value, where))


def as_kept(rule: Rule) -> dict[str, Any]:
    """As it is kept, and shown."""
    return rule.model_dump(exclude_none=True)


class Rules(Registry[dict[str, Any]]):
    """The store's rules, by name. Open it with `open_rules`."""

    def all(self) -> dict[str, Rule]:
        """Every rule, applied or resting. Raises `BadRequest` for one that cannot be read here."""
        return {
            name: validated(Rule, kept, f"rule {name!r}: ") for name, kept in self.list().items()
        }

    def applied(self) -> dict[str, Rule]:
        """Those that do not rest."""
        return {name: rule for name, rule in self.all().items() if rule.Enabled}


@asynccontextmanager
async def open_rules(bus: Bus, settings: Settings) -> AsyncIterator[Rules]:
    """The store's rules, known and fresh as long as the block runs.

    Raises `BadRequest` when the settings name one that cannot be.
    """
    rules = Rules(bus, "rule", "/routing/rules", settings.routing.rules, parse_rule, dict)
    async with rules.following():
        yield rules

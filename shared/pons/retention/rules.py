# SPDX-License-Identifier: Apache-2.0
"""Retention rules: from the settings (`[retention.rules.NAME]`), changed over REST."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from pons.bus import Bus
from pons.limits.mistakes import validated
from pons.remotes.registry import Registry
from pons.routing.conditions import MOST, Condition
from pons.settings import Settings


class RetentionRule(BaseModel):
    """Which studies may go, and when."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {"When": [{"Origin": "NM*"}], "KeepDays": 90, "Delete": "WhenRoomIsNeeded"}
            ]
        },
    )

    When: list[Condition] = Field(
        min_length=1,
        max_length=MOST,
        description="What has to hold, each of it, of every instance of a study, so that the study "
        'may go. `[{"All": []}]` holds always.',
    )
    KeepDays: Annotated[float, Field(strict=True, gt=0, le=36500, allow_inf_nan=False)] = Field(
        description="Days that a study is kept at least since its last instance came. Of several "
        "rules that hold of an instance of it the longest counts."
    )
    Delete: Literal["AfterKeepDays", "WhenRoomIsNeeded"] = Field(
        "AfterKeepDays",
        description="AfterKeepDays: then it goes. WhenRoomIsNeeded: then it goes when the store "
        "fills up (`retention.room_percent`), those that came first first.",
    )
    Enabled: StrictBool = Field(True, description="Whether it is applied; else it rests.")

    @property
    def condition(self) -> Condition:
        """All that has to hold, as one."""
        return Condition.model_construct(All=list(self.When))

    @property
    def keep(self) -> timedelta:
        """How long what it holds of is kept."""
        return timedelta(days=self.KeepDays)


def parse_rule(value: Any, name: str = "") -> dict[str, Any]:
    """The rule that `value` describes, as it is kept. Raises `BadRequest` naming the mistake."""
    return as_kept(_read(name, value))


def _read(name: str, value: Any) -> RetentionRule:
    return validated(RetentionRule, value, f"retention rule {name!r}: " if name else "")


def as_kept(rule: RetentionRule) -> dict[str, Any]:
    """As it is kept, and shown."""
    return rule.model_dump(exclude_none=True)


class RetentionRules(Registry[dict[str, Any]]):
    """The store's retention rules, by name. Open it with `open_rules`."""

    def all(self) -> dict[str, RetentionRule]:
        """Every rule, applied or resting.

        Raises `BadRequest` for one that cannot be read here, as of a later version: it may be one
        that keeps what others let go.
        """
        return {name: _read(name, kept) for name, kept in self.list().items()}

    def applied(self) -> dict[str, RetentionRule]:
        """Those that do not rest. Raises `BadRequest` as `all` does."""
        return {name: rule for name, rule in self.all().items() if rule.Enabled}


@asynccontextmanager
async def open_rules(bus: Bus, settings: Settings) -> AsyncIterator[RetentionRules]:
    """The store's retention rules, known and fresh as long as the block runs.

    Raises `BadRequest` when the settings name one that cannot be.
    """
    rules = RetentionRules(
        bus, "retention", "/retention/rules", settings.retention.rules, parse_rule, dict
    )
    async with rules.following():
        yield rules

# SPDX-License-Identifier: Apache-2.0
"""Routing rules as Explorer lists them, and what they say of a file."""

from typing import Any

from pydantic import BaseModel, Field

from pons.remotes.registry import Source
from pons.routing.rules import Rule
from pons_gateway.models.known_remotes import REVISION, SOURCE


class KnownRule(BaseModel):
    """A rule, and where it comes from."""

    name: str = Field(description="What this store calls it.")
    source: Source = Field(description=SOURCE)
    revision: int = Field(description=REVISION)
    rule: Rule = Field(description="What is sent where or labelled how, and when.")


class KnownRules(BaseModel):
    """All rules, and where they may send."""

    rules: list[KnownRule] = Field(description="Sorted by name.")
    destinations: list[str] = Field(description="What can stand in `To`.")


class TriedOnFile(BaseModel):
    """What a rule would say of a file, were it to come."""

    name: str = Field(description="The rule.")
    unmet: dict[str, Any] | None = Field(
        description="The first condition that does not hold; null where all do."
    )
    found: str | None = Field(description="`Found` of a dry run.")


class FileOrigin(BaseModel):
    """Where a file is said to come from."""

    origin: str = Field("", max_length=16, description="AE title that sends it; empty: by HTTP.")

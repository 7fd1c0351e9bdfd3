# SPDX-License-Identifier: Apache-2.0
"""Retention rules as Explorer lists them."""

from pydantic import BaseModel, Field

from pons.remotes.registry import Source
from pons.retention.rules import RetentionRule
from pons_gateway.models.known_remotes import REVISION, SOURCE


class KnownRetentionRule(BaseModel):
    """A retention rule, and where it comes from."""

    name: str = Field(description="What this store calls it.")
    source: Source = Field(description=SOURCE)
    revision: int = Field(description=REVISION)
    rule: RetentionRule = Field(description="Which studies may go, and when.")

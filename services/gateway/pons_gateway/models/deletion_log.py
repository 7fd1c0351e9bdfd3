# SPDX-License-Identifier: Apache-2.0
"""What became of a resource that is not here any more."""

from pydantic import BaseModel, Field

from pons.dicom.levels import Level
from pons.messages.index import Cause
from pons_gateway.models.examples import example
from pons_gateway.models.session import CAMEL


class LoggedDeletion(BaseModel):
    """When a resource was deleted, and by whom."""

    model_config = CAMEL | example(
        level="Study", at="2026-05-14T10:31:13.000000Z", cause="asked", by="alice"
    )

    level: Level = Field(description="What it was.")
    at: str = Field(description="When, in UTC.")
    cause: Cause = Field(
        description="`asked`: by a client; `script`: by a Lua script; `age`: by a rule of "
        "retention; `room`: since the store was full."
    )
    by: str = Field(description="The user who asked, or the rule; empty where nobody is known.")

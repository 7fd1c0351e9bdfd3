# SPDX-License-Identifier: Apache-2.0
"""What the sections of the settings are made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Port = Annotated[int, Field(ge=1, le=65535)]
AnyPort = Annotated[int, Field(ge=0, le=65535)]
"""0: one that the system chooses."""
Seconds = Annotated[float, Field(gt=0)]


class Section(BaseModel):
    """Settings of one subject, which its docstring names in the documentation."""

    model_config = ConfigDict(extra="forbid", frozen=True)

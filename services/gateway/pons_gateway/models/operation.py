# SPDX-License-Identifier: Apache-2.0
"""Answers about the operation of the store."""

from pydantic import BaseModel, ConfigDict


class Nothing(BaseModel):
    """An empty object: it was done, and there is nothing to say."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{}]})

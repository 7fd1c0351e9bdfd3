# SPDX-License-Identifier: Apache-2.0
"""What examples of bodies and answers show."""

from typing import Any

from pydantic import ConfigDict

ID = "6a3f1c05-9be0c7a4-2f0d11d3-5c8e0b77-aa6e94f1"
ANOTHER = "0f0c9d3b-77f7a1de-64f2b0c8-1b3e5a90-d2c4e6f8"
JOB = "3f4e8d1c-6f0a-4b5e-9c2d-7a1b0e8f6d54"
OBJECT = "0192f0c1-7a3b-7c11-9f6e-2d5c8a4b9e10"
MOMENT = "20240102T101112"

OPEN = ConfigDict(extra="allow")
"""Answers may hold more than is described."""
STRICT = ConfigDict(strict=True)
"""Nothing is taken for what it is not, as "1" for 1."""


def example(**fields: Any) -> ConfigDict:
    """For `model_config`: an example in the document."""
    return ConfigDict(json_schema_extra={"examples": [fields]})

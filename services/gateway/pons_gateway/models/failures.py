# SPDX-License-Identifier: Apache-2.0
"""What the document says of answers that tell a failure."""

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field

from pons_gateway.models.examples import OPEN, example


class Failure(BaseModel):
    """How Orthanc describes an error. Some routes have an empty body instead."""

    model_config = OPEN | example(
        HttpError="Not Found",
        HttpStatus=404,
        Message="Unknown resource",
        Method="GET",
        OrthancError="Unknown resource",
        OrthancStatus=17,
        Uri="/studies/x/series",
    )

    HttpError: str = Field(description="The status in words.")
    HttpStatus: int = Field(description="The status of the answer.")
    Message: str = Field(description="What went wrong, in Orthanc's words.")
    Details: str = Field("", description="What exactly, in ours, and what to do.")
    Method: str = Field(description="Method of the request.")
    OrthancError: str = Field(description="As `Message`.")
    OrthancStatus: int = Field(description="Orthanc's number of the error.")
    Uri: str = Field(description="Path of the request.")


def failures(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For `responses` of a route: failures, which are JSON whatever its successes are."""
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content}
        for status in statuses
    }


FAILURES = failures(400, 401, 404, 503)
"""The failures that any route may answer."""

# SPDX-License-Identifier: Apache-2.0
"""What the document says of bodies that are no JSON."""

from typing import Any

from fastapi.responses import PlainTextResponse, Response

DICOM = "application/dicom"
OCTETS = "application/octet-stream"
PDF = "application/pdf"
ZIP = "application/zip"
DICOM_JSON = {"schema": {"$ref": "#/components/schemas/DicomJson"}}
BINARY = {"schema": {"type": "string", "format": "binary"}}


def answers(*media_types: str) -> dict[int | str, dict[str, Any]]:
    """For `responses` of a route: a success that is a file of one of these types."""
    content = {one: DICOM_JSON if one.endswith("json") else BINARY for one in media_types}
    return {200: {"description": "Success", "content": content}}


def takes(*media_types: str) -> dict[str, Any]:
    """For `openapi_extra` of a route: a body that is a file of one of these types."""
    return {"requestBody": {"required": True, "content": dict.fromkeys(media_types, BINARY)}}


def takes_text(description: str, example: str) -> dict[str, Any]:
    """For `openapi_extra` of a route: a body that is a single value, as text."""
    content = {"schema": {"type": "string"}, "example": example}
    return {
        "requestBody": {
            "required": True,
            "description": description,
            "content": {"text/plain": content},
        }
    }


def takes_words(description: str, example: list[str]) -> dict[str, Any]:
    """For `openapi_extra` of a route: a body that is a JSON array of words, or one as text."""
    array = {"title": "Words", "type": "array", "items": {"type": "string"}}
    return {
        "requestBody": {
            "required": True,
            "description": description,
            "content": {
                "application/json": {"schema": array, "example": example},
                "text/plain": {"schema": {"type": "string"}, "example": example[0]},
            },
        }
    }


def gives_text(example: str) -> dict[str, Any]:
    """For a route: an answer that is a single value, as text."""
    content = {"schema": {"type": "string"}, "example": example}
    answer = {"description": "Success", "content": {"text/plain": content}}
    return {"response_class": PlainTextResponse, "responses": {200: answer}}


NO_BODY: dict[str, Any] = {
    "response_class": Response,
    "responses": {200: {"description": "Success, without a body"}},
}
"""For a route that has nothing to say."""

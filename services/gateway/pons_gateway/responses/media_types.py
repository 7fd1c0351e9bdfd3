# SPDX-License-Identifier: Apache-2.0
"""What the document says of bodies that are no JSON."""

from typing import Any

DICOM = "application/dicom"
OCTETS = "application/octet-stream"
PDF = "application/pdf"
ZIP = "application/zip"
BINARY = {"schema": {"type": "string", "format": "binary"}}


def answers(*media_types: str) -> dict[int | str, dict[str, Any]]:
    """For `responses` of a route: a success that is a file of one of these types."""
    return {200: {"description": "Success", "content": dict.fromkeys(media_types, BINARY)}}


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

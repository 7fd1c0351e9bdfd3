# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI 3.1 description, made from the route table."""

import re
from http import HTTPStatus
from typing import Any

JSON, TEXT = "application/json", "text/plain"

IN_PATH = re.compile(r"\{(\w+)(?:\.\.\.)?\}")
PATH_DESCRIPTIONS = {
    "id": "Identifier, as lists give it.",
    "tags": "Path of tags and of indices of items, such as `0008-1140/0/0008-1155`.",
    "metadata": "Name of the metadata, or its number.",
    "label": "The label.",
    "letter": "Number of the dead letter.",
    "attachment": "Name of the attachment, or its number.",
    "frame": "Number of the frame, from 0 on.",
    "name": "Name of the modality.",
    "key": "Name of the output.",
}

UPLOADS = ("application/dicom", "application/zip", "multipart/form-data")


def operation(route: Any) -> dict[str, Any]:
    """What the document says of a route."""
    operation: dict[str, Any] = {
        "parameters": _parameters(route),
        "responses": _responses(route),
    }
    if route.takes:
        operation["requestBody"] = {"content": _body(route)}
    return operation


def _parameters(route: Any) -> list[dict[str, Any]]:
    in_path = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": PATH_DESCRIPTIONS[name],
            "schema": {"type": "string"},
        }
        for name in IN_PATH.findall(route.path)
    ]
    in_query = [
        {
            "name": parameter.name,
            "in": "query",
            "description": parameter.description,
            "schema": parameter.schema,
        }
        for parameter in route.query
    ]
    return in_path + in_query


def _body(route: Any) -> dict[str, Any]:
    if route.takes == JSON:
        return {JSON: _content(route.body)}
    if route.takes == TEXT:
        return {TEXT: _content(route.body)}
    kinds = UPLOADS if route.takes in UPLOADS else (route.takes,)
    return {kind: {"schema": {"type": "string", "format": "binary"}} for kind in kinds}


def _responses(route: Any) -> dict[str, Any]:
    success: dict[str, Any] = {"description": "Success"}
    if route.gives in (JSON, TEXT):
        success["content"] = {route.gives: _content(route.example)}
    elif route.gives:
        success["content"] = {route.gives: {"schema": {"type": "string", "format": "binary"}}}
    else:
        success["description"] = "Success, without a body"
    statuses = [400, 401, 503]
    if IN_PATH.search(route.path):
        statuses.insert(2, 404)
    failures = {
        str(status): {
            "description": HTTPStatus(status).phrase,
            "content": {JSON: {"schema": {"$ref": "#/components/schemas/Failure"}}},
        }
        for status in statuses
    }
    return {"200": success, **failures}


def _content(example: Any) -> dict[str, Any]:
    return {"schema": _schema(example), "example": example}


def _schema(example: Any) -> dict[str, Any]:
    """What kind of value the example is; not more, since answers may hold more keys."""
    if isinstance(example, dict):
        return {"type": "object"}
    if isinstance(example, list):
        return {"type": "array", "items": _schema(example[0])} if example else {"type": "array"}
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string"}
    return {"type": kinds[type(example)]} if type(example) in kinds else {}

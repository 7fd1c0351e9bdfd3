# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI 3.1 description, made from the route table."""

import re
from http import HTTPStatus
from typing import Any

from pons_gateway.routing import JSON, TEXT, Route, Routes

TITLE = "Pons"
DESCRIPTION = "A DICOM store and bridge with the REST interface of Orthanc."
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

ERROR = {
    "type": "object",
    "properties": {
        "HttpError": {"type": "string"},
        "HttpStatus": {"type": "integer"},
        "Message": {"type": "string"},
        "Details": {"type": "string"},
        "Method": {"type": "string"},
        "OrthancError": {"type": "string"},
        "OrthancStatus": {"type": "integer"},
        "Uri": {"type": "string"},
    },
}
UPLOADS = ("application/dicom", "application/zip", "multipart/form-data")


def describe(routes: Routes, version: str) -> dict[str, Any]:
    """The document of `/openapi.json`."""
    paths: dict[str, dict[str, Any]] = {}
    for group in routes.groups:
        for route in group.routes:
            operation = _operation(route, group.title)
            paths.setdefault(route.described_path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": version, "description": DESCRIPTION},
        "servers": [{"url": "."}],
        "tags": [{"name": g.title, "description": g.description} for g in routes.groups],
        "paths": paths,
        "components": {
            "schemas": {"Error": ERROR},
            "securitySchemes": {"basic": {"type": "http", "scheme": "basic"}},
        },
        "security": [{"basic": []}, {}],
    }


def _operation(route: Route, tag: str) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "tags": [tag],
        "summary": route.summary,
        "operationId": _operation_id(route),
        "parameters": _parameters(route),
        "responses": _responses(route),
    }
    if route.takes:
        operation["requestBody"] = {"content": _body(route)}
    if route.public:
        operation["security"] = []
    return operation


def _operation_id(route: Route) -> str:
    words = re.findall(r"\w+", route.path) or ["root"]
    return "_".join([route.method.lower(), *words])


def _parameters(route: Route) -> list[dict[str, Any]]:
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


def _body(route: Route) -> dict[str, Any]:
    if route.takes == JSON:
        return {JSON: _content(route.body)}
    if route.takes == TEXT:
        return {TEXT: _content(route.body)}
    kinds = UPLOADS if route.takes in UPLOADS else (route.takes,)
    return {kind: {"schema": {"type": "string", "format": "binary"}} for kind in kinds}


def _responses(route: Route) -> dict[str, Any]:
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
            "content": {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}},
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

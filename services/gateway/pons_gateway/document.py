# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI document: FastAPI's, with what it cannot know of this store."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

from pons_gateway.models.answers import DicomJson
from pons_gateway.models.failures import Failure
from pons_gateway.routing import has_mark

TITLE = "Pons"
DESCRIPTION = "A DICOM store and bridge with the REST interface of Orthanc."


def described(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """Makes the document of the application, once."""
    fastapis = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _complete(fastapis(), app)
        return fastapis()

    return openapi


def _complete(document: dict[str, Any], app: FastAPI) -> None:
    schemas = document["components"]["schemas"]
    for model in (DicomJson, Failure):  # to which routes refer by name
        schemas[model.__name__] = model.model_json_schema()
    document["components"]["securitySchemes"] = {"basic": {"type": "http", "scheme": "basic"}}
    for operations in document["paths"].values():
        for operation in operations.values():
            operation["responses"].pop("422", None)  # ours is 400: see error_handlers.py
    for schema in ("HTTPValidationError", "ValidationError"):
        schemas.pop(schema, None)
    document["security"] = [{"basic": []}, {}]
    for route in app.routes:
        if has_mark(route, "public") and getattr(route, "include_in_schema", True):
            for method in getattr(route, "methods", ()):
                document["paths"][getattr(route, "path_format", "")][method.lower()][
                    "security"
                ] = []

# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI document: FastAPI's, with what it cannot know of this store."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from pons_gateway.routing import has_mark

TITLE = "Pons"
DESCRIPTION = "A DICOM store and bridge with the REST interface of Orthanc."


def described(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """Makes the document of the application, once."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    return openapi


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
        # Relative, so that it holds behind a proxy that serves the store below another path.
        servers=[{"url": "."}],
    )
    schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes["basic"] = {"type": "http", "scheme": "basic"}
    for operations in document["paths"].values():
        for operation in operations.values():
            operation["responses"].pop("422", None)  # ours is 400: see error_handlers.py
    for schema in ("HTTPValidationError", "ValidationError"):
        document["components"].get("schemas", {}).pop(schema, None)
    document["security"] = [{"basic": []}, {}]
    for route in app.routes:
        if has_mark(route, "public"):
            for method in getattr(route, "methods", ()):
                document["paths"][getattr(route, "path_format", "")][method.lower()][
                    "security"
                ] = []
    return document

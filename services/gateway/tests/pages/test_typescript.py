# SPDX-License-Identifier: Apache-2.0
"""The types that Explorer's sources have of this gateway's routes."""

from typing import Any

import pytest

from pons_gateway.typescript import COMMAND, FILE, schema_file, type_of, typescript


def test_types_are_those_of_the_routes() -> None:
    """Whoever changes a route of Explorer's changes what its sources are checked against."""
    assert FILE.read_text(encoding="utf-8") == schema_file(), COMMAND


@pytest.mark.parametrize(
    ("schema", "written"),
    [
        ({"type": "integer"}, "number"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string | null"),
        ({"anyOf": [{"type": "integer"}, {"type": "number"}]}, "number"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/A-B"}}, "Array<A_B>"),
        ({"enum": ["a", 1]}, '"a" | 1'),
        ({"const": True}, "true"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "Record<string, string>"),
        ({"type": "object"}, "Record<string, unknown>"),
        (
            {"type": "object", "properties": {"a-b": {"type": "null"}, "c": {}}, "required": ["c"]},
            '{ "a-b"?: null; c: unknown; }',
        ),
        ({}, "unknown"),
    ],
)
def test_types(schema: dict[str, Any], written: str) -> None:
    assert type_of(schema) == written


def test_only_what_explorer_asks() -> None:
    """Types of other routes are left out, those that a type names are not."""
    answer = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}}
    other = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/C"}}}}
    document = {
        "paths": {
            "/explorer/api/a": {"post": {"responses": {"200": answer}}},
            "/studies": {"get": {"responses": {"200": other}}},
        },
        "components": {
            "schemas": {
                "A": {"properties": {"b": {"$ref": "#/components/schemas/B"}}, "required": ["b"]},
                "B": {"type": "string"},
                "C": {"type": "string"},
            }
        },
    }
    assert typescript(document).endswith(
        "\nexport interface A {\n  b: B;\n}\n\nexport type B = string;\n"
    )

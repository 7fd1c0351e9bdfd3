# SPDX-License-Identifier: Apache-2.0
"""TypeScript's types of what Explorer asks and is answered, from the OpenAPI document.

`python -m pons_gateway.typescript --write` or `--check`, with the file.
"""

import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from pons.settings import Settings
from pons_gateway.app import create_app
from pons_gateway.pages.explorer import DIST

FILE = DIST.parent / "src" / "api" / "schema.ts"
API = "/explorer/api/"
"""The types of these routes, and of all that they name."""
COMMAND = "write it with `python -m pons_gateway.typescript --write`"
HEAD = """\
// SPDX-License-Identifier: Apache-2.0
// Made from the OpenAPI document by `python -m pons_gateway.typescript --write`: not to be edited.
"""
PLAIN = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}
REFERENCE = "#/components/schemas/"

Schema = dict[str, Any]


def typescript(document: Schema) -> str:
    """The whole file, for a document."""
    schemas = document["components"]["schemas"]
    paths = {path: told for path, told in document["paths"].items() if path.startswith(API)}
    names: set[str] = set()
    left = list(_references(paths))
    while left:
        name = left.pop()
        if name not in names:
            names.add(name)
            left += _references(schemas[name])
    written = (_declared(name, schemas[name]) for name in sorted(names))
    return HEAD + "".join(f"\n{one}" for one in written)


def type_of(schema: Schema) -> str:
    """TypeScript's type for a schema."""
    if "$ref" in schema:
        return _named(schema["$ref"].removeprefix(REFERENCE))
    for several, sign in (("anyOf", " | "), ("oneOf", " | "), ("allOf", " & ")):
        if several in schema:
            return sign.join(dict.fromkeys(type_of(one) for one in schema[several]))
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(one) for one in schema["enum"])
    match schema.get("type"):
        case "array":
            return f"Array<{type_of(schema.get('items', {}))}>"
        case "object" if "properties" in schema:
            return f"{{ {' '.join(_members(schema))} }}"
        case "object":
            others = schema.get("additionalProperties", {})
            return f"Record<string, {type_of(others) if isinstance(others, dict) else 'unknown'}>"
        case str(kind):
            return PLAIN[kind]
        case _:
            return "unknown"


def _declared(name: str, schema: Schema) -> str:
    if "properties" not in schema:
        return f"export type {_named(name)} = {type_of(schema)};\n"
    members = "".join(f"  {member}\n" for member in _members(schema))
    return f"export interface {_named(name)} {{\n{members}}}\n"


def _members(schema: Schema) -> Iterator[str]:
    for name, told in schema["properties"].items():
        key = name if re.fullmatch(r"[A-Za-z_]\w*", name) else json.dumps(name)
        sign = "" if name in schema.get("required", ()) else "?"
        yield f"{key}{sign}: {type_of(told)};"


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(name := value.get("$ref"), str):
            yield name.removeprefix(REFERENCE)
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _named(name: str) -> str:
    return re.sub(r"\W", "_", name)


def schema_file() -> str:
    """The file as it has to be, for what this gateway offers with default settings."""
    opens_nothing: Any = nullcontext
    return typescript(create_app(Settings(), opens_nothing).openapi())


def main(words: Sequence[str]) -> int:
    """Write the file, or say whether it is the one that has to be."""
    path = Path(words[1]) if len(words) > 1 else FILE
    if words[:1] == ["--write"]:
        path.write_text(schema_file(), encoding="utf-8")
        return 0
    if words[:1] == ["--check"] and path.read_text(encoding="utf-8") == schema_file():
        return 0
    print(f"{path} is not made of the routes that there are: {COMMAND}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# SPDX-License-Identifier: Apache-2.0
"""JSON as Lua values and back, as Orthanc's `ParseJson` and `DumpJson` do it."""

import json
import math
import re
from typing import Any

from lupa import lua54

MAX_DEPTH = 100
NUMBER = re.compile(rb"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")
"""Text that is a number to Lua; to Python, `NaN`, `Infinity` and `1_000` are ones, too."""


def parse_json(runtime: Any, text: Any) -> Any:
    """The value of `text`, a table for arrays and objects; None when it is no JSON.

    Every number is a float, as Orthanc's are.
    """
    if not isinstance(text, bytes):
        return None
    try:
        value = json.loads(text, parse_int=float)
    except (ValueError, RecursionError):
        return None
    return to_lua(runtime, value)


def dump_json(value: Any, keep_strings: Any) -> bytes | None:
    """`value` as JSON; None when it holds what JSON has not, or goes too deep.

    A table of 1, 2, ... is an array, as is an empty one. Text that is a number becomes one, unless
    `keep_strings`; then numbers become text as well.
    """
    try:
        plain = from_lua(value, keep_strings=bool(keep_strings))
        dumped = json.dumps(
            plain, separators=(",", ":"), ensure_ascii=False, allow_nan=False, sort_keys=True
        )
    except (ValueError, TypeError):
        return None
    return dumped.encode("latin-1", "replace")


def to_lua(runtime: Any, value: Any, depth: int = MAX_DEPTH) -> Any:
    """A plain value as Lua's; bytes stay as they are, and what lies too deep is nil.

    Never raises for what a value is: halves of surrogate pairs, which JSON may have, become `?`.
    """
    if depth == 0:
        return None
    if isinstance(value, str):
        return value.encode(errors="replace")
    if isinstance(value, list):
        table = runtime.table()
        for number, item in enumerate(value, 1):
            if item is not None:
                table[number] = to_lua(runtime, item, depth - 1)
        return table
    if isinstance(value, dict):
        table = runtime.table()
        for key, item in value.items():
            if item is not None:
                table[key.encode(errors="replace")] = to_lua(runtime, item, depth - 1)
        return table
    return value


def from_lua(value: Any, *, keep_strings: bool, depth: int = MAX_DEPTH) -> Any:
    """A value of Lua's as JSON has it, text as Latin-1.

    Raises `ValueError` for what goes too deep, `TypeError` for what JSON has not.
    """
    if depth == 0:
        raise ValueError("too deep")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, bytes | int | float):
        return _scalar(value, keep_strings)
    if lua54.lua_type(value) != "table":
        raise TypeError("JSON has no such value")
    items = dict(value.items())
    if all(key in items for key in range(1, len(items) + 1)):
        return [
            from_lua(items[n], keep_strings=keep_strings, depth=depth - 1)
            for n in range(1, len(items) + 1)
        ]
    return {
        _text(_scalar(key, True)): from_lua(item, keep_strings=keep_strings, depth=depth - 1)
        for key, item in items.items()
    }


def _scalar(value: bytes | int | float, keep_strings: bool) -> Any:
    if not isinstance(value, bytes):
        number = int(value) if value == value // 1 and abs(value) < 2**53 else value
        return str(number) if keep_strings else number
    if not keep_strings and NUMBER.fullmatch(value):
        number = float(value)
        if math.isfinite(number):
            return _scalar(number, False)
    # Bytes as they are: dumped again as Latin-1, they leave as they came.
    return value.decode("latin-1")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)

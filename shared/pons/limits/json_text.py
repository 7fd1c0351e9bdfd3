# SPDX-License-Identifier: Apache-2.0
"""JSON that somebody sends, read within bounds: whatever is kept of it can be told again."""

import re
from typing import Any

import msgspec

from pons.errors import BadRequest

MAX_DEPTH = 64
MAX_VALUES = 400_000
"""Values of one text. More identifiers do not fit into the longest body; of the shortest values
some millions would, which take fifty times their length of memory."""
LEAST, MOST = -(2**63), 2**64 - 1
"""Whole numbers that every format here can hold."""


KINDS = {"int": "an integer", "str": "a text", "float": "a number", "bool": "true or false"}
"""What Python calls it to what JSON calls it."""
KIND = re.compile(f"`({'|'.join(KINDS)})`")


class NotJson(ValueError):
    """The text is not JSON, or not of the type that is expected; says where."""


def read_json(text: bytes | str, kind: Any = Any) -> Any:
    """The value of `text`, of type `kind`.

    Raises `NotJson`, and `BadRequest` for what is nested too deep, has a number too large, or too
    many values.
    """
    if len(text) > MAX_VALUES and _count_values(text) > MAX_VALUES:
        raise BadRequest(f"The JSON body has more than {MAX_VALUES} values")
    try:
        value = msgspec.json.decode(text, type=kind)
    except UnicodeDecodeError:
        raise NotJson("the text is not UTF-8") from None
    except msgspec.DecodeError as error:
        raise NotJson(KIND.sub(lambda found: KINDS[found[1]], str(error))) from None
    except RecursionError:
        raise _too_deep() from None
    _check(value)
    return value


def _count_values(text: bytes | str) -> int:
    """As many as there may be by their commas and colons; members of objects take more room."""
    if isinstance(text, str):
        return text.count(",") + 2 * text.count(":")
    return text.count(b",") + 2 * text.count(b":")


def _check(value: Any) -> None:
    level, depth = [value], 0
    while level:
        below: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                below.extend(one.values())
            elif isinstance(one, list):
                below.extend(one)
            elif isinstance(one, int) and not LEAST <= one <= MOST:
                raise BadRequest("The JSON body has a number of more than 64 bits")
        level, depth = below, depth + 1
        if depth > MAX_DEPTH and level:
            raise _too_deep()


def _too_deep() -> BadRequest:
    return BadRequest(f"The JSON body is nested deeper than {MAX_DEPTH} levels")

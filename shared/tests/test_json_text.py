# SPDX-License-Identifier: Apache-2.0
"""JSON of strangers: what is read, and what is refused before it can do harm."""

import json

import pytest

from pons.errors import BadRequest
from pons.limits.json_text import MAX_VALUES, NotJson, read_json


def test_what_is_read() -> None:
    """Values as they are, up to 64 levels and 64 bits."""
    assert read_json(b'{"a": [1, "x", null, 1.5]}') == {"a": [1, "x", None, 1.5]}
    assert read_json("[18446744073709551615, -9223372036854775808]") == [2**64 - 1, -(2**63)]
    assert read_json(b'["x"]', list[str]) == ["x"]
    read_json(b"[" * 64 + b"]" * 64)
    identifiers = [f"{number:040d}" for number in range(350_000)]
    assert read_json(json.dumps(identifiers)) == identifiers


@pytest.mark.parametrize("text", [b"", b"[", b"\xff", b'"\\ud800"', b"{'a': 1}"])
def test_what_is_no_json(text: bytes) -> None:
    """It is told apart from what is too much."""
    with pytest.raises(NotJson):
        read_json(text)
    with pytest.raises(NotJson):
        read_json(b'[1, "x"]', list[int])


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 66 + b"]" * 66,
        b'{"a":' * 100 + b"1" + b"}" * 100,
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[18446744073709551616]",
        b'{"a": {"b": -99999999999999999999999}}',
        b"[1" + b",1" * (MAX_VALUES + 1) + b"]",
        b'{"a":[' + b'{"b":1},' * MAX_VALUES + b"1]}",
        "[" + '"x",' * (MAX_VALUES + 1) + '"x"]',
    ],
    ids=lambda text: str(text[:12]),
)
def test_what_is_too_much(text: bytes | str) -> None:
    """Deep nesting and numbers that no format can hold are the sender's mistake."""
    with pytest.raises(BadRequest):
        read_json(text)

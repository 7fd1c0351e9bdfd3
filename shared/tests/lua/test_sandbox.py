# SPDX-License-Identifier: Apache-2.0
"""The language that scripts have: nothing of Python's comes into their hands."""

from typing import Any

import pytest

from pons.lua.sandbox import Sandbox


@pytest.fixture
def printed() -> list[bytes]:
    return []


@pytest.fixture
def sandbox(printed: list[bytes]) -> Sandbox:
    return Sandbox(32 * 1024 * 1024, printed.append)


def test_json_that_is_no_text_of_unicode(sandbox: Sandbox, printed: list[bytes]) -> None:
    """Half a pair of surrogates, which JSON may have, is no error of Python's in a script."""
    sandbox.run(rb"""print(ParseJson('["\\ud800a", {"\\udfff": 1}]')[1])""", "script")
    assert printed == [b"?a\n"]


def test_what_python_lends_cannot_be_changed(printed: list[bytes]) -> None:
    """Whoever gets hold of an object of Python's learns nothing of it, and changes nothing."""
    sandbox = Sandbox(32 * 1024 * 1024, printed.append)
    sandbox.runtime.globals()[b"lent"] = printed.append
    sandbox.run(b"print(getmetatable(lent), (pcall(setmetatable, lent, {})))", "script")
    sandbox.run(b"print((pcall(function() return lent.__self__ end)))", "script")
    assert printed == [b"false, false\n", b"false\n"]


@pytest.mark.parametrize(
    ("value", "dumped"),
    [
        ("'42'", b"42"),
        ("' -1.5e3 '", b"-1500"),
        ("'NaN'", b'"NaN"'),
        ("'inf'", b'"inf"'),
        ("'1_000'", b'"1_000"'),
        ("'1e999'", b'"1e999"'),
        ("'0x10'", b'"0x10"'),
    ],
)
def test_text_that_is_a_number(
    sandbox: Sandbox, printed: list[bytes], value: Any, dumped: bytes
) -> None:
    """It is one where Lua says so; a patient whose name is Nan keeps it."""
    sandbox.run(f"print(DumpJson({value}))".encode(), "script")
    assert printed == [dumped + b"\n"]

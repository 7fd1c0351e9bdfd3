# SPDX-License-Identifier: Apache-2.0
"""No answer names a class of Python or quotes a driver: errors are told in our words.

What a driver said is the cause of our error (`raise ... from error`): the log has it.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog

from pons.catalog.connection import Reader
from pons.errors import PonsError, Unavailable, log_text
from pons.limits.json_text import NotJson, read_json

ROOT = Path(__file__).parents[2]
ROOMS = [
    ROOT / "shared" / "pons",
    *(ROOT / "services" / one for one in ("gateway", "dicom-ingress", "render", "egress", "index")),
]
AT_START = {"shared/pons/http/serving.py", "services/dicom-ingress/pons_ingress/server.py"}
"""Why a port cannot be opened: told to whoever starts a service, not in an answer."""
PLAIN = {"zlib.error", "zstandard.ZstdError", "ValueError", "OverflowError", "struct.error"}
"""Errors of libraries whose texts say what is wrong with a file, and nothing of themselves."""

pytestmark = pytest.mark.anyio


def modules() -> list[Path]:
    found = (path for room in ROOMS for path in room.rglob("*.py"))
    return sorted(path for path in found if "tests" not in path.relative_to(ROOT).parts)


def trees() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in modules()}


def family(parsed: dict[Path, ast.Module]) -> set[str]:
    """The names of our errors: `PonsError` and what is made of it."""
    classes = [node for tree in parsed.values() for node in ast.walk(tree)
               if isinstance(node, ast.ClassDef)]  # fmt: skip
    names, before = {"PonsError"}, 0
    while len(names) > before:
        before = len(names)
        names |= {one.name for one in classes if names & set(map(last_name, one.bases))}
    return names


def last_name(base: ast.expr) -> str:
    """What a class is called, whatever module it is taken from."""
    return ast.unparse(base).split(".")[-1]


def own_exceptions(parsed: dict[Path, ast.Module]) -> set[str]:
    """The names of all classes of ours: an exception among them has our words."""
    return {node.name for tree in parsed.values() for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef)}  # fmt: skip


def constructions(
    node: ast.AST, errors: set[str], caught: dict[str, set[str]]
) -> Iterator[tuple[ast.Call, dict[str, set[str]]]]:
    """Where our errors are made, with the names of what is being handled there, and its types."""
    if isinstance(node, ast.ExceptHandler) and node.name and node.type is not None:
        kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        caught = caught | {node.name: {ast.unparse(kind) for kind in kinds}}
    if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in errors:
        yield node, caught
    for child in ast.iter_child_nodes(node):
        yield from constructions(child, errors, caught)


def complaints(call: ast.Call, caught: dict[str, set[str]], trusted: set[str]) -> Iterator[str]:
    """What in the arguments of an error would tell a class or quote a driver."""
    for argument in [*call.args, *(keyword.value for keyword in call.keywords)]:
        attributes = {id(one.value) for one in ast.walk(argument) if isinstance(one, ast.Attribute)}
        for node in ast.walk(argument):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("repr", "type"):
                if ast.unparse(node.args[0]) in ("error", *caught):
                    yield ast.unparse(node)
            elif isinstance(node, ast.Attribute) and node.attr in ("__name__", "__class__"):
                yield ast.unparse(node)
            elif isinstance(node, ast.Name) and id(node) not in attributes:
                kinds = caught.get(node.id, set())
                if not kinds <= trusted:
                    yield f"{node.id}, which is {' or '.join(sorted(kinds))}"


def test_no_error_of_ours_quotes_a_driver() -> None:
    """Neither a driver's text nor the name of a class is an argument of an error of ours."""
    parsed = trees()
    errors = family(parsed)
    assert {"Unavailable", "UnknownTag", "BadJson"} < errors
    trusted = errors | own_exceptions(parsed) | PLAIN
    found = [
        f"{path.relative_to(ROOT)}:{call.lineno}: {complaint}"
        for path, tree in parsed.items()
        if path.relative_to(ROOT).as_posix() not in AT_START
        for call, caught in constructions(tree, errors, {})
        for complaint in complaints(call, caught, trusted)
    ]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "try: f()\nexcept OSError as error: raise Unavailable('away', str(error))",
        "try: f()\nexcept (asyncpg.E, ValueError) as e: raise Unavailable(f'away {e}') from e",
        "def away(error): return Unavailable('away', repr(error))",
        "def refused(error): return InvalidInstance(type(error).__name__)",
    ],
)
def test_the_check_sees_each_way_to_quote(text: str) -> None:
    """A check that finds nothing is worth something only if it would."""
    errors = {"Unavailable", "InvalidInstance"}
    made = constructions(ast.parse(text), errors, {})
    assert [one for call, caught in made for one in complaints(call, caught, errors | PLAIN)]


async def test_a_database_that_is_away_is_told_in_our_words() -> None:
    """The message has no name of a class; the log's text has what the driver said."""
    reader = Reader("postgresql://nobody@127.0.0.1:1/nothing", 1)
    with pytest.raises(Unavailable) as raised:
        await reader.check()
    assert str(raised.value) == "The database does not answer"
    assert "ConnectionRefusedError" in log_text(raised.value)


def test_the_log_s_text_has_the_first_cause() -> None:
    """Through errors of ours that are causes themselves; without a cause it is the message."""
    assert log_text(PonsError("wrong", "do this")) == "wrong (do this)"
    away, told = Unavailable("away"), PonsError("no answer")
    away.__cause__, told.__cause__ = OSError("wire cut"), away
    assert log_text(told) == "no answer; OSError('wire cut')"

    class Wordless(Exception):
        def __str__(self) -> str:
            return "code=500 jetstream is gone"

    away.__cause__ = Wordless()
    assert log_text(told) == "no answer; Wordless(): code=500 jetstream is gone"
    away.__cause__ = told  # an error that was raised from what it caused
    assert log_text(told) == "no answer"
    away.__cause__ = away
    assert log_text(away) == "away"


def test_json_is_told_in_its_own_words() -> None:
    """Not in Python's names of types."""

    class Body(msgspec.Struct):
        count: int
        ratio: float = 0
        word: str = ""
        flag: bool = False

    for text, told in (
        ('{"count": "x"}', "Expected an integer, got a text - at `$.count`"),
        ('{"count": 1, "ratio": true}', "Expected a number, got true or false - at `$.ratio`"),
        ('{"count": 1, "word": 1.5}', "Expected a text, got a number - at `$.word`"),
        ("[]", "Expected `object`, got `array`"),
    ):
        with pytest.raises(NotJson) as raised:
            read_json(text, Body)
        assert str(raised.value) == told
    with pytest.raises(NotJson, match="the text is not UTF-8"):
        read_json(b'"\xff\xfe"')


async def test_commands_log_the_cause_and_answer_without_it() -> None:
    """What a service answers to another is shown to whoever asked that one."""
    from pons.bus.requests import _answering
    from pons.messages.services import Done, Ping

    sent: list[bytes] = []

    class Message:
        data = msgspec.msgpack.encode(Ping())
        headers = None

        async def respond(self, payload: bytes) -> None:
            sent.append(payload)

    async def handler(_: Ping) -> Done:
        raise Unavailable("The database does not answer") from OSError("wire cut")

    with structlog.testing.capture_logs() as logs:
        nobody: Any = None  # hears signs of life, which are not asked for
        await _answering(nobody, "index", Ping, handler)(Message())  # type: ignore[arg-type]
    assert b"wire cut" not in sent[0]
    assert [one["error"] for one in logs] == ["The database does not answer; OSError('wire cut')"]

# SPDX-License-Identifier: Apache-2.0
"""Tools: what concerns the whole store."""

from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.anyio

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"


async def test_default_encoding(client: httpx.AsyncClient) -> None:
    """The default encoding is told and changed by Orthanc's names."""
    path = "/tools/default-encoding"
    assert (await client.get(path)).text == "Latin1"
    changed = await client.put(path, content=b"Windows1251\n")
    assert (changed.status_code, changed.text) == (200, "Windows1251")
    assert (await client.get(path)).text == "Windows1251"


async def test_accepted_transfer_syntaxes(client: httpx.AsyncClient) -> None:
    """They are given as UIDs and patterns, as an array or one as text, and answered sorted."""
    path = "/tools/accepted-transfer-syntaxes"
    assert len((await client.get(path)).json()) >= 45
    changed = await client.put(path, json=[BIG, IMPLICIT, EXPLICIT])
    assert changed.json() == [IMPLICIT, EXPLICIT, BIG]
    assert (await client.get(path)).json() == [IMPLICIT, EXPLICIT, BIG]
    assert len((await client.put(path, content=b"*")).json()) >= 45


async def test_unknown_sop_class_accepted(client: httpx.AsyncClient) -> None:
    """0 and 1, false and true."""
    path = "/tools/unknown-sop-class-accepted"
    for body, then in ((b"1", "1"), (b"false", "0"), (b"true", "1"), (b"0", "0")):
        answer = await client.put(path, content=body)
        assert (answer.status_code, answer.content) == (200, b"")
        assert (await client.get(path)).text == then


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("default-encoding", b"nope"),
        ("default-encoding", b""),
        ("default-encoding", b"\xff"),
        ("accepted-transfer-syntaxes", b""),
        ("accepted-transfer-syntaxes", b"1.2.3"),
        ("accepted-transfer-syntaxes", b"[1]"),
        ("accepted-transfer-syntaxes", b"["),
        ("accepted-transfer-syntaxes", b"{}"),
        ("unknown-sop-class-accepted", b"nope"),
        ("unknown-sop-class-accepted", b"2"),
        ("unknown-sop-class-accepted", b""),
    ],
)
async def test_wrong_values(client: httpx.AsyncClient, path: str, body: bytes) -> None:
    """An unknown value is refused with its reason, and changes nothing."""
    before = (await client.get(f"/tools/{path}")).content
    answer: Any = await client.put(f"/tools/{path}", content=body)
    assert (answer.status_code, answer.json()["HttpStatus"]) == (400, 400)
    assert (await client.get(f"/tools/{path}")).content == before


async def test_a_word_is_told(client: httpx.AsyncClient) -> None:
    """What is wrong with a body of a single value is told, with a part of a long one."""
    for path, body, details in (
        ("log-level-http", "x" * 100, f"one of default, verbose, trace, not '{'x' * 40}'"),
        ("metrics", "maybe", "0, 1, true or false, not 'maybe'"),
        ("accepted-transfer-syntaxes", "[", "Cannot parse the JSON body"),
        ("accepted-transfer-syntaxes", '{"a": 1}', "Expected a JSON array, or one word as text"),
        ("accepted-transfer-syntaxes", '["1.2", 3]', "Unknown transfer syntax '1.2'"),
    ):
        answer = await client.put(f"/tools/{path}", content=body)
        assert answer.status_code == 400
        assert details in answer.json()["Details"]


def test_bodies_are_documented(document: dict[str, Any]) -> None:
    """Programs learn that these bodies and answers are text, and which may be JSON."""
    paths = document["paths"]
    for path in ("log-level", "log-level-lua", "metrics", "default-encoding", "execute-script"):
        for operation in paths[f"/tools/{path}"].values():
            body = operation.get("requestBody", {"content": {"text/plain": {}}})
            assert list(body["content"]) == ["text/plain"]
            answer = operation["responses"]["200"].get("content", {"text/plain": {}})
            assert list(answer) == ["text/plain"]
    syntaxes = paths["/tools/accepted-transfer-syntaxes"]["put"]["requestBody"]["content"]
    assert list(syntaxes) == ["application/json", "text/plain"]

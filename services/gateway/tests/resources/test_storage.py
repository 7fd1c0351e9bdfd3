# SPDX-License-Identifier: Apache-2.0
"""Protection of patients, deletion of many, and what does nothing here."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from pons.errors import BadRequest, NotFound
from pons.messages.index import (
    DeleteResources,
    ProtectPatient,
    Reconstruct,
    Reconstructed,
    ResourceName,
)
from pons.messages.services import Done

from ..conftest import NOBODY, PATIENT, SERIES, STUDY, Open, Store

pytestmark = pytest.mark.anyio


async def test_protected(client: httpx.AsyncClient) -> None:
    """The flag is text; a patient that is not there is a bad request, as in Orthanc."""
    answer = await client.get(f"/patients/{PATIENT}/protected")
    assert (answer.status_code, answer.text) == (200, "0")
    assert answer.headers["content-type"].startswith("text/plain")
    assert (await client.get(f"/patients/{NOBODY}/protected")).status_code == 400


@pytest.mark.parametrize(("body", "flag"), [("1", True), ("0", False), ("true\n", True)])
async def test_protect(client: httpx.AsyncClient, store: Store, body: str, flag: bool) -> None:
    """The body is the new flag; the answer is empty."""
    store.services.answers[ProtectPatient] = Done()
    answer = await client.put(f"/patients/{PATIENT}/protected", content=body)
    assert (answer.status_code, answer.content) == (200, b"")
    assert store.services.commands == [("index", ProtectPatient(PATIENT, flag))]


@pytest.mark.parametrize("body", ["", "2", "yes", "\xff"])
async def test_protect_by_a_wrong_word(client: httpx.AsyncClient, store: Store, body: str) -> None:
    """Anything but a boolean changes nothing."""
    answer = await client.put(f"/patients/{PATIENT}/protected", content=body.encode("latin1"))
    assert answer.status_code == 400
    assert store.services.commands == []


async def test_protect_nobody(client: httpx.AsyncClient, store: Store) -> None:
    """A patient that is not there is a bad request."""
    store.services.answers[ProtectPatient] = BadRequest("There is no such patient")
    assert (await client.put(f"/patients/{NOBODY}/protected", content="1")).status_code == 400


async def test_bulk_delete(client: httpx.AsyncClient, store: Store) -> None:
    """One command for all, identifiers alone or with their level."""
    store.services.answers[DeleteResources] = Done()
    body = {"Resources": [PATIENT, {"Level": "studies", "ID": STUDY}]}
    answer = await client.post("/tools/bulk-delete", json=body)
    assert (answer.status_code, answer.content) == (200, b"")
    names = [ResourceName(PATIENT), ResourceName(STUDY, "Study")]
    assert store.services.commands == [("index", DeleteResources(names))]


async def test_bulk_delete_of_very_many(client: httpx.AsyncClient, store: Store) -> None:
    """No command grows beyond what a message can hold."""
    store.services.answers[DeleteResources] = Done()
    await client.post("/tools/bulk-delete", json={"Resources": [PATIENT] * 12_000})
    assert [len(command.resources) for _, command in store.services.commands] == [5000, 5000, 2000]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{",
        '{"Resources": "x"}',
        '{"Resources": [1]}',
        '{"Resources": [{"Level": "Galaxy", "ID": "x"}]}',
        '{"Resources": [{"Level": "Study"}]}',
        '{"Resources": [{"ID": "x"}]}',
    ],
)
async def test_bulk_delete_of_nonsense(client: httpx.AsyncClient, body: str) -> None:
    """A body that names no resources is refused."""
    assert (await client.post("/tools/bulk-delete", content=body)).status_code == 400


async def test_a_body_that_is_no_utf_8(client: httpx.AsyncClient) -> None:
    """Bytes that are no text are a bad request, not a failure of the store."""
    answer = await client.post("/tools/bulk-delete", content=b'{"Resources": ["\xff"]}')
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (400, 15)


async def test_invalidate_tags(client: httpx.AsyncClient) -> None:
    """Nothing is cached, so there is nothing to say."""
    answer = await client.post("/tools/invalidate-tags")
    assert (answer.status_code, answer.content) == (200, b"")


async def test_reconstruct(client: httpx.AsyncClient, store: Store) -> None:
    """The index is asked for slice after slice; an empty body means no options."""
    store.services.answers[Reconstruct] = Reconstructed(100, None)
    answer = await client.post(f"/studies/{STUDY}/reconstruct")
    assert (answer.status_code, answer.content) == (200, b"")
    body = {"ReconstructFiles": True, "LimitToThisLevelMainDicomTags": True}
    assert (await client.post(f"/series/{SERIES}/reconstruct", json=body)).status_code == 200
    body = {"ReconstructFiles": True}
    assert (await client.post("/tools/reconstruct", json=body)).status_code == 200
    assert [command for _, command in store.services.commands] == [
        Reconstruct("Study", STUDY),
        Reconstruct("Series", SERIES, rewrite=True, level_only=True),
        Reconstruct(rewrite=True),
    ]


async def test_reconstruct_goes_on(open_client: Open, store: Store) -> None:
    """Each slice begins where the one before ended."""
    asked: list[int] = []

    async def ask(_service: str, command: Any, _answer: type, **_: float) -> Reconstructed:
        asked.append(command.after)
        return Reconstructed(100, command.after + 7 if len(asked) < 3 else None)

    async with open_client(ask=ask) as client:
        assert (await client.post("/tools/reconstruct")).status_code == 200
    assert asked == [0, 7, 14]


async def test_reconstruct_nobody(client: httpx.AsyncClient, store: Store) -> None:
    """A resource that is not there is a 404; options that are none are refused."""
    store.services.answers[Reconstruct] = NotFound("There is no such resource")
    assert (await client.post(f"/patients/{NOBODY}/reconstruct")).status_code == 404
    for body in ("[]", '{"ReconstructFiles": 1}', "x"):
        assert (await client.post("/tools/reconstruct", content=body)).status_code == 400


@pytest.mark.parametrize(
    ("path", "body", "details"),
    [
        ("bulk-delete", "", "it is empty"),
        ("bulk-delete", "{}", "Resources: Field required"),
        ("bulk-delete", '{"Resources": "x"}', "Resources: Input should be a valid list, got 'x'"),
        (
            "bulk-delete",
            '{"Resources": ["x", 1]}',
            "Resources.1: expected an identifier, or an object with Level and ID, got 1",
        ),
        (
            "bulk-delete",
            '{"Resources": [{"Level": "Galaxy", "ID": "x"}]}',
            "Level: expected one of Patient, Study, Series, Instance, got 'Galaxy'",
        ),
        (
            "bulk-delete",
            '{"Resources": [{"Level": "Study"}]}',
            "Resources.0.object.ID: Field required",
        ),
        (
            "reconstruct",
            '{"ReconstructFiles": 1}',
            "ReconstructFiles: Input should be a valid boolean, got 1",
        ),
        ("reconstruct", '{"ReconstructFiles": true', "Input data was truncated"),
        ("bulk-delete", '{"Resources": ["\\ud800"]}', "The body is not the JSON"),
        ("bulk-delete", '\ufeff{"Resources": ["x"]}', "The body is not the JSON"),
        ("reconstruct", "null", "Input should be"),
        ("reconstruct", "[]", "Input should be"),
    ],
)
async def test_a_wrong_body_is_told(
    client: httpx.AsyncClient, store: Store, path: str, body: str, details: str
) -> None:
    """The answer names the field, and what is expected of it; nothing was done."""
    answer = await client.post(f"/tools/{path}", content=body)
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (400, 15)
    assert details in answer.json()["Details"]
    assert store.services.commands == []


async def test_a_very_long_flag(client: httpx.AsyncClient, store: Store) -> None:
    """Nobody reads a flag of many megabytes, and its error tells a part of it."""
    path = f"/patients/{PATIENT}/protected"
    answer = await client.put(path, content=b"x" * 1000)
    assert answer.json()["Details"] == f"The body is 0, 1, true or false, not '{'x' * 40}'"

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(17):
            yield b"1" * 1024 * 1024

    for content in (b"1" * 17 * 1024 * 1024, pieces()):
        answer = await client.put(path, content=content)
        assert answer.status_code == 413
        assert answer.json()["Details"] == "The body has more than 16 MiB"
    assert store.services.commands == []


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ('{"Resources": ["x"], "More": ' + "[" * 100 + "]" * 100 + "}", "nested deeper than 64"),
        ('{"Resources": ["x"], "More": ' + "9" * 30 + "}", "a number of more than 64 bits"),
    ],
)
async def test_what_nothing_could_keep(
    client: httpx.AsyncClient, store: Store, body: str, details: str
) -> None:
    """JSON beyond all bounds is refused whatever its key; nothing was done."""
    answer = await client.post("/tools/bulk-delete", content=body)
    assert answer.status_code == 400
    assert details in answer.json()["Details"]
    assert store.services.commands == []

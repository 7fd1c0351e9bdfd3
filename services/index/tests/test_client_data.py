# SPDX-License-Identifier: Apache-2.0
"""Metadata, labels and attachments of resources, and what becomes of them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from pons.errors import Conflict, NotFound
from pons.messages.events import InstanceReceived
from pons.messages.index import (
    DeleteAttachment,
    DeleteLabel,
    DeleteMetadata,
    PutLabel,
    PutMetadata,
    RestoreObject,
    Revision,
    Written,
)
from pons.messages.services import Done
from pons.objects import Kind, Objects, new_key
from pons_index.client_data import ClientData
from pons_index.records import Records
from pons_testing.events import ids, received

from .noted import HELLO, Index, OpenIndex, attachment, sizes

pytestmark = pytest.mark.anyio
NOBODY = "00000000-00000000-00000000-00000000-00000000"


async def test_each_overwrite_is_a_revision(
    index: Index, lax: ClientData, event: InstanceReceived
) -> None:
    """Revisions count from 0; each write and the removal are a change of the resource."""
    study = ids(event).study
    before = len(await index.changes())
    assert await lax.put_metadata(PutMetadata("Study", study, 1024, b"a")) == Written(0)
    assert await lax.put_metadata(PutMetadata("Study", study, 1024, b"\xff")) == Written(1)
    rows = await index.fetch("SELECT value, text_value, revision FROM metadata")
    assert [tuple(row) for row in rows] == [(b"\xff", None, 1)]
    assert await lax.delete_metadata(DeleteMetadata("Study", study, 1024)) == Done()
    assert (await index.changes())[before:] == [("UpdatedMetadata", study)] * 3
    with pytest.raises(NotFound):
        await lax.delete_metadata(DeleteMetadata("Study", study, 1024))
    assert await lax.put_metadata(PutMetadata("Study", study, 1024, b"a")) == Written(0)


async def test_text_with_nul_is_kept_but_not_searched(
    index: Index, lax: ClientData, event: InstanceReceived
) -> None:
    """PostgreSQL's text knows no NUL: such a value has its bytes only."""
    await lax.put_metadata(PutMetadata("Study", ids(event).study, 1024, b"a\0b"))
    rows = await index.fetch("SELECT value, text_value FROM metadata")
    assert [tuple(row) for row in rows] == [(b"a\0b", None)]


async def test_checked_revisions(checking: ClientData, event: InstanceReceived) -> None:
    """What is there is overwritten or removed only by whoever names its revision and its MD5."""
    study = ids(event).study

    def put(expected: Revision | None) -> PutMetadata:
        return PutMetadata("Study", study, 1024, b"hello", expected)

    assert await checking.put_metadata(put(Revision(7, "what is not there"))) == Written(0)
    for wrong in (None, Revision(1, HELLO), Revision(0, "x")):
        with pytest.raises(Conflict):
            await checking.put_metadata(put(wrong))
        with pytest.raises(Conflict):
            await checking.delete_metadata(DeleteMetadata("Study", study, 1024, wrong))
    assert await checking.put_metadata(put(Revision(0, HELLO))) == Written(1)
    await checking.delete_metadata(DeleteMetadata("Study", study, 1024, Revision(1, HELLO)))


async def test_of_many_writers_with_one_revision_one_wins(
    checking: ClientData, event: InstanceReceived
) -> None:
    """Concurrent writes that name the same revision: exactly one is carried out."""
    study = ids(event).study
    await checking.put_metadata(PutMetadata("Study", study, 1024, b"hello"))
    await checking.put_attachment(attachment(study))
    expected = Revision(0, HELLO)
    writes: list[Awaitable[Written]] = []
    for number in range(8):
        content = b"%d" % number
        writes.append(checking.put_metadata(PutMetadata("Study", study, 1024, content, expected)))
        writes.append(checking.put_attachment(attachment(study, content, expected=expected)))
    answers = await asyncio.gather(*writes, return_exceptions=True)
    for own in (answers[::2], answers[1::2]):
        assert [one for one in own if isinstance(one, Written)] == [Written(1)]
        assert sum(isinstance(one, Conflict) for one in own) == 7


async def test_unknown_resources_get_nothing(
    index: Index, lax: ClientData, event: InstanceReceived
) -> None:
    """Neither an unknown id, nor one of another level, nor a text that is no id is written to."""
    key = new_key(Kind.REFERRED)
    for identifier in (NOBODY, ids(event).series, "x"):
        for answer in (
            lax.put_metadata(PutMetadata("Study", identifier, 1024, b"a")),
            lax.delete_metadata(DeleteMetadata("Study", identifier, 1024)),
            lax.put_label(PutLabel("Study", identifier, "a")),
            lax.delete_label(DeleteLabel("Study", identifier, "a")),
            lax.put_attachment(attachment(identifier)),
            lax.delete_attachment(DeleteAttachment("Study", identifier, 1024)),
            lax.restore_object(RestoreObject("Study", identifier, 1024, key, key, 1, "", "")),
        ):
            with pytest.raises(NotFound):
                await answer
    assert await index.value("SELECT count(*) FROM attachments") == 0


async def test_labels_are_there_or_not(
    index: Index, lax: ClientData, event: InstanceReceived
) -> None:
    """Adding and removing may be repeated, and are no change in the log."""
    before = await index.changes()
    for _ in range(2):
        await lax.put_label(PutLabel("Series", ids(event).series, "a"))
    assert [row["label"] for row in await index.fetch("SELECT label FROM labels")] == ["a"]
    for _ in range(2):
        await lax.delete_label(DeleteLabel("Series", ids(event).series, "a"))
    assert await index.value("SELECT count(*) FROM labels") == 0
    assert await index.changes() == before


async def hang_everything(lax: ClientData, event: InstanceReceived) -> list[UUID]:
    """Metadata, a label and an attachment on all four levels; the objects' keys."""
    own, keys = ids(event), []
    for level in ("Patient", "Study", "Series", "Instance"):
        identifier = getattr(own, level.lower())
        await lax.put_metadata(PutMetadata(level, identifier, 1024, b"a"))  # type: ignore[arg-type]
        await lax.put_label(PutLabel(level, identifier, "a"))  # type: ignore[arg-type]
        put = attachment(identifier, level=level)
        await lax.put_attachment(put)
        keys.append(put.object_key)
    return keys


async def test_what_hangs_on_a_resource_goes_with_it(
    index: Index, lax: ClientData, event: InstanceReceived
) -> None:
    """Deleting takes metadata, labels and attachments of all that is gone, and of nothing else."""
    other = received("2.1", patient_id="other")
    await index.write(other)
    keys = await hang_everything(lax, event)
    await hang_everything(lax, other)
    half = tuple(value // 2 for value in await sizes(index))
    await index.delete("Instance", ids(event).instance)
    for table in ("metadata", "labels", "attachments"):
        assert await index.value(f"SELECT count(*) FROM {table}") == 4, table
    assert await sizes(index) == half
    assert await index.garbage() == dict.fromkeys([event.object_key, *keys], "deleted")


async def test_an_overwritten_instance_loses_what_hung_on_it(
    open_index: OpenIndex, lax: ClientData
) -> None:
    """Overwriting deletes first: what only this instance kept alive loses what hung on it too."""
    index, event = open_index(overwrite_instances="Always"), received("1.1")
    await index.write(event)
    keys = await hang_everything(lax, event)
    again = received("1.1")
    assert await index.write(again) == ["Success"]
    for table in ("metadata", "labels", "attachments"):
        assert await index.value(f"SELECT count(*) FROM {table}") == 0, table
    assert await sizes(index) == (again.size, again.stored_size)
    assert await index.garbage() == dict.fromkeys([event.object_key, *keys], "replaced")


async def test_an_answer_that_was_lost_is_no_conflict(
    checking: ClientData, event: InstanceReceived, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that breaks after the commit: the command is begun again and tells the same."""
    study = ids(event).study
    leave = asyncpg.transaction.Transaction.__aexit__
    lost: list[bool] = []

    async def losing(self: Any, kind: Any, *error: Any) -> None:
        await leave(self, kind, *error)
        if kind is None and not lost:
            lost.append(True)
            raise ConnectionResetError

    monkeypatch.setattr(asyncpg.transaction.Transaction, "__aexit__", losing)
    put = attachment(study)
    for answer, wanted in (
        (checking.put_metadata(PutMetadata("Study", study, 1024, b"hello")), Written(0)),
        (
            checking.delete_metadata(DeleteMetadata("Study", study, 1024, Revision(0, HELLO))),
            Done(),
        ),
        (checking.put_attachment(put), Written(0)),
        (
            checking.delete_attachment(DeleteAttachment("Study", study, 1024, Revision(0, HELLO))),
            Done(),
        ),
    ):
        lost.clear()
        assert await answer == wanted
        assert lost


class Overtaken:
    """Notes that change just after they were read for the first time."""

    def __init__(self, notes: Any, change: Callable[[], Awaitable[Any]]) -> None:
        self._notes = notes
        self._change = change
        self._read_before = False
        self.names = notes.names

    async def read(self, name: str) -> bytes:
        content: bytes = await self._notes.read(name)
        if not self._read_before:
            self._read_before = True
            await self._change()
        return content


async def test_what_is_put_while_notes_are_compared_stays(
    index: Index, lax: ClientData, event: InstanceReceived, objects: Objects
) -> None:
    """A note that was read before a change and compared after it undoes nothing."""
    study = ids(event).study
    await lax.put_label(PutLabel("Study", study, "seen"))

    class WithNotes:
        notes = Overtaken(objects.notes, lambda: lax.put_label(PutLabel("Study", study, "later")))

    overtaken: Any = WithNotes()
    assert await Records(index.database, overtaken).restore() == 0
    rows = await index.fetch("SELECT label FROM labels ORDER BY 1")
    assert [row["label"] for row in rows] == ["later", "seen"]

# SPDX-License-Identifier: Apache-2.0
"""Attachments of clients: what they count, change, leave and fill."""

from typing import Literal

import msgspec
import pytest

from pons.errors import Conflict, OutOfResources
from pons.messages.events import InstanceReceived
from pons.messages.index import (
    DeleteAttachment,
    PutLabel,
    RestoreObject,
    Written,
)
from pons.messages.services import Done
from pons.objects import Kind, new_key
from pons.settings import StorageSettings
from pons_index.capacity import MEGABYTE, Capacity
from pons_index.client_data import ClientData
from pons_index.database import Database
from pons_index.faults import TooLate
from pons_index.records import Records
from pons_testing.events import ids, received

from .noted import HELLO, Index, OpenIndex, attachment, sizes

pytestmark = pytest.mark.anyio


async def test_attachments_count_and_leave_garbage(
    index: Index, lax: ClientData, event: InstanceReceived
) -> None:
    """The totals count attachments in both forms; objects that are not needed are garbage."""
    study, start, first, second = ids(event).study, await sizes(index), new_key(), new_key()
    before = len(await index.changes())
    assert await lax.put_attachment(attachment(study, b"12345", first)) == Written(0)
    assert await sizes(index) == (start[0] + 5, start[1] + 4)
    assert await lax.put_attachment(attachment(study, b"123", second)) == Written(1)
    assert await sizes(index) == (start[0] + 3, start[1] + 2)
    await lax.delete_attachment(DeleteAttachment("Study", study, 1024))
    assert await sizes(index) == start
    assert await index.garbage() == {first: "replaced", second: "deleted"}
    assert (await index.changes())[before:] == [("UpdatedAttachment", study)] * 3


async def test_an_attachment_that_comes_twice_is_one(
    index: Index, checking: ClientData, event: InstanceReceived
) -> None:
    """The object's key tells a command that is repeated: it is no second revision."""
    put, start = attachment(ids(event).study), await sizes(index)
    assert [await checking.put_attachment(put) for _ in range(2)] == [Written(0), Written(0)]
    assert await sizes(index) == (start[0] + 5, start[1] + 4)
    assert await index.garbage() == {}


async def test_a_collected_object_becomes_no_attachment(
    index: Index, lax: ClientData, event: InstanceReceived
) -> None:
    """Whoever took longer than an orphan's grace between writing and telling is told so."""
    put = attachment(ids(event).study)
    await index.database.pool.execute("INSERT INTO garbage VALUES ($1, 'orphan')", put.object_key)
    with pytest.raises(TooLate, match="send it again"):
        await lax.put_attachment(put)
    assert await index.value("SELECT count(*) FROM attachments") == 0


async def test_the_file_of_an_instance_changes_its_form(
    index: Index, lax: ClientData, event: InstanceReceived
) -> None:
    """Compressing swaps the object of an instance and nothing else; it may be repeated."""
    instance, key = ids(event).instance, new_key(Kind.REFERRED)
    before, start = await index.changes(), await sizes(index)
    await lax.put_label(PutLabel("Instance", instance, "a"))
    command = RestoreObject("Instance", instance, 1, event.object_key, key, 7, "zstd", "")
    for _ in range(2):
        assert await lax.restore_object(command) == Done()
    rows = await index.fetch("SELECT object_key, stored_size, compression FROM instances")
    assert [tuple(row) for row in rows] == [(key, 7, "zstd")]
    assert await sizes(index) == (start[0], start[1] - event.stored_size + 7)
    assert await index.garbage() == {event.object_key: "replaced"}
    assert await index.changes() == before
    assert await index.value("SELECT count(*) FROM labels") == 1
    other = RestoreObject("Instance", instance, 1, event.object_key, new_key(), 8, "", "")
    with pytest.raises(Conflict):
        await lax.restore_object(other)


async def test_an_announcement_of_a_former_object_changes_nothing(
    open_index: OpenIndex, lax: ClientData
) -> None:
    """An announcement that comes again after its file was compressed is Success, and forgotten."""
    index, event = open_index(overwrite_instances="Always"), received("1.1")
    await index.write(event)
    key = new_key(Kind.REFERRED)
    await lax.restore_object(
        RestoreObject("Instance", ids(event).instance, 1, event.object_key, key, 7, "zstd", "")
    )
    assert await index.write(event) == ["Success"]
    assert await index.value("SELECT object_key FROM instances") == key


async def test_an_attachment_changes_its_form(
    index: Index, lax: ClientData, event: InstanceReceived
) -> None:
    """The content, and so MD5 and revision, stay what they were."""
    put, start = attachment(ids(event).study), await sizes(index)
    await lax.put_attachment(put)
    key = new_key(Kind.REFERRED)
    await lax.restore_object(
        RestoreObject("Study", put.resource_id, 1024, put.object_key, key, 5, "", "1" * 32)
    )
    row = (await index.fetch("SELECT * FROM attachments"))[0]
    assert (row["object_key"], row["stored_size"], row["compression"]) == (key, 5, "")
    assert (row["md5"].hex(), row["stored_md5"].hex(), row["revision"]) == (HELLO, "1" * 32, 0)
    assert await sizes(index) == (start[0] + 5, start[1] + 5)


@pytest.mark.parametrize("mode", ["Recycle", "Reject"])
async def test_attachments_fill_the_store(
    database: Database, index: Index, records: Records, mode: Literal["Recycle", "Reject"]
) -> None:
    """An attachment recycles another patient, or is refused; its own patient never makes room."""
    first, second = received("1.1", patient_id="P1"), received("2.1", patient_id="P2")
    await index.write(first)
    await index.write(second)
    limits = StorageSettings(maximum_size_mb=1, maximum_mode=mode)
    limited = ClientData(
        database, lambda: None, check_revisions=False, records=records, capacity=Capacity(limits)
    )
    large = msgspec.structs.replace(
        attachment(ids(first).study), stored_size=MEGABYTE - first.stored_size
    )
    if mode == "Reject":
        with pytest.raises(OutOfResources):
            await limited.put_attachment(large)
        assert await index.fetch("SELECT FROM attachments") == []
        assert len(await index.fetch("SELECT FROM patients")) == 2
        return
    assert await limited.put_attachment(large) == Written(0)
    assert [row["patient_id"] for row in await index.fetch("SELECT patient_id FROM patients")] == [
        first.patient_id
    ]
    larger = msgspec.structs.replace(large, number=1025, object_key=new_key(Kind.REFERRED))
    with pytest.raises(OutOfResources):
        await limited.put_attachment(larger)
    assert (await sizes(index))[1] == MEGABYTE

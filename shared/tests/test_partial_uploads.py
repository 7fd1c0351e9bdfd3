# SPDX-License-Identifier: Apache-2.0
"""Files in pieces: what any process finds of them, on NATS and on the bucket that tests use."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from pons.bus import Bus
from pons.errors import BadRequest, Conflict
from pons.ingest.partial_uploads import Arrived, PartialUploads, Upload, piece_keys
from pons.objects import SHARDS, FileObjects, Kind, kind_of
from pons_testing.buckets import MemoryBus
from pons_testing.nats import NatsServer

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["nats", "memory"])
async def any_bus(request: pytest.FixtureRequest, broker: NatsServer) -> AsyncIterator[Any]:
    if request.param == "memory":
        yield MemoryBus()
        return
    async with broker.bus() as bus:
        yield bus


@pytest.fixture
def uploads(any_bus: Any, objects: FileObjects) -> PartialUploads:
    return PartialUploads(any_bus, objects)


async def kept(objects: FileObjects) -> set[UUID]:
    return {entry.key for shard in SHARDS async for entry in objects.list(shard)}


async def content(uploads: PartialUploads, upload: Upload) -> bytes:
    return b"".join([piece async for piece in uploads.stream(upload)])


async def test_pieces_follow_each_other(
    uploads: PartialUploads, any_bus: Any, objects: FileObjects
) -> None:
    """Another process goes on where one has ended, from objects that nobody announces."""
    nothing = await uploads.find("a")
    assert (nothing.arrived, nothing.revision) == (Arrived(), 0)
    await uploads.append(nothing, b"first ")
    other = PartialUploads(any_bus, objects)
    with objects.spool() as spool:
        spool.write(b"second")
        await other.append(await other.find("a"), spool)
    upload = await uploads.find("a")
    assert upload.arrived.size == 12
    assert await content(uploads, upload) == b"first second"
    assert not any(kind_of(key) is Kind.ANNOUNCED for key in upload.arrived.pieces)


async def test_files_do_not_mix(uploads: PartialUploads) -> None:
    """Pieces of another file may come in between."""
    await uploads.append(await uploads.find("a"), b"1")
    await uploads.append(await uploads.find("b"), b"2")
    await uploads.append(await uploads.find("a"), b"3")
    assert await content(uploads, await uploads.find("a")) == b"13"
    assert await content(uploads, await uploads.find("b")) == b"2"


async def test_of_two_pieces_that_race_one_is_refused(
    uploads: PartialUploads, objects: FileObjects
) -> None:
    """Both have read the same entry, be it none: the second is told so and leaves no object."""
    for _ in range(2):
        before = await uploads.find("a")
        first, second = await asyncio.gather(
            uploads.append(before, b"one"), uploads.append(before, b"two"), return_exceptions=True
        )
        assert isinstance(first, Conflict) != isinstance(second, Conflict)
    upload = await uploads.find("a")
    assert upload.arrived.size == 6
    assert await kept(objects) == set(upload.arrived.pieces)


async def test_a_claim_makes_the_others_fail(uploads: PartialUploads) -> None:
    """Who completes a file is told when another piece has come meanwhile, and the other way."""
    before = await uploads.append(await uploads.find("a"), b"one")
    claimed = await uploads.claim(before)
    assert claimed.arrived == before.arrived
    with pytest.raises(Conflict):
        await uploads.append(before, b"two")
    with pytest.raises(Conflict):
        await uploads.claim(before)


async def test_what_is_forgotten_begins_anew(uploads: PartialUploads, objects: FileObjects) -> None:
    """The pieces go at once; whoever still reads them is told."""
    before = await uploads.append(await uploads.find("a"), b"one")
    forgotten = await uploads.forget(before)
    assert await kept(objects) == set()
    with pytest.raises(Conflict):
        await content(uploads, before)
    await uploads.append(forgotten, b"two")
    assert await uploads.forget(before) == before
    assert await content(uploads, await uploads.find("a")) == b"two"


async def test_pieces_are_bounded(uploads: PartialUploads, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their keys never outgrow a message."""
    monkeypatch.setattr("pons.ingest.partial_uploads.MAX_PIECES", 1)
    upload = await uploads.append(await uploads.find("a"), b"1")
    with pytest.raises(BadRequest, match="more than 1 chunks"):
        await uploads.append(upload, b"2")


async def test_as_many_pieces_as_there_may_be_fit_into_a_message(
    bus: Bus, objects: FileObjects
) -> None:
    """The largest entry is one that NATS takes."""
    uploads = PartialUploads(bus, objects)
    key = UUID("0192f0c1-7a3b-7c11-9f6e-2d5c8a4b9e11")
    full = Upload("a", Arrived(10_000, (key,) * 10_000), 0)
    assert (await uploads.claim(full)).revision > 0


async def test_uploads_under_way_name_their_pieces(bus: Bus, objects: FileObjects) -> None:
    """The search for orphans learns of every piece, and of none of a forgotten upload."""
    uploads = PartialUploads(bus, objects)
    assert await piece_keys(bus) == set()
    one = await uploads.append(await uploads.find("a"), b"1")
    one = await uploads.append(one, b"2")
    other = await uploads.append(await uploads.find("b"), b"3")
    assert await piece_keys(bus) == {*one.arrived.pieces, *other.arrived.pieces}
    await uploads.forget(one)
    assert await piece_keys(bus) == set(other.arrived.pieces)


async def test_the_bucket_forgets(bus: Bus) -> None:
    """An upload that does not go on is forgotten after an hour; what jobs are stays."""
    uploads = await bus.bucket(bus.names.uploads_bucket)
    jobs = await bus.bucket(bus.names.jobs_bucket)
    assert (await uploads.status()).ttl == 3600
    assert not (await jobs.status()).ttl


async def test_a_file_passes(broker: NatsServer, objects: FileObjects) -> None:
    """It is an object that is spared by the search for orphans, and is gone after the block."""
    async with broker.bus() as bus:
        with objects.spool() as spool:
            spool.write(b"file")
            async with PartialUploads(bus, objects).passing(spool) as key:
                assert await objects.read(key) == b"file"
                assert kind_of(key) is Kind.TEMPORARY
                assert await piece_keys(bus) == {key}
        assert await kept(objects) == set()
        assert await piece_keys(bus) == set()

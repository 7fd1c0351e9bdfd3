# SPDX-License-Identifier: Apache-2.0
"""Accelerated transfers, towards a peer that speaks Orthanc's protocol."""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from pons.bus import Bus
from pons.jobs.transfers import PULL, PUSH
from pons.messages.transfers import Bucket, Transferred, bucket_size
from pons_egress.peers.buckets import LARGEST, MOST_FILES, TARGET, fill_buckets, pull_path

from .accelerator import STUDY, Accelerator, FakeIngest, identifier, working

pytestmark = pytest.mark.anyio


@pytest.fixture
def accelerator(web_peer: Any) -> Accelerator:
    accelerator = Accelerator()
    web_peer.answer = accelerator.answer
    return accelerator


@pytest.fixture
def ingest() -> FakeIngest:
    return FakeIngest()


SIZES = [1000, LARGEST, 3_000, 2 * LARGEST + 1, 5_000, TARGET, TARGET, 10]


def some_files() -> dict[str, bytes]:
    """Small and large files, the largest too large for memory."""
    sizes = [*SIZES, 9_000_000]
    return {identifier(n): bytes([n % 251]) * (size - 1) + b"e" for n, size in enumerate(sizes)}


def of_sizes(*sizes: int) -> list[Transferred]:
    return [Transferred(identifier(n), size, "0" * 32) for n, size in enumerate(sizes)]


@pytest.mark.parametrize("sizes", [SIZES, [100] * 100, [0, 5, 0], [LARGEST + 1], []])
def test_buckets_have_everything_once_and_in_order(sizes: list[int]) -> None:
    """Each file in order, whole or in parts; only the first of a bucket begins in the middle."""
    instances = of_sizes(*sizes)
    buckets: list[Bucket] = list(fill_buckets(instances))
    chunks = [chunk for bucket in buckets for chunk in bucket]
    joined: dict[str, int] = {}
    for chunk in chunks:
        assert chunk.offset == joined.get(chunk.id, 0)
        joined[chunk.id] = chunk.offset + chunk.size
    assert joined == {one.id: one.size for one in instances if one.size}
    assert list(joined) == [one.id for one in instances if one.size]
    for bucket in buckets:
        assert 0 < bucket_size(bucket) <= LARGEST
        assert len(bucket) <= MOST_FILES
        assert [chunk.offset for chunk in bucket[1:]] == [0] * (len(bucket) - 1)
        assert len(pull_path(bucket, "gzip")) < 1800


@pytest.mark.parametrize("compression", ["none", "gzip"])
async def test_a_push(
    bus: Bus,
    store: Any,
    index: Any,
    web_peer: Any,
    accelerator: Accelerator,
    ingest: Any,
    image: Any,
    compression: str,
) -> None:
    """The peer has all files byte for byte, and the job and the exports log tell it."""
    for number, content in enumerate(some_files().values()):
        md5 = "" if number % 2 else hashlib.md5(content).hexdigest()
        await store.add(content, image(number), md5=md5)
    async with working(bus, store, web_peer.port, ingest) as transfers:
        job = await transfers.run(PUSH, compression=compression)
    assert job.document.state == "Success", job.document.error_details
    assert accelerator.stored == {
        one.instance_id: content
        for one, content in zip(store.instances, store.contents, strict=True)
    }
    total = sum(map(len, store.contents))
    content = job.content
    assert content["TotalInstances"] == len(store.instances)
    assert content["TotalSizeMB"] == round(total / 2**20)
    assert content["CompletedHttpQueries"] == len(accelerator.puts)
    assert (content["UploadedSizeMB"] == 0) is (compression == "gzip")
    assert content["Compression"] == compression
    assert content["Resources"] == STUDY
    assert {one.get("sender-transfer-id") for one in accelerator.headers} == {job.document.id}
    assert [(e.level, e.resource_id) for e in index.exports] == [("Study", "study")]


async def test_a_push_goes_on(
    bus: Bus,
    store: Any,
    index: Any,
    web_peer: Any,
    accelerator: Accelerator,
    ingest: Any,
    image: Any,
) -> None:
    """Another worker goes on in the same transaction, or anew where the peer has forgotten it."""
    for number in range(40):
        await store.add(bytes([number]) * TARGET, image(number))
    for forgets in (False, True):
        accelerator.stored.clear()
        accelerator.puts.clear()
        halfway, never = asyncio.Event(), asyncio.Event()

        async def stop_halfway(
            request: Any, halfway: asyncio.Event = halfway, never: asyncio.Event = never
        ) -> Any:
            if len(accelerator.puts) > 20 and not halfway.is_set():
                halfway.set()
                await never.wait()
            return await accelerator.answer(request)

        web_peer.answer = stop_halfway
        async with working(bus, store, web_peer.port, ingest) as transfers:
            job_id = await transfers.submit(PUSH)
            await asyncio.wait_for(halfway.wait(), 60)
        if forgets:
            accelerator.pushed.clear()
        async with working(bus, store, web_peer.port, ingest) as transfers:
            job = await transfers.jobs.wait_for(job_id, 60)
        assert job.document.state == "Success", job.document.error_details
        assert sorted(accelerator.stored.values()) == sorted(store.contents)
        assert (len(accelerator.puts) <= 40 + 8) is not forgets


async def test_a_push_that_fails(
    bus: Bus,
    store: Any,
    index: Any,
    web_peer: Any,
    accelerator: Accelerator,
    ingest: Any,
    image: Any,
) -> None:
    """What cannot go on is given up at the peer, which stores nothing; the log claims nothing."""
    for number in range(10):
        await store.add(bytes([number]) * TARGET, image(number))

    async def refuse_one(request: Any) -> Any:
        if request.path.endswith("/7"):
            return 507, {"Message": "The file storage is full"}
        return await accelerator.answer(request)

    web_peer.answer = refuse_one
    async with working(bus, store, web_peer.port, ingest) as transfers:
        job = await transfers.run(PUSH)
    assert (job.document.state, job.document.error_code) == ("Failure", 9)
    assert "507 Insufficient Storage: The file storage is full" in job.document.error_details
    assert accelerator.discarded == ["t0"]
    assert (accelerator.stored, index.exports) == ({}, [])


async def test_a_push_that_is_tried_again(
    bus: Bus,
    store: Any,
    index: Any,
    web_peer: Any,
    accelerator: Accelerator,
    ingest: Any,
    image: Any,
) -> None:
    """Where jobs are tried again, what has come is not given up, and not sent again."""
    for number in range(30):
        await store.add(bytes([number]) * TARGET, image(number))
    busy = 2

    async def busy_at_first(request: Any) -> Any:
        nonlocal busy
        if request.path.endswith("/20") and busy:
            busy -= 1
            return 503, {}
        return await accelerator.answer(request)

    web_peer.answer = busy_at_first
    again = {"retry": "asynchronous", "retry_delay": 0.1}
    async with working(bus, store, web_peer.port, ingest, **again) as transfers:
        job = await transfers.run(PUSH)
    assert job.document.state == "Success", job.document.error_details
    assert accelerator.discarded == []
    assert sorted(accelerator.stored.values()) == sorted(store.contents)
    assert len(accelerator.puts) <= 30 + 2 * 8


@pytest.mark.parametrize("compression", ["none", "gzip"])
async def test_a_pull(
    bus: Bus,
    store: Any,
    web_peer: Any,
    accelerator: Accelerator,
    ingest: FakeIngest,
    compression: str,
) -> None:
    """Every file is stored as it is there."""
    accelerator.files = some_files()
    async with working(bus, store, web_peer.port, ingest) as transfers:
        job = await transfers.run(PULL, compression=compression, originator="the-peer")
    assert job.document.state == "Success", job.document.error_details
    assert ingest.stored == list(accelerator.files.values())
    assert ingest.origins == {"Plugins"}
    content = job.content
    assert content["TotalInstances"] == len(accelerator.files)
    assert content["CompletedHttpQueries"] == len(accelerator.gets)
    assert (content["DownloadedSizeMB"] == 0) is (compression == "gzip")
    assert content["Originator"] == "the-peer"


async def test_a_pull_goes_on(
    bus: Bus, store: Any, web_peer: Any, accelerator: Accelerator, ingest: FakeIngest
) -> None:
    """Another worker goes on behind the last instance that was stored."""
    accelerator.files = {identifier(n): bytes([n]) * TARGET for n in range(40)}
    halfway, never = asyncio.Event(), asyncio.Event()

    async def stop_halfway(request: Any) -> Any:
        if len(accelerator.gets) > 20 and not halfway.is_set():
            halfway.set()
            await never.wait()
        return await accelerator.answer(request)

    web_peer.answer = stop_halfway
    async with working(bus, store, web_peer.port, ingest) as transfers:
        job_id = await transfers.submit(PULL)
        await asyncio.wait_for(halfway.wait(), 60)
    async with working(bus, store, web_peer.port, ingest) as transfers:
        job = await transfers.jobs.wait_for(job_id, 60)
    assert job.document.state == "Success", job.document.error_details
    assert set(ingest.stored) == set(accelerator.files.values())
    assert len(ingest.stored) <= 41
    assert job.content["CompletedHttpQueries"] <= 41


async def test_a_pull_that_fails(
    bus: Bus, store: Any, web_peer: Any, accelerator: Accelerator, ingest: FakeIngest
) -> None:
    """Wrong bytes, another peer and a refused file are told; what is wrong is not stored."""
    accelerator.files = {identifier(n): bytes([n]) * 1000 for n in range(3)}

    def altering(change: Callable[[bytes], bytes]) -> Any:
        async def alter(request: Any) -> Any:
            status, answer = await accelerator.answer(request)
            return status, change(answer) if "/chunks/" in request.path else answer

        return alter

    async with working(bus, store, web_peer.port, ingest) as transfers:
        for change, told in (
            (lambda answer: answer[:-1] + b"x", "has arrived with another MD5"),
            (lambda answer: answer[:-1], "a bucket has not the 3000 bytes that it should"),
            (lambda answer: answer * 100, "its answer has more than"),
        ):
            web_peer.answer = altering(change)
            job = await transfers.run(PULL)
            assert (job.document.state, job.document.error_code) == ("Failure", 9)
            assert told in job.document.error_details
        job = await transfers.run(PULL, compression="gzip")
        assert "a bucket has not the 3000 bytes" in job.document.error_details
        assert accelerator.files[identifier(2)] not in ingest.stored
        web_peer.answer = accelerator.answer
        job = await transfers.run(PULL, originator="somebody else")
        assert "another peer than this one has asked for the pull" in job.document.error_details
        ingest.refuses = b"\1"
        job = await transfers.run(PULL)
        assert (job.document.state, job.document.error_code) == ("Failure", 15)


@pytest.mark.parametrize("kind", [PUSH, PULL])
async def test_a_peer_without(
    bus: Bus, store: Any, index: Any, web_peer: Any, ingest: Any, image: Any, kind: str
) -> None:
    """A peer that knows no transfers is told as that."""

    async def nothing(_request: Any) -> Any:
        return 404, {}

    web_peer.answer = nothing
    await store.add_dataset(image())
    async with working(bus, store, web_peer.port, ingest) as transfers:
        job = await transfers.run(kind)
    assert "has no accelerated transfers" in job.document.error_details


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {"Originator": "x"},
        {"Originator": "x", "Instances": [{"ID": "../x", "Size": "1", "MD5": "0" * 32}]},
        {"Originator": "x", "Instances": [{"ID": identifier(1), "Size": "0", "MD5": "0" * 32}]},
    ],
)
async def test_a_list_of_something_else(
    bus: Bus, store: Any, web_peer: Any, ingest: Any, answer: Any
) -> None:
    """What is no list of instances is told, and nothing is fetched."""

    async def other(_request: Any) -> Any:
        return 200, answer

    web_peer.answer = other
    async with working(bus, store, web_peer.port, ingest) as transfers:
        job = await transfers.run(PULL)
    assert "its list of instances cannot be read" in job.document.error_details
    assert len(web_peer.requests) == 1

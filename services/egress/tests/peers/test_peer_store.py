# SPDX-License-Identifier: Apache-2.0
"""The job `OrthancPeerStore`: what it sends, and how."""

import asyncio
from typing import Any

import pytest

from pons.bus import Bus
from pons_testing.jobs import outcome

pytestmark = pytest.mark.anyio

SECRET = "s3cret-words"
STORED = (200, {"ID": "stored", "Status": "Success"})


async def test_a_study_arrives_byte_for_byte(
    bus: Bus, store: Any, index: Any, web_peer: Any, sending_to: Any, image: Any, file_of: Any
) -> None:
    """Files are uploaded as they are stored, with the password; the job and the log tell it all."""
    images = [image(number) for number in range(1, 8)]
    for one in images:
        await store.add_dataset(one)
    files = [file_of(one) for one in images]
    user = {"Username": "me", "Password": SECRET, "HttpHeaders": {"X-Room": "nm\u00e9"}}
    async with sending_to(bus, store, web_peer.url + "base", **user) as sender:
        job = await sender.send()
    assert sorted(web_peer.files) == sorted(store.contents)
    assert len(files) == 7
    first = web_peer.requests[0]
    assert (first.method, first.path) == ("POST", "/base/instances")
    assert first.headers["authorization"] == "Basic bWU6czNjcmV0LXdvcmRz"
    assert first.headers["x-room"] == "nm\u00e9"
    assert first.headers["content-type"] == "application/dicom"
    assert job.content == {
        "Description": "REST API",
        "Peer": {
            "HttpHeaders": ["X-Room"],
            "Password": None,
            "Pkcs11": False,
            "Timeout": 0,
            "Url": web_peer.url + "base/",
            "Username": "me",
        },
        "Compress": False,
        "ParentResources": ["study"],
        "InstancesCount": 7,
        "FailedInstancesCount": 0,
        "Size": str(sum(map(len, store.contents))),
        "SizeMB": 0,
    }
    assert (job.document.state, job.document.progress) == ("Success", 1.0)
    assert [(e.level, e.resource_id) for e in index.exports] == [("Study", "study")]
    assert {one.modality for one in index.told} == {"archive"}


async def test_compressed(
    bus: Bus, store: Any, index: Any, web_peer: Any, sending_to: Any, image: Any
) -> None:
    """With Compress the body is gzip with its length, and the job tells how much has left.

    Also of a file that is larger than what is held in memory.
    """
    await store.add_dataset(image(1))
    await store.add_dataset(image(2, PixelData=bytes(range(256)) * 40_000))
    async with sending_to(bus, store, web_peer.url) as sender:
        job = await sender.send(compress=True)
    assert sorted(web_peer.files) == sorted(store.contents)
    assert {r.headers["content-encoding"] for r in web_peer.requests} == {"gzip"}
    assert job.content["Compress"] is True
    sent = sum(len(request.body) for request in web_peer.requests)
    assert job.content["Size"] == str(sent)
    assert sent < sum(map(len, store.contents)) / 2


async def test_parallel_within_bounds(
    bus: Bus, store: Any, index: Any, web_peer: Any, sending_to: Any, image: Any
) -> None:
    """As many connections as the setting says are used at once, and never more."""
    for number in range(1, 31):
        await store.add_dataset(image(number))
    working = most = 0
    three = asyncio.Event()

    async def slow(_request: Any) -> Any:
        nonlocal working, most
        working += 1
        most = max(most, working)
        if working == 3:
            three.set()
        await asyncio.wait_for(three.wait(), 60)
        working -= 1
        return STORED

    web_peer.answer = slow
    async with sending_to(bus, store, web_peer.url, {"http_connections": 3}) as sender:
        job = await sender.send()
    assert outcome(job) == ("Success", 0, 30, 0)
    assert len(web_peer.requests) == 30
    assert (most, web_peer.most_open) == (3, 3)


async def test_an_interrupted_job_goes_on(
    bus: Bus, store: Any, index: Any, web_peer: Any, sending_to: Any, image: Any
) -> None:
    """A worker that ends gives the job back; another goes on behind what is done.

    Nothing is left out, and at most what was on its way comes twice.
    """
    for number in range(1, 61):
        await store.add_dataset(image(number))
    halfway, never = asyncio.Event(), asyncio.Event()

    async def stop_at_30(_request: Any) -> Any:
        if len(web_peer.requests) > 30 and not halfway.is_set():
            halfway.set()
            await never.wait()
        return STORED

    web_peer.answer = stop_at_30
    async with sending_to(bus, store, web_peer.url) as sender:
        job_id = await sender.submit()
        await asyncio.wait_for(halfway.wait(), 60)
    async with sending_to(bus, store, web_peer.url) as sender:
        job = await sender.jobs.wait_for(job_id, 60)
    assert outcome(job) == ("Success", 0, 60, 0)
    assert sorted(set(web_peer.files)) == sorted(store.contents)
    assert 60 <= len(web_peer.requests) <= 60 + 8


async def test_what_is_damaged_or_gone(
    bus: Bus, store: Any, index: Any, web_peer: Any, sending_to: Any, image: Any
) -> None:
    """A damaged file never arrives whole; one that was deleted meanwhile is told."""
    good = await store.add_dataset(image(1))
    lost = await store.add_dataset(image(2))
    broken = image(3)
    await store.add(b"x" * 3_000_000, broken, checksum=b"0" * 16)
    await store.objects.delete([lost.object_key])
    async with sending_to(bus, store, web_peer.url) as sender:
        job = await sender.send(permissive=True)
    assert outcome(job) == ("Success", 0, 3, 2)
    assert [request.file for request in web_peer.requests] == [store.contents[0]]
    assert {export.resource_id for export in index.exports} == {good.instance_id}


async def test_transcoding_is_refused(
    bus: Bus, store: Any, index: Any, web_peer: Any, sending_to: Any, image: Any
) -> None:
    """Where an instance is not stored as it is to be sent, nothing is; else all goes as it is."""
    await store.add_dataset(image())
    async with sending_to(bus, store, web_peer.url) as sender:
        job = await sender.send(transcode="1.2.840.10008.1.2.4.50")
        assert outcome(job)[:2] == ("Failure", 23)
        assert "cannot transcode it into JPEG Baseline" in job.document.error_details
        assert web_peer.requests == []
        job = await sender.send(transcode="1.2.840.10008.1.2.1")
    assert outcome(job) == ("Success", 0, 1, 0)
    assert job.content["Transcode"] == "1.2.840.10008.1.2.1"


async def test_what_cannot_be(
    bus: Bus, store: Any, index: Any, web_peer: Any, sending_to: Any, image: Any
) -> None:
    """A key in hardware is refused, and what is not known is named."""
    one = await store.add_dataset(image())
    async with sending_to(bus, store, web_peer.url, Pkcs11=True) as sender:
        job = await sender.send()
        assert (job.document.error_code, "Pkcs11" in job.document.error_details) == (8, True)
        job = await sender.send(one.instance_id, "nothing")
        assert (job.document.error_code, "'nothing'" in job.document.error_details) == (17, True)
    assert web_peer.requests == []

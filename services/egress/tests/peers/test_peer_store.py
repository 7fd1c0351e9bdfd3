# SPDX-License-Identifier: Apache-2.0
"""The job `OrthancPeerStore`, towards peers that behave and peers that do not."""

import asyncio
import json
from typing import Any

import pytest

from pons.bus import Bus
from pons.jobs import Job

pytestmark = pytest.mark.anyio

SECRET = "s3cret-words"
STORED = (200, {"ID": "stored", "Status": "Success"})


def outcome(job: Job) -> tuple[str, int, int, int]:
    content = job.content
    return (
        job.document.state,
        job.document.error_code,
        content["InstancesCount"],
        content["FailedInstancesCount"],
    )


def url_of(peer: Any) -> str:
    return f"http://127.0.0.1:{peer.port}/"


async def test_a_study_arrives_byte_for_byte(
    bus: Bus, store: Any, index: Any, web_peer: Any, sending_to: Any, image: Any, file_of: Any
) -> None:
    """Files are uploaded as they are stored, with the password; the job and the log tell it all."""
    images = [image(number) for number in range(1, 8)]
    for one in images:
        await store.add_dataset(one)
    files = [file_of(one) for one in images]
    user = {"Username": "me", "Password": SECRET, "HttpHeaders": {"X-Room": "nm\u00e9"}}
    async with sending_to(bus, store, url_of(web_peer) + "base", **user) as sender:
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
            "Url": url_of(web_peer) + "base/",
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
    async with sending_to(bus, store, url_of(web_peer)) as sender:
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
        await asyncio.wait_for(three.wait(), 10)
        working -= 1
        return STORED

    web_peer.answer = slow
    async with sending_to(bus, store, url_of(web_peer), {"http_connections": 3}) as sender:
        job = await sender.send()
    assert outcome(job) == ("Success", 0, 30, 0)
    assert len(web_peer.requests) == 30
    assert (most, web_peer.most_open) == (3, 3)


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (401, "does not know this name and password, or wants some (401 Unauthorized)"),
        (403, "does not let us do this (403 Forbidden)"),
        (404, "has nothing there: is its Url that of its REST API? (404 Not Found)"),
        (302, "sends us elsewhere (302 Found), where we do not go: correct its Url"),
    ],
)
async def test_refused_whatever_comes(
    bus: Bus,
    store: Any,
    index: Any,
    web_peer: Any,
    sending_to: Any,
    image: Any,
    status: int,
    told: str,
) -> None:
    """What would refuse every instance ends the job, also a permissive one, with the reason."""
    for number in range(1, 40):
        await store.add_dataset(image(number))
    web_peer.headers = "location: http://192.0.2.1/\r\n"

    async def refuse(_request: Any) -> Any:
        return status, b""

    web_peer.answer = refuse
    user = {"Username": "me", "Password": SECRET}
    async with sending_to(bus, store, url_of(web_peer), **user) as sender:
        job = await sender.send(permissive=True)
    address = f"http://127.0.0.1:{web_peer.port}"
    assert job.document.error_details == f"Peer 'archive' ({address}): {told}"
    assert outcome(job) == ("Failure", 9, 39, 0)
    assert len(web_peer.requests) <= 8
    assert index.exports == []
    assert SECRET not in json.dumps(job.content) + job.document.error_details


async def test_an_instance_that_is_refused(
    bus: Bus, store: Any, index: Any, web_peer: Any, sending_to: Any, image: Any
) -> None:
    """It ends the job with the peer's own words, or is counted and named by a permissive one.

    The exports log never claims it.
    """
    instances = [await store.add_dataset(image(number)) for number in range(1, 11)]
    bad = instances[4]

    async def refuse_one(request: Any) -> Any:
        if request.file == store.contents[4]:
            return 400, {"Message": "Bad file format", "Details": "DOE^JANE"}
        return STORED

    web_peer.answer = refuse_one
    why = (
        f"Peer 'archive' (http://127.0.0.1:{web_peer.port}): "
        "answered 400 Bad Request: Bad file format"
    )
    async with sending_to(bus, store, url_of(web_peer)) as sender:
        job = await sender.send()
        assert (job.document.error_code, job.document.error_details) == (9, why)
        logged = {export.resource_id for export in index.exports}
        assert {one.instance_id for one in instances[:4]} <= logged
        assert bad.instance_id not in logged
        index.told.clear()
        job = await sender.send(permissive=True)
    assert outcome(job) == ("Success", 0, 10, 1)
    assert job.content["FailedInstances"] == [{"ID": bad.instance_id, "Reason": why}]
    logged = {export.resource_id for export in index.exports}
    assert logged == {one.instance_id for one in instances} - {bad.instance_id}


@pytest.mark.parametrize("answer", [{"Status": "FilteredOut"}, {"Status": "Failure"}, {}, []])
@pytest.mark.parametrize("compress", [False, True])
async def test_a_success_that_stores_nothing(
    bus: Bus,
    store: Any,
    index: Any,
    web_peer: Any,
    sending_to: Any,
    image: Any,
    answer: Any,
    compress: bool,
) -> None:
    """A file that a filter of the peer drops is answered with 200, and has not arrived."""
    kept = await store.add_dataset(image(1))
    await store.add_dataset(image(2))

    async def drop_second(request: Any) -> Any:
        return (200, answer) if request.file == store.contents[1] else STORED

    web_peer.answer = drop_second
    async with sending_to(bus, store, url_of(web_peer)) as sender:
        job = await sender.send(compress=compress)
        assert outcome(job) == ("Failure", 9, 2, 0)
        assert "did not store the file, its Status is " in job.document.error_details
        index.told.clear()
        job = await sender.send(compress=compress, permissive=True)
    assert outcome(job) == ("Success", 0, 2, 1)
    assert [export.resource_id for export in index.exports] == [kept.instance_id]


async def test_a_connection_that_breaks(
    bus: Bus, store: Any, index: Any, web_peer: Any, sending_to: Any, image: Any
) -> None:
    """The file goes once more over another connection; a peer that always closes is told."""
    await store.add_dataset(image())
    broken = 1

    async def close_first(_request: Any) -> Any:
        nonlocal broken
        broken -= 1
        return None if broken >= 0 else STORED

    web_peer.answer = close_first
    async with sending_to(bus, store, url_of(web_peer)) as sender:
        job = await sender.send()
        assert outcome(job) == ("Success", 0, 1, 0)
        assert web_peer.files == store.contents * 2
        broken = 1000
        job = await sender.send()
    assert outcome(job) == ("Failure", 9, 1, 0)
    assert job.document.error_details.endswith(": closed the connection")
    assert len(web_peer.requests) == 4


async def test_a_slow_peer(
    bus: Bus, store: Any, index: Any, web_peer: Any, sending_to: Any, image: Any
) -> None:
    """A peer that says nothing costs the request's timeout, the peer's, or the setting's."""
    await store.add_dataset(image())
    never = asyncio.Event()

    async def wait(_request: Any) -> Any:
        await never.wait()

    web_peer.answer = wait
    url = url_of(web_peer)
    async with sending_to(bus, store, url, {"http_timeout": 0.2}) as sender:
        job = await sender.send()
        assert job.document.error_details.endswith(": no answer within 0.2 s")
        job = await sender.send(timeout=0.3)
        assert job.document.error_details.endswith(": no answer within 0.3 s")
    async with sending_to(bus, store, url, {"http_timeout": 30}, Timeout=1) as sender:
        job = await sender.send()
    assert job.document.error_details.endswith(": no answer within 1 s")
    assert outcome(job) == ("Failure", 9, 1, 0)


async def test_cancel_while_a_peer_hangs(
    bus: Bus, store: Any, index: Any, web_peer: Any, sending_to: Any, image: Any
) -> None:
    """A cancelled job hangs up at once."""
    await store.add_dataset(image())
    asked, never = asyncio.Event(), asyncio.Event()

    async def wait(_request: Any) -> Any:
        asked.set()
        await never.wait()

    web_peer.answer = wait
    async with sending_to(bus, store, url_of(web_peer)) as sender:
        job_id = await sender.submit()
        await asyncio.wait_for(asked.wait(), 10)
        await sender.jobs.cancel(job_id)
        job = await sender.jobs.wait_for(job_id, 10)
    assert job.document.error_code == 37


async def test_nobody_listens(
    bus: Bus, store: Any, index: Any, serving: Any, sending_to: Any, image: Any
) -> None:
    """A refused connection ends the job with the address and the reason."""
    await store.add_dataset(image())
    async with serving() as gone:
        pass
    async with sending_to(bus, store, url_of(gone)) as sender:
        job = await sender.send(permissive=True)
    assert outcome(job) == ("Failure", 9, 1, 0)
    assert (
        f"(http://127.0.0.1:{gone.port}): no connection: nobody listens there"
        in job.document.error_details
    )


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"<html>welcome</html>", "answered with something else than JSON"),
        (b'"' + b"x" * 600_000 + b'"', "its answer has more than 524288 bytes"),
    ],
)
async def test_an_answer_of_something_else(
    bus: Bus,
    store: Any,
    index: Any,
    web_peer: Any,
    sending_to: Any,
    image: Any,
    answer: bytes,
    told: str,
) -> None:
    """A success that no store would answer with is none: the file may be nowhere."""
    await store.add_dataset(image())

    async def other(_request: Any) -> Any:
        return 200, answer

    web_peer.answer = other
    async with sending_to(bus, store, url_of(web_peer)) as sender:
        job = await sender.send()
    assert outcome(job) == ("Failure", 9, 1, 0)
    assert told in job.document.error_details


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
    async with sending_to(bus, store, url_of(web_peer)) as sender:
        job_id = await sender.submit()
        await asyncio.wait_for(halfway.wait(), 20)
    async with sending_to(bus, store, url_of(web_peer)) as sender:
        job = await sender.jobs.wait_for(job_id, 30)
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
    async with sending_to(bus, store, url_of(web_peer)) as sender:
        job = await sender.send(permissive=True)
    assert outcome(job) == ("Success", 0, 3, 2)
    assert [request.file for request in web_peer.requests] == [store.contents[0]]
    assert {export.resource_id for export in index.exports} == {good.instance_id}


async def test_transcoding_is_refused(
    bus: Bus, store: Any, index: Any, web_peer: Any, sending_to: Any, image: Any
) -> None:
    """Where an instance is not stored as it is to be sent, nothing is; else all goes as it is."""
    await store.add_dataset(image())
    async with sending_to(bus, store, url_of(web_peer)) as sender:
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
    async with sending_to(bus, store, url_of(web_peer), Pkcs11=True) as sender:
        job = await sender.send()
        assert (job.document.error_code, "Pkcs11" in job.document.error_details) == (8, True)
        job = await sender.send(one.instance_id, "nothing")
        assert (job.document.error_code, "'nothing'" in job.document.error_details) == (17, True)
    assert web_peer.requests == []

# SPDX-License-Identifier: Apache-2.0
"""The job `OrthancPeerStore`, towards peers that refuse, break off, are slow or are not there."""

import asyncio
import json
from typing import Any

import pytest

from pons.bus import Bus
from pons_testing.jobs import outcome

pytestmark = pytest.mark.anyio

SECRET = "s3cret-words"
STORED = (200, {"ID": "stored", "Status": "Success"})


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
    async with sending_to(bus, store, web_peer.url, **user) as sender:
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
    async with sending_to(bus, store, web_peer.url) as sender:
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
    async with sending_to(bus, store, web_peer.url) as sender:
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
    async with sending_to(bus, store, web_peer.url) as sender:
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
    url = web_peer.url
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
    async with sending_to(bus, store, web_peer.url) as sender:
        job_id = await sender.submit()
        await asyncio.wait_for(asked.wait(), 60)
        await sender.jobs.cancel(job_id)
        job = await sender.jobs.wait_for(job_id, 60)
    assert job.document.error_code == 37


async def test_nobody_listens(
    bus: Bus, store: Any, index: Any, serving: Any, sending_to: Any, image: Any
) -> None:
    """A refused connection ends the job with the address and the reason."""
    await store.add_dataset(image())
    async with serving() as gone:
        pass
    async with sending_to(bus, store, gone.url) as sender:
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
    async with sending_to(bus, store, web_peer.url) as sender:
        job = await sender.send()
    assert outcome(job) == ("Failure", 9, 1, 0)
    assert told in job.document.error_details

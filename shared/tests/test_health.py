# SPDX-License-Identifier: Apache-2.0
"""The health port: what it answers, and that it never holds up the end of a service."""

import asyncio
import json
import re
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from pons.errors import OutOfResources, PonsError, Unavailable
from pons.health.readiness import Health
from pons.http.health import Readiness, TaskReport, health_app
from pons.http.serving import address, serving

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def connected(
    server: Any,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(*address(server))
    try:
        yield reader, writer
    finally:
        writer.close()
        await writer.wait_closed()


async def ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str
) -> tuple[int, str, bytes]:
    """Status, headers and body of one request on a connection that stays open."""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    if length := re.search(r"content-length: (\d+)", head):
        return int(head.split()[1]), head, await reader.readexactly(int(length[1]))
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return int(head.split()[1]), head, body


async def answer(health: Health, path: str) -> tuple[int, Any]:
    """Status and body of one request, without a connection."""
    transport = httpx.ASGITransport(health_app(health))
    async with httpx.AsyncClient(transport=transport, base_url="http://health") as client:
        response = await client.get(path)
    assert response.headers["content-type"] == "application/json"
    return response.status_code, response.json()


async def test_a_check_that_comes_while_others_are_asked() -> None:
    """A service that opens one thing after the other tells of those that it has, without a fall."""
    health = Health("render")
    health.started = True

    async def slow() -> None:
        health.checks["nats"] = slow
        raise Unavailable("The database does not answer")

    health.checks["database"] = slow
    assert await health.failures() == {"database": "The database does not answer"}


async def test_a_service_is_live_from_the_beginning_and_ready_when_started() -> None:
    """While it waits for what it needs, a service is not restarted and gets no requests."""
    health = Health("index")
    assert await answer(health, "/health/live") == (200, {"service": "index"})
    assert await answer(health, "/health/ready") == (
        503,
        {"service": "index", "ready": False, "failures": {"start": "still starting"}},
    )
    health.started = True
    assert await answer(health, "/health/ready") == (
        200,
        {"service": "index", "ready": True, "failures": {}},
    )


async def test_a_service_that_leaves_is_not_ready_and_lacks_nothing() -> None:
    """Its port says so; a gateway that asks this index by the queue hears of no trouble."""
    health = Health("index")
    health.started = True
    health.leave(3600)
    status, body = await answer(health, "/health/ready")
    assert (status, body["failures"]) == (503, {"stop": "the service is about to end"})
    assert not health.stop.is_set()
    assert await health.failures() == {}
    health.leave(3600)
    assert health.stop.is_set()


async def test_what_is_missing_is_named_and_why() -> None:
    """A service that cannot work says which of its needs fails, and is still live."""

    async def there() -> None:
        pass

    async def away() -> None:
        raise Unavailable("NATS does not answer", "try again")

    async def refused() -> None:
        raise ConnectionRefusedError("nobody listens")

    health = Health("index")
    health.started = True
    health.checks |= {"database": there, "nats": away, "objects": refused}
    status, body = await answer(health, "/health/ready")
    assert status == 503
    assert body["failures"] == {
        "nats": "NATS does not answer (try again)",
        "objects": "nobody listens",
    }
    assert (await answer(health, "/health/live"))[0] == 200


async def test_a_service_without_room_is_ready_and_says_so() -> None:
    """It still reads and deletes, which is the only way to get room again."""

    async def full() -> None:
        try:
            raise OutOfResources("the disk is full")
        except OutOfResources as error:
            raise Unavailable("no room for objects") from error

    health = Health("gateway")
    health.started = True
    health.checks["objects"] = full
    health.room = lambda: "/data has 0 MB free"
    assert await answer(health, "/health/ready") == (
        200,
        {
            "service": "gateway",
            "ready": True,
            "failures": {},
            "shortages": {"room": "takes no instance: /data has 0 MB free"},
        },
    )


async def test_a_check_that_hangs_is_an_answer_too() -> None:
    """Whoever asks hears in a few seconds, also when several checks hang."""

    async def hang() -> None:
        await asyncio.Event().wait()

    health = Health("index")
    health.started = True
    names = ("nats", "database", "objects", "render", "disk")
    health.checks |= dict.fromkeys(names, hang)
    began = time.monotonic()
    status, body = await answer(health, "/health/ready")
    assert status == 503
    assert body["failures"] == dict.fromkeys(names, "no answer within 3 s")
    assert time.monotonic() - began < 14


async def test_the_port_answers_its_three_paths_and_nothing_else() -> None:
    """Orchestrators and Prometheus find what they expect; other paths are 404."""
    async with (
        serving(health_app(Health("index")), "127.0.0.1", 0) as server,
        connected(server) as peer,
    ):
        status, head, body = await ask(*peer, "/health/live")
        assert (status, json.loads(body)) == (200, {"service": "index"})
        assert "content-type: application/json" in head
        assert (await ask(*peer, "/health/ready"))[0] == 503
        status, head, body = await ask(*peer, "/metrics")
        assert status == 200
        assert "content-type: text/plain; version=" in head
        assert b"python_info" in body
        for path in ("/health", "/health/live/", "/metrics/", "/docs", "/"):
            assert (await ask(*peer, path))[0] == 404


async def test_the_document_names_what_is_told() -> None:
    """A program can find out what the health port answers, also when it is not ready."""
    status, document = await answer(Health("index"), "/openapi.json")
    assert status == 200
    assert document["info"]["title"] == "Pons index: health"
    responses = document["paths"]["/health/ready"]["get"]["responses"]
    for told in ("200", "503"):
        schema = responses[told]["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/Readiness"}
    described = document["components"]["schemas"]["Readiness"]
    assert described["required"] == ["service", "ready", "failures"]


async def test_what_is_told_is_what_is_documented() -> None:
    """Every key of a report has its place in the model, at the names that others read."""
    health = Health("index")
    health.warnings["letters"] = "two are dead"
    health.room = lambda: "/data has 0 MB free"
    pulse = health.pulses.add("testing")
    pulse.succeed()
    pulse.fail("full", lasting=True)
    report = await health.readiness()
    assert set(report) == set(Readiness.model_fields)
    assert set(report["tasks"]["testing"]) == set(TaskReport.model_fields)
    Readiness.model_validate(report, extra="forbid")


async def test_a_port_in_use_is_told_in_a_sentence() -> None:
    """Two services on one port: the second says which port it is."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PonsError, match=f"Cannot listen on 127.0.0.1:{port}"):
            async with serving(health_app(Health("index")), "127.0.0.1", port):
                pytest.fail("it listened")


async def test_processes_share_a_port_when_asked_to() -> None:
    """Two servers listen on one port, and each answers until it ends."""
    async with serving(health_app(Health("one")), "127.0.0.1", 0, share_port=True) as one:
        host, port = address(one)
        async with serving(health_app(Health("other")), host, port, share_port=True):
            answered = set()
            for _ in range(60):
                reader, writer = await asyncio.open_connection(host, port)
                answered.add((await ask(reader, writer, "/health/live"))[2])
                writer.close()
        assert answered == {b'{"service":"one"}', b'{"service":"other"}'}
        async with connected(one) as peer:
            assert (await ask(*peer, "/health/live"))[2] == b'{"service":"one"}'
        with pytest.raises(PonsError, match=f"Cannot listen on 127.0.0.1:{port}"):
            async with serving(health_app(Health("rude")), host, port):
                pytest.fail("it listened")


async def test_connections_that_are_kept_alive_do_not_hold_up_the_end() -> None:
    """A scraper that keeps its connection, a silent peer and half a request end at once."""
    app = health_app(Health("index"))
    async with serving(app, "127.0.0.1", 0, timeout_keep_alive=60) as server:
        kept = await asyncio.open_connection(*address(server))
        assert (await ask(*kept, "/health/live"))[0] == 200
        silent = await asyncio.open_connection(*address(server))
        half = await asyncio.open_connection(*address(server))
        half[1].write(b"GET /health/live HTTP/1.1\r\nHo")
        await half[1].drain()
        began = time.monotonic()
    assert time.monotonic() - began < 30
    for reader, writer in (kept, silent, half):
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


async def test_a_request_under_way_may_end_within_the_grace() -> None:
    """Who asked before the end still gets an answer."""
    release, asked = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        asked.set()
        await release.wait()

    health = Health("index")
    health.started = True
    health.checks["nats"] = slow
    async with serving(health_app(health), "127.0.0.1", 0, timeout_graceful_shutdown=5) as server:
        reader, writer = await asyncio.open_connection(*address(server))
        asking = asyncio.create_task(ask(reader, writer, "/health/ready"))
        await asked.wait()
        asyncio.get_running_loop().call_later(0.3, release.set)
    assert (await asking)[0] == 200
    writer.close()
    await writer.wait_closed()


async def test_a_request_that_never_ends_is_cut_off_after_the_grace() -> None:
    """A peer that does not read holds the end up for the grace and no longer."""
    asked = asyncio.Event()

    async def endless(_scope: Any, _receive: Any, send: Any) -> None:
        asked.set()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": bytes(65536), "more_body": True})

    async with serving(endless, "127.0.0.1", 0, timeout_graceful_shutdown=1) as server:
        _, writer = await asyncio.open_connection(*address(server))
        writer.write(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        await asked.wait()
        began = time.monotonic()
    assert time.monotonic() - began < 30
    writer.transport.abort()


async def test_what_fails_inside_the_block_is_raised_after_the_server_has_ended() -> None:
    """The port is free again when the error arrives."""
    addresses = []

    async def fail() -> None:
        async with serving(health_app(Health("index")), "127.0.0.1", 0) as server:
            addresses.append(address(server))
            raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        await fail()
    with socket.create_server(addresses[0]):
        pass

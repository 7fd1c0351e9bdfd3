# SPDX-License-Identifier: Apache-2.0
"""A peer over HTTP that behaves as it is told, and egress that sends to it."""

import asyncio
import gzip
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from pons.bus import Bus
from pons.jobs import Job, Jobs, PeerStoreRequest, Worker, submit_peer_store
from pons.jobs.peer_store import PEER_JOB_TYPE
from pons.jobs.store import WORKER
from pons.remotes.peers import open_peers, parse_peer
from pons.settings import EgressSettings, Settings
from pons_egress.peers.store import PeerStore
from pons_testing.streams import serving_streams

STORED = (200, {"ID": "stored", "Status": "Success"})


@dataclass
class Request:
    """What arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def file(self) -> bytes:
        packed = self.headers.get("content-encoding") == "gzip"
        return gzip.decompress(self.body) if packed else self.body


@dataclass
class WebPeer:
    """A store that keeps what comes, and answers as `answer` says."""

    port: int = 0
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    most_open: int = 0
    answer: Callable[[Request], Awaitable[tuple[int, Any] | None]] | None = None
    """Status and body of an answer; None closes the connection without one."""
    headers: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def files(self) -> list[bytes]:
        return [request.file for request in self.requests]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        lines = (line.split(": ", 1) for line in head[1:] if line)
        headers = {name.lower(): value for name, value in lines}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        request = Request(method, path, headers, body)
        self.requests.append(request)
        answer = await self.answer(request) if self.answer else STORED
        if answer is None:
            return False
        status, value = answer
        text = value if isinstance(value, bytes) else json.dumps(value).encode()
        head_text = (
            f"HTTP/1.1 {status} Whatever\r\ncontent-length: {len(text)}\r\n{self.headers}\r\n"
        )
        writer.write(head_text.encode() + text)
        await writer.drain()
        return True


@asynccontextmanager
async def serving(tls: ssl.SSLContext | None = None) -> AsyncIterator[WebPeer]:
    """A `WebPeer` on a free port of loopback."""
    peer = WebPeer()
    async with serving_streams(peer.serve, tls) as peer.port:
        yield peer


class Sender:
    """Egress' job at work, and the gateway's way to ask for it."""

    def __init__(self, bus: Bus, settings: Settings, described: dict[str, Any]) -> None:
        self.jobs = Jobs(bus, settings.jobs)
        self._peer = parse_peer(described)

    async def submit(self, *resources: str, **fields: Any) -> str:
        request = PeerStoreRequest("archive", list(resources) or ["study"], **fields)
        return await submit_peer_store(self.jobs, request, self._peer)

    async def send(self, *resources: str, **fields: Any) -> Job:
        """Send, and wait for the end."""
        return await self.jobs.wait_for(await self.submit(*resources, **fields), 60)


@asynccontextmanager
async def sending(
    bus: Bus, store: Any, url: str, egress: dict[str, Any] | None = None, **peer: Any
) -> AsyncIterator[Sender]:
    """Egress with one peer, `archive`, at `url`."""
    described = {"Url": url, **peer}
    settings = Settings(peers={"archive": described}, egress=EgressSettings(**(egress or {})))
    async with open_peers(bus, settings) as peers, asyncio.TaskGroup() as group:
        handler = PeerStore(bus, store.objects, store, peers, settings)
        worker = Worker(bus, settings.jobs, WORKER, {PEER_JOB_TYPE: handler}, lease=1.5)
        working = group.create_task(worker.run())
        yield Sender(bus, settings, described)
        working.cancel()


@pytest.fixture
async def web_peer() -> AsyncIterator[WebPeer]:
    async with serving() as peer:
        yield peer


@pytest.fixture(name="serving")
def _serving() -> Any:
    return serving


@pytest.fixture
def sending_to() -> Any:
    """`sending`, to a peer over HTTP."""
    return sending

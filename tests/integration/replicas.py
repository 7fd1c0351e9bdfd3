# SPDX-License-Identifier: Apache-2.0
"""One more process of a service beside a running store, and what deals connections to several."""

import asyncio
import http.client
import itertools
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

import psutil

from outside import Store, eventually, free_ports

PIECE = 64 * 1024
LOOK_AGAIN = 0.1


@dataclass(frozen=True)
class Replica:
    """A process of a service, with the port that it serves (0: none) and that of its health."""

    process: psutil.Process
    port: int
    health_port: int
    host: ClassVar[str] = "127.0.0.1"

    def is_ready(self) -> bool:
        return says_ready(self.host, self.health_port)


def says_ready(host: str, health_port: int) -> bool:
    """Whether the process with this port of health is ready.

    Asked ten times a second, and so without httpx: each client of its own reads all certificates
    of the system first.
    """
    connection = http.client.HTTPConnection(host, health_port, timeout=10)
    try:
        connection.request("GET", "/health/ready")
        with connection.getresponse() as answer:
            return answer.status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def first_of(store: Store, kind: str) -> Replica:
    """The process of this kind that the launcher runs."""
    (process,) = store.processes(kind)
    variables = process.environ()
    section = {"gateway": "HTTP", "ingress": "DICOM", "render": "RENDER"}.get(kind)
    port = int(variables[f"PONS_{section}_PORT"]) if section else 0
    return Replica(process, port, int(variables["PONS_HEALTH_PORT"]))


@contextmanager
def replica(store: Store, kind: str, log: Path, **settings: str) -> Iterator[Replica]:
    """One more process of this kind, ready, of which the store's launcher knows nothing."""
    first = first_of(store, kind).process
    port, health_port = free_ports(2)
    section = {"gateway": "HTTP", "ingress": "DICOM", "render": "RENDER"}.get(kind)
    own = {
        "PONS_HEALTH_PORT": str(health_port),
        "PONS_HEALTH_ENDS_WITH_INPUT": "false",
        "PONS_HEALTH_OPENS_WHEN_TOLD": "false",
        **({f"PONS_{section}_PORT": str(port)} if section else {}),
        **settings,
    }
    with log.open("ab") as output:
        process = subprocess.Popen(
            first.cmdline(),
            cwd=first.cwd(),
            env={**first.environ(), **own},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    one = Replica(psutil.Process(process.pid), port if section else 0, health_port)
    try:
        eventually(f"a second {kind} is ready, see {log}", one.is_ready, 120)
        yield one
    finally:
        process.kill()
        process.wait(60)


class Dealt(Protocol):
    """What connections are dealt out to."""

    host: str
    port: int

    def is_ready(self) -> bool: ...


class Balancer:
    """Deals TCP connections out in turn, to those replicas that say that they are ready.

    This is what a Service of Kubernetes does. Connections that are open stay where they are.
    """

    def __init__(self) -> None:
        (self.port,) = free_ports(1)
        self.replicas: list[Dealt] = []
        self._ready: list[Dealt] = []
        self._turns = itertools.count()
        self._passing: set[asyncio.Task[None] | None] = set()
        """Tasks that nothing else holds: a protocol has its reader by a weak reference alone."""
        self._opened = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def __enter__(self) -> "Balancer":
        self._thread.start()
        assert self._opened.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(60)

    def deal_to(self, *replicas: Dealt) -> None:
        """Returns once each of them gets its share."""
        self.replicas = list(replicas)
        eventually("each gets connections", lambda: len(self._ready) == len(replicas))

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._pass_on, "127.0.0.1", self.port)
        watching = asyncio.create_task(self._watch())
        self._opened.set()
        await self._end.wait()
        watching.cancel()
        server.close()
        passing = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in passing:
            task.cancel()
        await asyncio.gather(*passing, return_exceptions=True)
        await asyncio.sleep(0)  # for the connections to end

    async def _watch(self) -> None:
        while True:
            asked = self.replicas
            ready = await asyncio.gather(*(asyncio.to_thread(one.is_ready) for one in asked))
            self._ready = [one for one, is_ready in zip(asked, ready, strict=True) if is_ready]
            await asyncio.sleep(LOOK_AGAIN)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._passing.add(task := asyncio.current_task())
        try:
            await self._pass_between(reader, writer)
        finally:
            self._passing.discard(task)

    async def _pass_between(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            chosen = self._ready[next(self._turns) % len(self._ready)]
            there = await asyncio.open_connection(chosen.host, chosen.port)
        except (OSError, ZeroDivisionError):
            writer.transport.abort()
            return
        streams = (writer, there[1])
        try:
            await asyncio.gather(_copy(reader, there[1]), _copy(there[0], writer))
        finally:
            for one in streams:
                one.transport.abort() if self._end.is_set() else one.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Until the source ends; a connection that breaks breaks the other, too."""
    try:
        while piece := await source.read(PIECE):
            target.write(piece)
            await target.drain()
        target.write_eof()
    except OSError:
        target.transport.abort()

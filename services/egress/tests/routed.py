# SPDX-License-Identifier: Apache-2.0
"""Egress that routes, changes that are announced to it, and a webhook of somebody's."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import SimpleNamespace
from typing import Any

import msgspec
import orjson

from pons.bus import Bus
from pons.jobs import Handler, Jobs, Worker
from pons.jobs.following import Following
from pons.jobs.peer_store import PEER_JOB_TYPE
from pons.jobs.store import JOB_TYPE, ROUTING
from pons.messages.events import Change, Changes
from pons.remotes.modalities import open_modalities
from pons.remotes.peers import open_peers
from pons.settings import JobsSettings, Settings
from pons_egress.peers.store import PeerStore
from pons_egress.routing.service import open_routing
from pons_egress.store import ModalityStore

SECRET = "0123456789abcdef"
QUICK = JobsSettings(retries=3, retry_delay=0.1, longest_retry_delay=0.2)


class Index:
    """The catalog of a store whose instances have headers of one element."""

    def __init__(self, store: Any) -> None:
        self.archive = store.archive
        self.known = store.known
        self.headers = self
        self.modality = "CT"
        self.labelled: dict[str, list[str]] = {}

    async def labels(self, level: str, identifier: str) -> list[str]:
        return self.labelled.get(identifier, [])

    async def above(self, level: str, of: str, identifier: str, fields: Any) -> None:
        """Nothing above an instance is known here."""

    async def read(self, instance_id: str, use: Callable[[Any], Any]) -> Any:
        header = orjson.dumps({"00080060": {"vr": "CS", "Value": [self.modality]}})
        return use(SimpleNamespace(json=header))

    async def metadata(self, level: str, identifier: str) -> dict[int, str]:
        return {3: "NM1"}


@asynccontextmanager
async def routing(
    bus: Bus, store: Any, settings: Settings, index: Any = None
) -> AsyncIterator[None]:
    """One egress that routes."""
    index = index or Index(store)
    following = Following(Jobs(bus, settings.jobs))
    async with (
        open_modalities(bus, settings) as modalities,
        open_peers(bus, settings) as peers,
        open_routing(bus, index, modalities, peers, settings, following) as own,
        asyncio.TaskGroup() as group,
    ):
        handlers: dict[str, Handler] = {
            JOB_TYPE: ModalityStore(bus, store.objects, store, modalities, settings),
            PEER_JOB_TYPE: PeerStore(bus, store.objects, store, peers, settings),
        }
        slots = settings.jobs.model_copy(update={"concurrent": settings.routing.concurrent})
        handlers |= own
        worker = Worker(
            bus, slots, ROUTING, handlers, lease=5.0, one_each=True, following=following
        )
        tasks = [group.create_task(one.run()) for one in (following, worker)]
        yield
        for task in tasks:
            task.cancel()


async def announce(bus: Bus, first: int, resource_ids: list[str]) -> None:
    """Publish a run of changes, as the index does."""
    changes = [
        Change(first + number, "NewInstance", "Instance", resource_id, 1700000000.0)
        for number, resource_id in enumerate(resource_ids)
    ]
    await bus.publish(bus.names.changes, msgspec.msgpack.encode(Changes(changes)))


def modality(port: int) -> dict[str, Any]:
    return {"AET": "PEER", "Host": "127.0.0.1", "Port": port}


def settings(modalities: dict[str, int], rules: dict[str, Any], **more: Any) -> Settings:
    return Settings(
        modalities={name: modality(port) for name, port in modalities.items()},
        jobs=QUICK,
        routing={"rules": rules, "batch": 4, **more},  # type: ignore[arg-type]
    )


@dataclass
class Hook:
    """A web server that notes what it was told, and answers as it is told to."""

    port: int = 0
    told: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    @property
    def numbers(self) -> list[int]:
        return [json.loads(body)["Seq"] for _, body in self.told]


@contextmanager
def hook() -> Iterator[Hook]:
    told = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.told.append(({name.lower(): value for name, value in self.headers.items()}, body))
            answer = b'{"ID": "stored", "Status": "Success"}'
            self.send_response(told.statuses.pop(0) if told.statuses else 200)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *words: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.port = server.server_address[1]
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

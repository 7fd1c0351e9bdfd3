# SPDX-License-Identifier: Apache-2.0
"""A peer with accelerated transfers, and egress that exchanges instances with it."""

import asyncio
import gzip
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pons.bus import Bus
from pons.errors import InvalidInstance
from pons.jobs import Job, Jobs, TransferRequest, Worker, submit_transfer
from pons.jobs.transfers import PULL, PUSH, WORKER
from pons.objects import Body
from pons.objects.bodies import pieces
from pons.remotes.peers import open_peers
from pons.settings import JobsSettings, Settings
from pons_egress.peers.pull import PullTransfer
from pons_egress.peers.push import PushTransfer

STUDY = [{"Level": "Study", "ID": "study"}]


@dataclass
class Accelerator:
    """A store whose files are pulled, and to which files are pushed."""

    files: dict[str, bytes] = field(default_factory=dict)
    pushed: dict[str, dict[str, Any]] = field(default_factory=dict)
    stored: dict[str, bytes] = field(default_factory=dict)
    discarded: list[str] = field(default_factory=list)
    puts: list[str] = field(default_factory=list)
    """Paths of the buckets that came."""
    gets: list[str] = field(default_factory=list)
    originator: str = "the-peer"
    headers: list[dict[str, str]] = field(default_factory=list)

    async def answer(self, request: Any) -> tuple[int, Any]:
        self.headers.append(request.headers)
        path = urlsplit(request.path)
        words = path.path.strip("/").split("/")
        match (request.method, *words):
            case ("POST", "transfers", "lookup"):
                listed = [described(one, content) for one, content in self.files.items()]
                return 200, {"Originator": self.originator, "Instances": listed}
            case ("GET", "transfers", "chunks", ids):
                self.gets.append(request.path)
                asked = {key: value[0] for key, value in parse_qs(path.query).items()}
                whole = b"".join(self.files[one] for one in ids.split("."))
                start, size = int(asked["offset"]), int(asked["size"])
                content = whole[start : start + size]
                return 200, gzip.compress(content) if asked["compression"] == "gzip" else content
            case ("POST", "transfers", "push"):
                name = f"t{len(self.pushed)}"
                self.pushed[name] = json.loads(request.body) | {"came": {}}
                return 200, {"ID": name, "Path": f"/transfers/push/{name}"}
            case ("PUT", "transfers", "push", name, number) if name in self.pushed:
                self.puts.append(request.path)
                packed = self.pushed[name]["Compression"] == "gzip"
                content = gzip.decompress(request.body) if packed else request.body
                self.pushed[name]["came"][int(number)] = content
                return 200, {}
            case ("POST", "transfers", "push", name, "commit") if name in self.pushed:
                self.commit(self.pushed.pop(name))
                return 200, {}
            case ("DELETE", "transfers", "push", name) if name in self.pushed:
                del self.pushed[name]
                self.discarded.append(name)
                return 200, {}
        return 404, {}

    def commit(self, push: dict[str, Any]) -> None:
        arrived: dict[str, dict[int, bytes]] = {}
        for number, bucket in enumerate(push["Buckets"]):
            content, position = push["came"][number], 0
            for chunk in bucket:
                end = position + int(chunk["Size"])
                parts = arrived.setdefault(chunk["ID"], {})
                parts[int(chunk["Offset"])] = content[position:end]
                position = end
            assert position == len(content)
        for instance in push["Instances"]:
            parts = arrived[instance["ID"]]
            content = b"".join(parts[offset] for offset in sorted(parts))
            assert described(instance["ID"], content) == instance
            self.stored[instance["ID"]] = content


def described(identifier: str, content: bytes) -> dict[str, str]:
    md5 = hashlib.md5(content).hexdigest()
    return {"ID": identifier, "Size": str(len(content)), "MD5": md5}


@dataclass
class FakeIngest:
    """Keeps what is stored."""

    stored: list[bytes] = field(default_factory=list)
    origins: set[str] = field(default_factory=set)
    refuses: bytes = b"never"

    async def store(self, body: Body, origin: Any) -> None:
        content = b"".join(map(bytes, pieces(body)))
        if content.startswith(self.refuses):
            raise InvalidInstance("This is not a DICOM file")
        self.stored.append(content)
        self.origins.add(origin.kind)


@dataclass
class Transfers:
    jobs: Jobs

    async def submit(self, kind: str, **fields: Any) -> str:
        request = TransferRequest("archive", STUDY, fields.pop("compression", "none"), **fields)
        return await submit_transfer(self.jobs, request, kind)

    async def run(self, kind: str, **fields: Any) -> Job:
        return await self.jobs.wait_for(await self.submit(kind, **fields), 60)


@asynccontextmanager
async def working(
    bus: Bus, store: Any, port: int, ingest: Any, **jobs: Any
) -> AsyncIterator[Transfers]:
    """Egress, whose peer `archive` is at `port`."""
    known = {"archive": [f"http://127.0.0.1:{port}"]}
    settings = Settings(peers=known, jobs=JobsSettings(**jobs))
    async with open_peers(bus, settings) as peers, asyncio.TaskGroup() as group:
        handlers: Any = {
            PUSH: PushTransfer(bus, store.objects, store, peers, settings),
            PULL: PullTransfer(ingest, store.objects, peers, settings),
        }
        worker = Worker(bus, settings.jobs, WORKER, handlers, lease=1.5)
        running = group.create_task(worker.run())
        yield Transfers(Jobs(bus, settings.jobs))
        running.cancel()


def identifier(number: int) -> str:
    return "-".join([f"{number:08x}"] * 5)

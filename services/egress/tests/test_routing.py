# SPDX-License-Identifier: Apache-2.0
"""Rules at work: from the change feed to destinations that behave, and to some that do not."""

import asyncio
import hashlib
import hmac
import json
import logging
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import SimpleNamespace
from typing import Any

import httpx
import msgspec
import orjson
import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from pons.bus import Bus
from pons.bus.requests import answer_commands
from pons.errors import NotFound, Unavailable
from pons.jobs import DeadLetters, Job, Jobs, Worker
from pons.jobs.peer_store import PEER_JOB_TYPE
from pons.jobs.store import JOB_TYPE, ROUTING
from pons.jobs.webhook import ToldChange, WebhookRequest, submit_webhook
from pons.messages.events import Change, Changes
from pons.messages.index import PutLabel
from pons.messages.services import Done
from pons.remotes.modalities import open_modalities
from pons.remotes.peers import open_peers
from pons.routing.queues import Queues
from pons.settings import JobsSettings, Settings
from pons_egress.peers.store import PeerStore
from pons_egress.routing.service import open_routing
from pons_egress.routing.webhook import post_to_any
from pons_egress.store import ModalityStore

pytestmark = pytest.mark.anyio

ACCEPTS_CT = (str(CTImageStorage), [str(ExplicitVRLittleEndian)])
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


def free_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


@asynccontextmanager
async def routing(
    bus: Bus, store: Any, settings: Settings, index: Any = None
) -> AsyncIterator[None]:
    """One egress that routes."""
    index = index or Index(store)
    async with (
        open_modalities(bus, settings) as modalities,
        open_peers(bus, settings) as peers,
        open_routing(bus, index, modalities, peers, settings) as own,
        asyncio.TaskGroup() as group,
    ):
        handlers = {
            JOB_TYPE: ModalityStore(bus, store.objects, store, modalities, settings),
            PEER_JOB_TYPE: PeerStore(bus, store.objects, store, peers, settings),
        }
        slots = settings.jobs.model_copy(update={"concurrent": settings.routing.concurrent})
        worker = Worker(bus, slots, ROUTING, {**handlers, **own}, lease=1.0, one_each=True)
        task = group.create_task(worker.run())
        yield
        task.cancel()


async def announce(bus: Bus, first: int, resource_ids: list[str]) -> None:
    """Publish a run of changes, as the index does."""
    changes = [
        Change(first + number, "NewInstance", "Instance", resource_id, 1700000000.0)
        for number, resource_id in enumerate(resource_ids)
    ]
    await bus.publish(bus.names.changes, msgspec.msgpack.encode(Changes(changes)))


async def until(reached: Callable[[], Awaitable[bool]], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not await reached():
        assert time.monotonic() < deadline, "not reached in time"
        await asyncio.sleep(0.02)


def modality(port: int) -> dict[str, Any]:
    return {"AET": "PEER", "Host": "127.0.0.1", "Port": port}


def settings(modalities: dict[str, int], rules: dict[str, Any], **more: Any) -> Settings:
    return Settings(
        modalities={name: modality(port) for name, port in modalities.items()},
        jobs=QUICK,
        routing={"rules": rules, "batch": 4, **more},  # type: ignore[arg-type]
    )


async def test_a_dead_a_flaky_and_a_healthy_destination(
    bus: Bus, store: Any, index: Any, listening: Any, image: Any
) -> None:
    """The healthy one has everything while the dead one is still tried; the flaky one, which aborts
    every third association, has everything; the dead one is listed with the cause, and has one job
    at a time while the rest waits on disk."""
    uids = {f"1.2.3.4.{number}" for number in range(1, 41)}
    ids = [(await store.add_dataset(image(number))).instance_id for number in range(1, 41)]
    rule = {
        "On": "NewInstance",
        "When": [{"Tag": "Modality", "Is": "CT"}],
        "To": ["modality:dead", "modality:flaky", "modality:healthy"],
    }
    with listening(ACCEPTS_CT) as healthy, listening(ACCEPTS_CT) as flaky:
        flaky.before_answer = lambda event: (
            event.assoc.abort() if len(flaky.associations) % 3 == 0 else None
        )
        ports = {"dead": free_port(), "flaky": flaky.port, "healthy": healthy.port}
        async with routing(bus, store, settings(ports, {"all": rule})):
            await announce(bus, 1, ids)
            letters = DeadLetters(Jobs(bus, QUICK))

            async def all_healthy() -> bool:
                return set(healthy.sop_instance_uids) == uids

            await until(all_healthy)

            async def all_flaky() -> bool:
                return set(flaky.sop_instance_uids) == uids

            await until(all_flaky)

            async def dead() -> bool:
                return len(await letters.listed("modality:dead")) >= 2

            await until(dead)
            going_on = [
                job.document.destination
                for job in await Jobs(bus, QUICK).list()
                if not job.document.finished
            ]
            assert going_on.count("modality:dead") <= 1
    first = (await letters.listed("modality:dead"))[0]
    assert f"connection refused by 127.0.0.1:{ports['dead']}" in first.error_details
    assert {letter.destination for letter in await letters.listed()} == {"modality:dead"}
    assert len(healthy.requests) == 40


async def test_a_destination_that_stays_down_is_held(
    bus: Bus, store: Any, image: Any, index: Any, listening: Any
) -> None:
    """Its list of dead letters does not overflow: what comes waits in the queue, and goes on once
    somebody has retried, when the destination is back."""
    ids = [(await store.add_dataset(image(number))).instance_id for number in range(1, 21)]
    port = free_port()
    rules = {"all": {"On": "NewInstance", "To": ["modality:down"]}}
    chosen = settings({"down": port}, rules).model_copy(
        update={"jobs": QUICK.model_copy(update={"dead_letters": 4, "retries": 0})}
    )
    jobs = Jobs(bus, chosen.jobs)
    letters, queues = DeadLetters(jobs), Queues(bus)
    async with routing(bus, store, chosen):
        await announce(bus, 1, ids)

        async def held() -> bool:
            return len(await letters.listed()) == 2

        await until(held)
        waiting = (await queues.lengths())["modality:down"]
        assert 0 < waiting <= 20
        with listening(ACCEPTS_CT) as peer:
            async with open_modalities(bus, chosen) as modalities:
                known = modalities.get("down")
                await modalities.put("down", msgspec.structs.replace(known, port=peer.port))
            await letters.retry_all("modality:down")

            async def all_there() -> bool:
                return len(set(peer.sop_instance_uids)) == 20

            await until(all_there)
    assert await letters.listed() == []
    assert await queues.lengths() == {}


async def test_two_replicas_and_one_dies(
    bus: Bus, store: Any, index: Any, listening: Any, image: Any
) -> None:
    """Two share feed and queues; what one had in its hands when it went is delivered too."""
    ids = [(await store.add_dataset(image(number))).instance_id for number in range(1, 61)]
    rules = {"all": {"On": "NewInstance", "To": ["modality:pacs"]}}
    with listening(ACCEPTS_CT) as peer:
        chosen = settings({"pacs": peer.port}, rules)
        async with routing(bus, store, chosen):
            async with routing(bus, store, chosen):
                for start in range(0, 60, 10):
                    await announce(bus, start + 1, ids[start : start + 10])

                async def under_way() -> bool:
                    return len(peer.requests) > 5

                await until(under_way)

            async def all_there() -> bool:
                return len(set(peer.sop_instance_uids)) == 60

            await until(all_there, 60)


async def test_rules_label_before_they_send(
    bus: Bus, store: Any, index: Any, listening: Any, image: Any
) -> None:
    """A rule that asks for a label sends what another labels at the same time; what an index that
    is away could not label comes again, and what was deleted meanwhile holds up nothing."""
    ids = [(await store.add_dataset(image(number))).instance_id for number in (1, 2, 3)]
    put: list[PutLabel] = []
    failures = [Unavailable("away")]

    async def label(command: PutLabel) -> Done:
        if failures:
            raise failures.pop()
        if command.resource_id == ids[0]:
            raise NotFound("deleted")
        put.append(command)
        known.labelled.setdefault(command.resource_id, []).append(command.label)
        return Done()

    await answer_commands(bus, "index", {PutLabel: label})
    rules = {
        "sorted": {"On": "NewInstance", "When": [{"Tag": "Modality", "Is": "CT"}], "Label": ["ct"]},
        "sent": {"On": "NewInstance", "When": [{"Label": "ct"}], "To": ["modality:pacs"]},
    }
    known = Index(store)
    with listening(ACCEPTS_CT) as peer:
        async with routing(bus, store, settings({"pacs": peer.port}, rules), known):
            await announce(bus, 1, ids)

            async def sent() -> bool:
                return len(set(peer.sop_instance_uids)) == 2

            await until(sent)
    assert set(put) == {PutLabel("Instance", one, "ct") for one in ids[1:]}
    assert failures == []


async def test_what_rules_do_not_ask_for_stays(
    bus: Bus, store: Any, index: Any, listening: Any, image: Any
) -> None:
    """A rule that does not hold, that rests, or that waits for another change sends nothing; a
    modality that nobody knows makes a dead letter."""
    one = (await store.add_dataset(image(1))).instance_id
    rules = {
        "other": {
            "On": "NewInstance",
            "When": [{"Tag": "Modality", "Is": "MR"}],
            "To": ["modality:a"],
        },
        "from-elsewhere": {"On": "NewInstance", "When": [{"Origin": "CT*"}], "To": ["modality:b"]},
        "resting": {"On": "NewInstance", "To": ["modality:c"], "Enabled": False},
        "later": {"On": "StableStudy", "To": ["modality:d"]},
        "unknown": {"On": "NewInstance", "When": [{"Origin": "nm1"}], "To": ["modality:nobody"]},
    }
    jobs = Jobs(bus, QUICK)
    async with routing(bus, store, settings({}, rules)):
        await announce(bus, 1, [one])

        async def dead() -> bool:
            return bool(await DeadLetters(jobs).listed())

        await until(dead)
    (job,) = await jobs.list()
    assert job.document.destination == "modality:nobody"
    assert job.document.error_details.startswith("There is no modality 'nobody'")
    assert (job.content["Rules"], await Queues(bus).lengths()) == (["unknown"], {})


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


def telling(url: str) -> Settings:
    """A store whose one rule tells the webhook at `url`."""
    webhook = {"Url": url, "Secret": SECRET, "HttpHeaders": {"X-Token": "t"}}
    rules = {"hook": {"On": "NewInstance", "To": ["webhook:planning"]}}
    return settings({}, rules, webhooks={"planning": webhook})


async def told(bus: Bus, store: Any, url: str, changes: int) -> Job:
    """The job that tells the webhook at `url` of some changes, once it has ended."""
    jobs = Jobs(bus, QUICK)
    listed = [
        ToldChange("hook", 7 + number, "NewInstance", "Instance", f"i{number}", 1700000000.0)
        for number in range(changes)
    ]
    async with routing(bus, store, telling(url)):
        job_id = await submit_webhook(jobs, WebhookRequest("planning", listed))
        return await jobs.wait_for(job_id, 20)


async def test_changes_reach_a_webhook_in_order(bus: Bus, store: Any) -> None:
    """What the feed has is told in its order, however it is parted into jobs."""
    with hook() as server:
        async with routing(bus, store, telling(f"http://127.0.0.1:{server.port}/")):
            await announce(bus, 7, [f"i{number}" for number in range(9)])

            async def all_told() -> bool:
                return len(server.told) >= 9

            await until(all_told)
    assert server.numbers == list(range(7, 16))


async def test_a_webhook_is_told(bus: Bus, store: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Each change is one POST, in order, signed with its time; trouble is tried again."""
    caplog.set_level(logging.INFO, "httpx")
    with hook() as server:
        server.statuses = [201, 503, 429, 200]
        job = await told(bus, store, f"http://localhost:{server.port}/hook?x=1", 3)
    assert (job.document.state, job.content["ChangesCount"]) == ("Success", 3)
    assert server.numbers == [7, 8, 8, 8, 9]
    assert f":{server.port}/hook" in caplog.text
    assert "x=1" not in caplog.text
    headers, body = server.told[0]
    assert json.loads(body) == {
        "ChangeType": "NewInstance",
        "Date": "20231114T221320",
        "ID": "i0",
        "Path": "/instances/i0",
        "ResourceType": "Instance",
        "Seq": 7,
        "Rule": "hook",
        "Store": "main",
    }
    signed = headers["x-pons-timestamp"].encode() + b"." + body
    digest = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["x-pons-signature"] == f"sha256={digest}"
    assert headers["x-pons-sequence"] == "7"
    assert headers["host"] == f"localhost:{server.port}"
    assert headers["x-token"] == "t"


async def test_a_webhook_of_several_addresses() -> None:
    """One at which nobody listens, as ::1 often is of localhost, costs nothing but the next."""
    with hook() as server:
        url = httpx.URL(f"http://localhost:{server.port}/hook?x=1")
        headers = {"Host": url.netloc.decode(), "Content-Type": "application/json"}
        async with httpx.AsyncClient(trust_env=False) as client:
            addresses = ["::1", "127.0.0.2", "127.0.0.1"]
            assert await post_to_any(client, url, addresses, headers, b"{}", 5) == 200
            with pytest.raises(httpx.ConnectError):
                await post_to_any(client, url, addresses[:2], headers, b"{}", 5)
    ((told_headers, body),) = server.told
    assert (told_headers["host"], body) == (f"localhost:{server.port}", b"{}")


async def test_a_webhook_whose_answer_trickles(trickling: Any) -> None:
    """One that always says a little more holds the changes behind this one for a while only."""
    head, piece = b"HTTP/1.1 200 OK\r\n", b"X-More: 1\r\n"
    async with (
        asyncio.timeout(20),
        trickling(head, piece) as address,
        httpx.AsyncClient(trust_env=False) as client,
    ):
        with pytest.raises(TimeoutError):
            await post_to_any(client, httpx.URL(address), ["127.0.0.1"], {}, b"{}", 0.2)


async def test_a_peer_is_sent_files(
    bus: Bus, store: Any, index: Any, image: Any, file_of: Any
) -> None:
    """A peer that is busy at first has every file; one that refuses a file has the others, and is
    listed, as is one that nobody knows."""
    files = {file_of(one): one for one in (image(number) for number in range(1, 5))}
    ids = [(await store.add(file, dataset)).instance_id for file, dataset in files.items()]
    rules = {"all": {"On": "NewInstance", "To": ["peer:archive", "peer:picky", "peer:nobody"]}}
    with hook() as archive, hook() as picky:
        archive.statuses, picky.statuses = [503], [415]
        urls = {"archive": archive.port, "picky": picky.port}
        known = {name: {"Url": f"http://127.0.0.1:{port}/"} for name, port in urls.items()}
        chosen = settings({}, rules).model_copy(update={"peers": known})
        letters = DeadLetters(Jobs(bus, QUICK))
        async with routing(bus, store, chosen):
            await announce(bus, 1, ids)

            async def settled() -> bool:
                return {body for _, body in archive.told[1:]} == set(files) and {
                    letter.destination for letter in await letters.listed()
                } == {"peer:picky", "peer:nobody"}

            await until(settled)
            assert len({body for _, body in picky.told}) == 4
            (refused,) = await letters.listed("peer:picky")
            assert "of the first: Peer 'picky'" in refused.error_details
            await letters.retry_all("peer:picky")

            async def retried() -> bool:
                return not await letters.listed("peer:picky")

            await until(retried)


async def test_a_webhook_that_refuses(bus: Bus, store: Any) -> None:
    """A change that is refused does not keep back the next, and makes a dead letter; a redirect is
    not followed."""
    with hook() as server:
        server.statuses = [302, 200]
        job = await told(bus, store, f"http://127.0.0.1:{server.port}/", 2)
    assert server.numbers == [7, 8]
    assert job.document.dead_letter
    assert job.document.error_details == (
        "1 of 2 changes were refused; the first: Webhook 'planning': answered 302"
    )


@pytest.mark.parametrize(
    "host",
    ["169.254.169.254", "[::ffff:169.254.169.254]", "[fe80::1]", "0.0.0.0", "100.100.100.200"],
)
async def test_a_webhook_where_none_may_be(bus: Bus, store: Any, host: str) -> None:
    """What a cloud tells its machines is not asked for, however its address is written."""
    job = await told(bus, store, f"http://{host}/latest/meta-data/", 1)
    assert (job.document.state, job.document.error) == ("Failure", "Forbidden")
    assert "where no webhook may be" in job.document.error_details

# SPDX-License-Identifier: Apache-2.0
"""Associations of pynetdicom in threads: what ends them, and that they all end."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, build_context, evt

from pons.errors import RemoteFailure
from pons.limits import MEGABYTE
from pons.settings import EgressSettings
from pons_egress.peer import Peer
from pons_egress.scu.association import Association, Offer
from pons_egress.scu.threads import ScuThreads, open_threads
from pons_testing.scp import serving
from pons_testing.waiting import until

pytestmark = pytest.mark.anyio

STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.2.1"
VERIFICATION = "1.2.840.10008.1.1"
TOO_LARGE = "sends a message of more than 16777216 bytes"
OFFER = Offer([build_context(STUDY_ROOT)])

Answers = Iterator[tuple[int, Dataset | None]]


@pytest.fixture
async def threads() -> AsyncIterator[ScuThreads]:
    async with open_threads(EgressSettings()) as threads:
        yield threads
    ours = [one.name for one in threading.enumerate() if one.name.startswith(("scu", "Requestor"))]
    assert ours == []


@contextmanager
def answering(
    answers: Callable[[evt.Event], Answers], context: str = STUDY_ROOT, aet: str = ""
) -> Iterator[int]:
    """The port of a C-FIND SCP."""
    entity = AE(aet or "PEER")
    entity.require_called_aet = bool(aet)
    entity.add_supported_context(context)
    with serving(entity, (evt.EVT_C_FIND, answers)) as port:
        yield port


@contextmanager
def saying(content: bytes, *, leaving: bool = True) -> Iterator[int]:
    """The port of something that says `content` to whoever connects, and leaves or stays."""
    over = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            with suppress(ConnectionError):
                connection.sendall(content)
            if not leaving:
                over.wait(60)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        over.set()
        thread.join()


def identifier(number: int) -> Dataset:
    dataset = Dataset()
    dataset.PatientID = str(number)
    return dataset


def three(_event: evt.Event) -> Answers:
    for number in range(3):
        yield 0xFF00, identifier(number)


def count(association: Association) -> int:
    """How many answers there are; ends when it is told to."""
    found = 0
    for status, answer in association.requestor.send_c_find(identifier(0), STUDY_ROOT):
        if association.cancelled.is_set():
            association.requestor.send_c_cancel(1, query_model=STUDY_ROOT)
        if not status:
            raise association.failure()
        found += answer is not None
    return found


def peer(port: int, timeout: float = 5) -> Peer:
    return Peer("pacs", "PONS", "PEER", "127.0.0.1", port, timeout)


async def failing(threads: ScuThreads, port: int, patience: float = 5) -> str:
    """Why the work fails."""
    with pytest.raises(RemoteFailure) as error:
        await threads.run(peer(port, patience), OFFER, count)
    return str(error.value).partition("): ")[2]


async def test_work_is_done(threads: ScuThreads) -> None:
    """What the work gives comes back; the peer sees our name and is released from."""
    seen: list[str] = []

    def answers(event: evt.Event) -> Answers:
        seen.append(event.assoc.requestor.ae_title)
        yield from three(event)

    with answering(answers) as port:
        assert await threads.run(peer(port), OFFER, count) == 3
    assert seen == ["PONS"]


async def test_more_work_than_threads() -> None:
    """What has no thread yet waits for one, and all of it is done."""
    running, most, both = 0, 0, threading.Event()

    def answers(event: evt.Event) -> Answers:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 2:
            both.set()
        both.wait(60)
        running -= 1
        yield from three(event)

    with answering(answers) as port:
        async with open_threads(EgressSettings(scu_threads=2)) as threads:
            works = [threads.run(peer(port), OFFER, count) for _ in range(6)]
            assert await asyncio.gather(*works) == [3] * 6
    assert most == 2


async def test_nobody_listens(threads: ScuThreads) -> None:
    """The address that refused is in the message."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        assert await failing(threads, port) == f"connection refused by 127.0.0.1:{port}"


async def test_an_unknown_host(threads: ScuThreads) -> None:
    """A name that does not resolve is told."""
    nowhere = Peer("pacs", "PONS", "PEER", "nowhere.invalid", 104, 5)
    with pytest.raises(RemoteFailure, match=r"host 'nowhere\.invalid' is not known"):
        await threads.run(nowhere, OFFER, count)


async def test_the_peer_rejects(threads: ScuThreads) -> None:
    """The reason of a rejection is in the message."""
    with answering(three, aet="OTHER") as port:
        told = await failing(threads, port)
    assert told.startswith("association rejected: Called AE title not recognised")


async def test_the_peer_accepts_no_context(threads: ScuThreads) -> None:
    """What it does not accept is named."""
    with answering(three, context=VERIFICATION) as port:
        told = await failing(threads, port)
    assert told == (
        "accepts no presentation context for Study Root Query/Retrieve Information Model - FIND"
    )


async def test_the_peer_aborts(threads: ScuThreads) -> None:
    """Who aborted is in the message."""

    def answers(event: evt.Event) -> Answers:
        event.assoc.abort()
        yield 0, None

    with answering(answers) as port:
        assert await failing(threads, port) == "aborted by DUL service-user"


@pytest.mark.parametrize(
    ("content", "leaving", "told"),
    [
        (b"", True, "closed the connection"),
        (b"", False, "no answer within 3 s"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", True, "breaks the protocol"),
        (b"\x02\x00\x00\x00\xff\xff" + bytes(50), False, "says nothing for 3 s amid a message"),
        (b"\x02\x00\x7f\xff\xff\xff" + bytes(17 * MEGABYTE), True, TOO_LARGE),
    ],
    ids=["leaves", "is silent", "speaks HTTP", "stops", "says too much"],
)
async def test_the_peer_is_odd(
    threads: ScuThreads, content: bytes, leaving: bool, told: str
) -> None:
    """Whatever a peer says instead of an answer, we hear of it, and wait no longer than that."""
    with saying(content, leaving=leaving) as port:
        assert await failing(threads, port, patience=3) == told


async def test_the_peer_does_not_answer(threads: ScuThreads) -> None:
    """A request without an answer ends with the peer's timeout."""
    over = threading.Event()

    def answers(_event: evt.Event) -> Answers:
        over.wait(60)
        yield 0, None

    with answering(answers) as port:
        assert await failing(threads, port, patience=2) == "no answer within 2 s"
        over.set()


async def test_a_message_that_never_ends(threads: ScuThreads) -> None:
    """An answer beyond the bound ends the association, however small its pieces are."""
    large = Dataset()
    large.add_new(0x00420011, "OB", bytes(3 * MEGABYTE))

    def answers(_event: evt.Event) -> Answers:
        yield 0xFF00, large

    offer = Offer(OFFER.contexts, largest_message=MEGABYTE)
    with answering(answers) as port, pytest.raises(RemoteFailure) as error:
        await threads.run(peer(port), offer, count)
    assert str(error.value).endswith("sends a message of more than 1048576 bytes")


async def test_a_peer_that_is_faster_than_we_are(threads: ScuThreads) -> None:
    """Answers wait at the peer, not in our memory."""
    waiting: list[int] = []

    def answers(_event: evt.Event) -> Answers:
        for number in range(300):
            yield 0xFF00, identifier(number)

    def slowly(association: Association) -> int:
        found = 0
        for _, answer in association.requestor.send_c_find(identifier(0), STUDY_ROOT):
            waiting.append(association.requestor.dimse.msg_queue.qsize())
            time.sleep(0.002)
            found += answer is not None
        return found

    with answering(answers) as port:
        assert await threads.run(peer(port), OFFER, slowly) == 300
    assert max(waiting) <= 32


def endless(
    cancelled: threading.Event, asked: threading.Event | None = None
) -> Callable[[evt.Event], Answers]:
    def answers(event: evt.Event) -> Answers:
        if asked is not None:
            asked.set()
        while not event.is_cancelled:
            time.sleep(0.02)
            yield 0xFF00, identifier(1)
        cancelled.set()
        yield 0xFE00, None

    return answers


async def test_work_that_takes_too_long(threads: ScuThreads) -> None:
    """The peer hears C-CANCEL, and the caller that it took too long."""
    cancelled = threading.Event()
    with answering(endless(cancelled)) as port, pytest.raises(RemoteFailure) as error:
        await threads.run(peer(port), OFFER, count, within=2)
    assert str(error.value).endswith("has not finished within 2 s")
    assert cancelled.is_set()


async def test_a_caller_that_goes_away(threads: ScuThreads) -> None:
    """Its work is cancelled at the peer, and its thread is free when it is gone."""
    cancelled, asked = threading.Event(), threading.Event()
    with answering(endless(cancelled, asked)) as port:
        waiting = asyncio.create_task(threads.run(peer(port), OFFER, count))
        await until(asked.is_set)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert cancelled.is_set()


async def test_the_service_ends() -> None:
    """Work that hears of nothing has its connection cut; nothing keeps the process."""
    over, asked = threading.Event(), threading.Event()

    def answers(_event: evt.Event) -> Answers:
        asked.set()
        over.wait(30)
        yield 0, None

    with answering(answers) as port:
        async with open_threads(EgressSettings()) as threads:
            waiting = asyncio.create_task(threads.run(peer(port, 30), OFFER, count))
            await asyncio.to_thread(asked.wait, 10)
        with pytest.raises(RemoteFailure, match="this store is shutting down"):
            await waiting
        over.set()

# SPDX-License-Identifier: Apache-2.0
"""Services that answer more than once, are cancelled, and ask on the association they serve."""

import asyncio
import struct
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from types import ModuleType
from typing import Any

import pytest

from pons.dicom.network import dimse
from pons.dicom.network.dimse import Command, Response
from pons.dicom.network.messages import Context, Dataset
from pons.messages.modality import Modality
from pons_ingress.conversation import Conversation
from pons_ingress.service_classes import STUDY_ROOT_FIND, Permission
from pons_ingress.services import IgnoredDataset

StartPort = Callable[..., Any]
Work = Callable[[Conversation], Awaitable[None]]
FIND_RQ, FIND_RSP, CANCEL = 0x0020, 0x8020, 0x0FFF
PENDING, SUCCESS, CANCELLED = 0xFF00, 0x0000, 0xFE00
RELEASE_RQ = b"\5\0\0\0\0\4\0\0\0\0"
RELEASE_RP = (6, bytes(4))


class Scripted:
    """A service that does what a test tells it."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def open_dataset(self, peer: Any, context: Context, command: Command) -> Dataset:
        return IgnoredDataset()

    async def answer(self, conversation: Conversation) -> None:
        await self._work(conversation)


@pytest.fixture
def start_find(start_port: StartPort, wire: ModuleType) -> Callable[..., Any]:
    """A peer associated with a port whose C-FIND does what it is told."""

    def start(work: Work, **settings: Any) -> Any:
        settings = {"always_allow_find": True} | settings
        port = start_port(more_services={Permission.FIND: Scripted(work)}, **settings)
        return associate(port, wire)

    return start


def associate(port: Any, wire: ModuleType, **titles: str) -> Any:
    peer = port.connect(**titles)
    return peer.associate(
        (1, wire.CT, wire.EXPLICIT),
        (3, wire.VERIFICATION, wire.IMPLICIT),
        (5, STUDY_ROOT_FIND, wire.IMPLICIT),
    )


def find(wire: ModuleType, message_id: int = 7) -> bytes:
    command = wire.command(FIND_RQ, STUDY_ROOT_FIND, message_id=message_id)
    return bytes(wire.fragment(5, 3, command) + wire.fragment(5, 2, b"query"))


def about(wire: ModuleType, field: int, message_id: int = 7, status: int | None = None) -> bytes:
    """A command set that says something about a request: a C-CANCEL or a response."""
    content = wire.element(0x0100, struct.pack("<H", field))
    content += wire.element(0x0120, struct.pack("<H", message_id))
    content += wire.element(0x0800, struct.pack("<H", 0x0101))
    if status is not None:
        content += wire.element(0x0900, struct.pack("<H", status))
    return bytes(wire.element(0, struct.pack("<I", len(content))) + content)


async def until_cancelled(conversation: Conversation) -> None:
    for _ in range(3000):
        if conversation.cancelled:
            return
        await asyncio.sleep(0.005)
    raise TimeoutError("nobody cancelled")


def test_answers_before_the_last(start_find: Any, wire: ModuleType) -> None:
    """Pending responses come with their datasets, in order, and one that ends them."""

    async def three(conversation: Conversation) -> None:
        for number in range(3):
            await conversation.respond(Response(PENDING), b"answer %d" % number)
        await conversation.respond(Response(SUCCESS))

    with start_find(three) as peer:
        peer.send(find(wire))
        for number in range(3):
            assert peer.receive_status() == PENDING
            assert peer.receive()[1].endswith(b"answer %d" % number)
        assert peer.receive_status() == SUCCESS
        assert peer.echo() == 0


def test_cancel(start_find: Any, wire: ModuleType) -> None:
    """C-CANCEL reaches the request that it is about, and no other; one that is late is ignored."""

    async def until_told(conversation: Conversation) -> None:
        await conversation.respond(Response(PENDING), b"first")
        await until_cancelled(conversation)
        await conversation.respond(Response(CANCELLED))

    with start_find(until_told) as peer:
        peer.send(find(wire, 8))
        assert peer.receive_status() == PENDING
        assert peer.receive()[1].endswith(b"first")
        peer.send(wire.fragment(5, 3, about(wire, CANCEL, 9)))
        peer.send(wire.fragment(5, 3, about(wire, CANCEL, 8)))
        assert peer.receive_status() == CANCELLED
        peer.send(wire.fragment(5, 3, about(wire, CANCEL, 8)))
        assert peer.echo() == 0


def test_cancel_of_another_request(start_find: Any, wire: ModuleType) -> None:
    """A C-CANCEL with another message ID stops nothing."""
    looked = threading.Event()

    async def look(conversation: Conversation) -> None:
        await conversation.respond(Response(PENDING), b"x")
        await asyncio.to_thread(looked.wait, 15)
        await conversation.respond(Response(CANCELLED if conversation.cancelled else SUCCESS))

    with start_find(look) as peer:
        peer.send(find(wire, 8))
        assert peer.receive_status() == PENDING
        peer.receive()
        peer.send(wire.fragment(5, 3, about(wire, CANCEL, 9)))
        looked.set()
        assert peer.receive_status() == SUCCESS


def test_requests_wait(start_find: Any, wire: ModuleType) -> None:
    """What comes while a service looks for a C-CANCEL waits in order, with back-pressure."""
    flooded = threading.Event()

    async def patient(conversation: Conversation) -> None:
        async with asyncio.timeout(60):
            while not flooded.is_set():
                assert not conversation.cancelled
                await asyncio.sleep(0.005)
        await conversation.respond(Response(SUCCESS))

    with start_find(patient) as peer:
        peer.send(find(wire))
        stores = wire.store("1.2.3") + wire.store("1.2.4", wire.dataset("1.2.4", bytes(30_000_000)))
        sent = peer.flood(stores)
        assert sent < 25_000_000
        flooded.set()
        peer.send(stores[sent:] + RELEASE_RQ)
        assert [peer.receive_status() for _ in range(3)] == [0, 0, 0]
        assert peer.receive() == RELEASE_RP


@pytest.mark.parametrize("last_words", [b"", b"\7\0\0\0\0\4\0\0\0\0"], ids=["lost", "aborted"])
def test_peer_that_goes_away(start_port: StartPort, wire: ModuleType, last_words: bytes) -> None:
    """A service whose peer is gone, or has aborted, learns of it as of a C-CANCEL."""
    stopped = threading.Event()

    async def until_told(conversation: Conversation) -> None:
        await until_cancelled(conversation)
        stopped.set()

    port = start_port(more_services={Permission.FIND: Scripted(until_told)}, always_allow_find=True)
    with associate(port, wire) as peer:
        peer.send(find(wire) + last_words)
        if last_words:
            assert stopped.wait(60)
    assert stopped.wait(60)


def test_request_on_the_same_association(start_find: Any, wire: ModuleType) -> None:
    """A service stores at the peer: the dataset in pieces, a C-CANCEL meanwhile, the status."""
    statuses: list[int] = []

    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"one ", b"two ", b"three "):
            yield piece

    async def store(conversation: Conversation) -> None:
        context = conversation.agreement.contexts[1]
        for status in (0, 0xA700):
            response = await conversation.request(
                context,
                {
                    dimse.COMMAND_FIELD: dimse.C_STORE_RQ,
                    dimse.AFFECTED_SOP_CLASS_UID: wire.CT,
                    dimse.AFFECTED_SOP_INSTANCE_UID: "1.2.3",
                    dimse.PRIORITY: 0,
                },
                pieces() if status == 0 else None,
            )
            statuses.append(response.status)
        last = CANCELLED if conversation.cancelled else SUCCESS
        await conversation.respond(Response(last, elements={dimse.COMPLETED_SUBOPERATIONS: 2}))

    with start_find(store) as peer:
        peer.send(find(wire))
        kind, content = peer.receive()
        assert (kind, content[4:6]) == (4, b"\1\3")
        assert b"\0\0\x00\1\2\0\0\0\1\0" in content
        assert b"".join(peer.receive()[1][6:] for _ in range(3)) == b"one two three "
        peer.send(wire.fragment(5, 3, about(wire, CANCEL)))
        peer.send(wire.fragment(1, 3, about(wire, 0x8001, 1, 0)))
        peer.receive()
        peer.send(wire.fragment(1, 3, about(wire, 0x8001, 2, 0xA700)))
        kind, content = peer.receive()
        assert b"\0\0\x21\x10\2\0\0\0\2\0" in content
        assert b"\0\0\0\x09\2\0\0\0\x00\xfe" in content
    assert statuses == [0, 0xA700]


@pytest.mark.parametrize(
    ("instead", "reason"),
    [("request", 5), ("another response", 5), ("release", 2)],
)
def test_no_response(start_find: Any, wire: ModuleType, instead: str, reason: int) -> None:
    """A peer that does anything else than answer breaks the protocol."""

    async def echo(conversation: Conversation) -> None:
        await conversation.request(
            conversation.agreement.contexts[3],
            {
                dimse.COMMAND_FIELD: dimse.C_ECHO_RQ,
                dimse.AFFECTED_SOP_CLASS_UID: wire.VERIFICATION,
            },
        )

    answers = {
        "request": find(wire, 9),
        "another response": wire.fragment(3, 3, about(wire, 0x8030, 2, 0)),
        "release": RELEASE_RQ,
    }
    with start_find(echo) as peer:
        peer.send(find(wire))
        assert peer.receive()[0] == 4
        peer.send(answers[instead])
        assert peer.receive() == (7, bytes((0, 0, 2, reason)))


def test_silence_instead_of_a_response(start_find: Any, wire: ModuleType) -> None:
    """A peer that never answers has its association ended after the idle timeout."""

    async def echo(conversation: Conversation) -> None:
        command = {dimse.COMMAND_FIELD: dimse.C_ECHO_RQ}
        await conversation.request(conversation.agreement.contexts[3], command)

    with start_find(echo, idle_timeout=1) as peer:
        peer.send(find(wire))
        assert peer.receive()[0] == 4
        assert peer.receive() == (7, bytes(4))


def test_a_peer_that_stops_reading(start_find: Any, wire: ModuleType) -> None:
    """A dataset that the peer does not take is not read on: what is in memory does not grow."""
    read = 0
    ended = threading.Event()

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(200):
            read += 1
            yield bytes(1_000_000)

    async def store(conversation: Conversation) -> None:
        command = {dimse.COMMAND_FIELD: dimse.C_STORE_RQ}
        try:
            await conversation.request(conversation.agreement.contexts[1], command, pieces())
        finally:
            ended.set()

    with start_find(store, idle_timeout=1) as peer:
        peer.send(find(wire))
        assert ended.wait(60)
        assert read < 50


def test_a_peer_that_goes_away_behind_a_request(start_port: StartPort, wire: ModuleType) -> None:
    """A service learns that its peer is gone, also where another request waits for it."""
    stopped = threading.Event()

    async def until_told(conversation: Conversation) -> None:
        await until_cancelled(conversation)
        stopped.set()

    port = start_port(more_services={Permission.FIND: Scripted(until_told)}, always_allow_find=True)
    with associate(port, wire) as peer:
        peer.send(find(wire) + find(wire, 8))
    assert stopped.wait(60)


def test_a_stop_while_a_response_is_awaited(start_port: StartPort, wire: ModuleType) -> None:
    """A stop lets the requests of a service on its association be answered, and its last answer."""

    async def echo(conversation: Conversation) -> None:
        command = {dimse.COMMAND_FIELD: dimse.C_ECHO_RQ}
        for _ in range(2):
            await conversation.request(conversation.agreement.contexts[3], command)
        await conversation.respond(Response(SUCCESS))

    port = start_port(more_services={Permission.FIND: Scripted(echo)}, always_allow_find=True)
    with associate(port, wire) as peer, associate(port, wire) as idle:
        peer.send(find(wire))
        assert peer.receive()[0] == 4
        port.begin_stop()
        assert idle.receive() == (7, bytes(4))
        for message_id in (1, 2):
            peer.send(wire.fragment(3, 3, about(wire, 0x8030, message_id, 0)))
            kind, content = peer.receive()
            assert kind == 4
        assert b"\0\0\x00\1\2\0\0\0\x20\x80" in content
        assert peer.receive() == (7, bytes(4))
    port.stop()


def test_services_that_fail(start_find: Any, wire: ModuleType, logs: list[Any]) -> None:
    """A bug in a service is a failure for the peer, once, and the association goes on."""

    async def fail(conversation: Conversation) -> None:
        await conversation.respond(Response(PENDING), b"x")
        raise ZeroDivisionError

    with start_find(fail) as peer:
        peer.send(find(wire))
        assert peer.receive_status() == PENDING
        peer.receive()
        assert peer.receive_status() == 0xC211
        assert peer.echo() == 0
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["request failed"]


def test_service_of_a_context(start_find: Any, start_port: StartPort, wire: ModuleType) -> None:
    """A C-FIND is served in its context alone, and only where it is permitted."""

    async def succeed(conversation: Conversation) -> None:
        await conversation.respond(Response(SUCCESS))

    def in_storage_context() -> bytes:
        return find(wire).replace(b"\5\3", b"\1\3").replace(b"\5\2query", b"\1\2query")

    with start_find(succeed) as peer:
        peer.send(in_storage_context())
        assert peer.receive_status() == 0x0211
        peer.send(find(wire))
        assert peer.receive_status() == SUCCESS
    known = Modality(aet="KNOWN", host="127.0.0.1", port=104)
    closed = Modality(aet="CLOSED", host="127.0.0.1", port=104, allow_find=False)
    services = {Permission.FIND: Scripted(succeed)}
    port = start_port((known, closed), more_services=services)
    with associate(port, wire, calling="KNOWN") as peer:
        peer.send(find(wire))
        assert peer.receive_status() == SUCCESS
    for title in ("CLOSED", "STRANGER"):
        with associate(port, wire, calling=title) as peer:
            peer.send(find(wire))
            assert peer.receive() == (7, b"\0\0\2\6")

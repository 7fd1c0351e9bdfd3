# SPDX-License-Identifier: Apache-2.0
"""Peers whose answers are none: what they say is not taken for what was asked."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from pydicom import Dataset
from pynetdicom import build_context

from pons.errors import RemoteFailure
from pons.settings import EgressSettings
from pons_egress.association import Instance, open_association
from pons_egress.peer import Peer
from pons_egress.scu.association import Association, Offer
from pons_egress.scu.retrieve import retrieve
from pons_egress.scu.threads import ScuThreads, open_threads
from pons_testing import wire
from pons_testing.waiting import wait_until

pytestmark = pytest.mark.anyio

FIND, MOVE = "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.1.2.2.2"
FIND_RSP, MOVE_RSP, STORE_RSP, ECHO_RSP = 0x8020, 0x8021, 0x8001, 0x8030
RELEASE_RQ, RELEASE_RP = wire.pdu(5, bytes(4)), wire.pdu(6, bytes(4))
NO_ANSWER = "its answer is to no request of ours"


@pytest.fixture
async def threads() -> AsyncIterator[ScuThreads]:
    async with open_threads(EgressSettings()) as threads:
        yield threads


@asynccontextmanager
async def answering(
    *answers: bytes, released: bytes = RELEASE_RP, accepted: bytes = wire.acceptance(1)
) -> AsyncIterator[Peer]:
    """A peer that says the next of these to each message, and then nothing more."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(10)
            left = list(answers)
            for kind, content in pdus(connection):
                if kind == 1:
                    connection.sendall(accepted)
                elif kind == 4 and content[5] == 3 and left and b"\xff\x0f" not in content:
                    connection.sendall(left.pop(0))
                elif kind == 5:
                    connection.sendall(released)
                elif kind == 6:  # of a collision
                    connection.sendall(RELEASE_RP)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield Peer("pacs", "PONS", "PEER", "127.0.0.1", listener.getsockname()[1], 2.0)
        await asyncio.to_thread(thread.join, 15)
        assert not thread.is_alive()


def pdus(connection: socket.socket) -> Iterator[tuple[int, bytes]]:
    """What comes, until the connection ends."""
    with connection.makefile("rb") as stream:
        try:
            while header := stream.read(6):
                yield header[0], stream.read(int.from_bytes(header[2:6], "big"))
        except ConnectionError:
            return


def say(field: int, message_id: int, status: int = 0) -> bytes:
    return wire.fragment(1, 3, wire.response(field, message_id, status))


def echo(association: Association) -> int:
    return int(association.requestor.send_c_echo().Status)


def find(association: Association) -> list[int]:
    responses = association.requestor.send_c_find(Dataset(), FIND, msg_id=1)
    return [status.get("Status") for status, _ in responses]


def move_two(association: Association) -> list[int | None]:
    """How two requests on one association end."""
    studies = [{"00080052": "STUDY", "0020000D": f"1.2.{number}"} for number in (1, 2)]
    return [
        retrieve(
            association, "C-MOVE", keys, lambda _: None, number=number, target_aet="PONS"
        ).status
        for number, keys in enumerate(studies, 1)
    ]


@pytest.mark.parametrize(
    ("model", "work", "answers"),
    [
        ("1.2.840.10008.1.1", echo, [say(ECHO_RSP, 9)]),
        (FIND, find, [say(FIND_RSP, 9)]),
        (MOVE, move_two, [say(MOVE_RSP, 1, 0xFF00) + say(MOVE_RSP, 2, 0)]),
        (MOVE, move_two, [say(MOVE_RSP, 1) + say(MOVE_RSP, 1), say(MOVE_RSP, 2)]),
        (MOVE, move_two, [say(MOVE_RSP, 1), say(MOVE_RSP, 1)]),
    ],
    ids=["echo", "find", "move", "two last answers", "the answer before"],
)
async def test_an_answer_to_another_request(
    threads: ScuThreads, model: str, work: Callable[[Association], object], answers: list[bytes]
) -> None:
    """It ends the association: a retrieval that never was is not told as a success."""
    async with answering(*answers) as peer:
        with pytest.raises(RemoteFailure, match=NO_ANSWER):
            await threads.run(peer, Offer([build_context(model, [wire.IMPLICIT])]), work)


async def test_a_second_last_answer_takes_nothing_of_the_first(threads: ScuThreads) -> None:
    """It is to a request that has ended; a flood of such answers ends the association."""
    offer = Offer([build_context(FIND, [wire.IMPLICIT])])
    async with answering(say(FIND_RSP, 1, 0xB001) + say(FIND_RSP, 1)) as peer:
        assert await threads.run(peer, offer, find) == [0xB001]

    def find_and_wait(association: Association) -> None:
        find(association)
        wait_until(association.cancelled.is_set)

    async with answering(say(FIND_RSP, 1) * 5) as peer:
        with pytest.raises(RemoteFailure, match=NO_ANSWER):
            await threads.run(peer, offer, find_and_wait)


async def test_answers_in_order(threads: ScuThreads) -> None:
    """Two requests on an association, each with its own."""
    offer = Offer([build_context(MOVE, [wire.IMPLICIT])])
    async with answering(say(MOVE_RSP, 1, 0xFF00) + say(MOVE_RSP, 1), say(MOVE_RSP, 2)) as peer:
        assert await threads.run(peer, offer, move_two) == [0, 0]


async def test_a_stored_instance_that_another_answer_confirms() -> None:
    """The same of our own stream."""

    async def pieces() -> AsyncIterator[bytes]:
        yield wire.dataset()

    way = wire.CT, wire.IMPLICIT
    async with answering(say(STORE_RSP, 9)) as peer:
        with pytest.raises(RemoteFailure, match=NO_ANSWER):
            async with open_association(peer, [way], 16384) as association:
                await association.store(1, Instance(wire.CT, "1.2.3"), pieces())


@pytest.mark.parametrize(
    "ending", [say(ECHO_RSP, 1) + RELEASE_RP, RELEASE_RQ], ids=["message", "request"]
)
async def test_more_words_at_the_release(threads: ScuThreads, ending: bytes) -> None:
    """A message after the request to release, or a collision, takes nothing of what was done."""
    offer = Offer([build_context("1.2.840.10008.1.1", [wire.IMPLICIT])])
    async with answering(say(ECHO_RSP, 1), released=ending) as peer:
        assert await threads.run(peer, offer, echo) == 0


async def test_silence_at_the_release(threads: ScuThreads) -> None:
    """A peer that does not answer it is let go after its time."""
    offer = Offer([build_context("1.2.840.10008.1.1", [wire.IMPLICIT])])
    async with answering(say(ECHO_RSP, 1), released=b"") as peer:
        assert await threads.run(peer, offer, echo) == 0


@pytest.mark.parametrize("most", [1, 6, 7])
async def test_a_peer_that_takes_no_message(threads: ScuThreads, most: int) -> None:
    """PDUs into which nothing fits are told as such, and not as an error of ours."""
    length = wire.item(0x51, bytes(4)), wire.item(0x51, most.to_bytes(4, "big"))
    accepted = wire.acceptance(1).replace(*length)
    told = f"takes PDUs of {most} bytes only"
    async with answering(accepted=accepted) as peer:
        with pytest.raises(RemoteFailure, match=told):
            await threads.run(peer, Offer([build_context(FIND, [wire.IMPLICIT])]), find)
    async with answering(accepted=accepted) as peer:
        with pytest.raises(RemoteFailure, match=told):
            async with open_association(peer, [(wire.CT, wire.IMPLICIT)], 16384):
                pytest.fail("there is no association")


async def test_an_encoding_that_was_not_proposed() -> None:
    """A context that is accepted in another one is none: its pixels would be taken for others."""
    accepted = wire.acceptance(1, 9, transfer="1.2.840.10008.1.2.2")
    async with answering(accepted=accepted) as peer:
        with pytest.raises(RemoteFailure) as told:
            async with open_association(peer, [(wire.CT, wire.IMPLICIT)], 16384):
                pytest.fail("there is no association")
    assert "accepts no presentation context for CT Image Storage" in str(told.value)

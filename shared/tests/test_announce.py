# SPDX-License-Identifier: Apache-2.0
"""Announcements: gathered, kept, answered, and given up in time."""

import asyncio
import time
from typing import Any

import msgspec
import pytest
from nats.aio.msg import Msg

from pons.bus import Bus
from pons.errors import Unavailable
from pons.ingest.announce import Announcer
from pons.messages.events import Announcement, Indexed, IndexedBatch, InstanceReceived, StoreFull
from pons_testing.crash import hanging
from pons_testing.events import received
from pons_testing.indexing import FakeIndex, open_fake_index
from pons_testing.nats import NatsServer
from pons_testing.waiting import until

pytestmark = pytest.mark.anyio


async def kept(bus: Bus) -> int:
    return int((await bus.stream.stream_info(bus.names.ingest_stream)).state.messages)


async def announce(
    announcer: Announcer, event: InstanceReceived, seconds: float = 5, **options: Any
) -> Indexed | None:
    """Announce and wait for the answer."""
    return await (await announcer.announce(event, **options)).answer(seconds)


async def test_an_instance_is_announced_and_its_answer_comes_back(
    bus: Bus, index: FakeIndex
) -> None:
    """The event arrives as it was, with a token, and is in the stream."""
    event = received("1.2.3.4.5", t00100010=("PN", "Müller^Jörg"))
    index.answer = ("AlreadyStored", "")
    async with Announcer.open(bus) as announcer:
        answer = await announce(announcer, event, seconds=30)
    assert answer == Indexed(1, "AlreadyStored", "")
    assert index.instances == [msgspec.structs.replace(event, token=1)]
    assert await kept(bus) == 1


async def test_without_an_answer_in_time_there_is_none(bus: Bus, index: FakeIndex) -> None:
    """The event is kept, and its announcer does not wait for ever for the index."""
    index.answer = None
    async with Announcer.open(bus) as announcer:
        assert await announce(announcer, received("1.1"), seconds=0.05) is None
    assert await kept(bus) == 1


async def test_what_comes_together_leaves_together(bus: Bus, index: FakeIndex) -> None:
    """Many associations share the cost of a message, each still hears its own answer."""
    async with Announcer.open(bus) as announcer:
        answers = await asyncio.gather(
            *(announce(announcer, received(f"1.{number}"), 30) for number in range(200))
        )
    assert [answer.token for answer in answers if answer] == list(range(1, 201))
    assert [one.sop_instance_uid for one in index.instances] == [f"1.{n}" for n in range(200)]
    assert len(index.announcements) <= 5


async def test_no_message_is_larger_than_the_server_takes(bus: Bus, index: FakeIndex) -> None:
    """Large headers, and identifiers as long as they may be, are spread over messages."""
    headers = [
        msgspec.structs.replace(received(f"1.{number}"), header=bytes(300_000))
        for number in range(6)
    ]
    names = [
        msgspec.structs.replace(received(f"2.{number}"), patient_id="漢" * 1024)
        for number in range(400)
    ]
    async with Announcer.open(bus) as announcer:
        answers = await asyncio.gather(*(announce(announcer, one, 30) for one in headers + names))
    assert [answer.status for answer in answers if answer] == ["Success"] * 406
    assert max(len(announced.instances) for announced in index.announcements) < 400


async def test_an_event_that_cannot_be_written_fails_alone(bus: Bus, index: FakeIndex) -> None:
    """One broken instance takes neither its neighbours nor the announcer with it."""
    broken = msgspec.structs.replace(received("1.1"), patient_id="\ud800")
    async with Announcer.open(bus) as announcer:
        failed, answer = await asyncio.gather(
            announce(announcer, broken, 30),
            announce(announcer, received("1.2"), 30),
            return_exceptions=True,
        )
        assert isinstance(failed, UnicodeEncodeError)
        assert isinstance(answer, Indexed)
        assert answer.status == "Success"
    assert [one.sop_instance_uid for one in index.instances] == ["1.2"]


async def test_whoever_gives_up_before_it_leaves_is_not_announced(
    own_broker: NatsServer,
) -> None:
    """An association that is gone while NATS is away leaves no announcement for later."""
    async with own_broker.bus() as bus, Announcer.open(bus) as announcer:
        index = await open_fake_index(bus)
        own_broker.embedded.stop()
        await until(lambda: not bus.client.is_connected)
        gone, stays = (
            asyncio.create_task(announce(announcer, received(uid), 30)) for uid in ("1.1", "1.2")
        )
        await asyncio.wait((gone, stays), timeout=0.3)
        gone.cancel()
        await asyncio.wait((gone,))
        await asyncio.to_thread(own_broker.embedded.start)
        answer = await stays
    assert answer is not None
    assert [one.sop_instance_uid for one in index.instances] == ["1.2"]


async def test_announcements_survive_a_restart_of_the_server(own_broker: NatsServer) -> None:
    """NATS may go in the middle and come back: nobody hangs, nobody fails, nothing is missing."""
    async with own_broker.bus() as bus, Announcer.open(bus) as announcer:
        index = await open_fake_index(bus)
        uids = [f"1.{number}" for number in range(60)]

        async def send(sender: int) -> list[Indexed | None]:
            return [await announce(announcer, received(uid), 3) for uid in uids[sender::3]]

        async with asyncio.timeout(90), asyncio.TaskGroup() as group:
            sending = [group.create_task(send(sender)) for sender in range(3)]
            await until(lambda: len(index.instances) > 5)
            own_broker.embedded.stop()
            await until(lambda: not bus.client.is_connected)
            await asyncio.to_thread(own_broker.embedded.start)
        assert [len(task.result()) for task in sending] == [20, 20, 20]
        await until(lambda: {one.sop_instance_uid for one in index.instances} == set(uids))


async def test_a_server_that_does_not_keep_it_in_time_is_unavailable(
    own_broker: NatsServer,
) -> None:
    """While NATS is away an announcement fails when its time is up, and later ones as soon."""
    async with own_broker.bus() as bus, Announcer.open(bus) as announcer:
        own_broker.embedded.stop()
        await until(lambda: not bus.client.is_connected)
        began = time.monotonic()
        results = await asyncio.gather(
            *(announce(announcer, received(f"1.{n}"), 60, within=0.5) for n in range(100)),
            return_exceptions=True,
        )
        assert time.monotonic() - began < 20
        [told] = {str(result) for result in results}
        assert told.startswith("The instance could not be announced (NATS is not connected")
        assert {type(result) for result in results} == {Unavailable}
        await asyncio.to_thread(own_broker.embedded.start)


async def test_a_server_that_hangs_is_unavailable_and_what_it_keeps_later_is_harmless(
    own_broker: NatsServer,
) -> None:
    """It fails although the connection stands; the event may come later, even twice."""
    async with own_broker.bus() as bus, Announcer.open(bus) as announcer:
        index = await open_fake_index(bus)
        with hanging(own_broker.embedded):
            began = time.monotonic()
            with pytest.raises(Unavailable, match="The event stream does not answer"):
                await announce(announcer, received("1.1"), 60, within=1)
            assert time.monotonic() - began < 30
        answer = await announce(announcer, received("1.2"), 30)
        assert answer is not None
        assert answer.token == 2
        assert [one.sop_instance_uid for one in index.instances][-1] == "1.2"


async def test_answers_that_nobody_waits_for_are_passed_over(bus: Bus, index: FakeIndex) -> None:
    """An announcement that arrives twice is answered twice; the second answer harms nobody."""

    async def twice(message: Msg) -> None:
        announced = msgspec.msgpack.decode(message.data, type=Announcement)
        answers = [Indexed(one.token, "Success") for one in announced.instances] * 2
        answers.append(Indexed(999, "Success"))
        payload = msgspec.msgpack.encode(IndexedBatch(answers))
        await bus.send(bus.names.reply(announced.process), payload)

    await bus.subscribe(bus.names.received, twice)
    index.answer = None
    async with Announcer.open(bus) as announcer:
        for token in (1, 2, 3):
            assert await announce(announcer, received("1.1"), 30) == Indexed(token, "Success")


async def test_two_processes_hear_their_own_answers(bus: Bus, index: FakeIndex) -> None:
    """Tokens of two ingress processes are the same numbers, so answers go to their process."""
    async with Announcer.open(bus) as one, Announcer.open(bus) as other:
        await asyncio.gather(announce(one, received("1.1"), 5), announce(other, received("1.2"), 5))
    assert len({announced.process for announced in index.announcements}) == 2
    assert [announced.instances[0].token for announced in index.announcements] == [1, 1]


class BrokenBus:
    """A bus whose publishing has a bug."""

    def __init__(self, bus: Bus) -> None:
        self.names, self.client, self.subscribe = bus.names, bus.client, bus.subscribe

    async def publish(self, *_: object) -> None:
        raise KeyError("a bug")


async def test_a_publisher_that_crashes_ends_the_block_and_whoever_waits(bus: Bus) -> None:
    """Nobody waits for a publisher that is no more: the service ends and is started again."""
    waiting: list[asyncio.Task[Any]] = []

    async def work() -> None:
        broken: Any = BrokenBus(bus)
        async with asyncio.timeout(60), Announcer.open(broken) as announcer:
            waiting.append(asyncio.create_task(announce(announcer, received("1.1"), 30)))
            await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as errors:
        await work()
    assert repr(errors.value.exceptions) == "(KeyError('a bug'),)"
    with pytest.raises(Unavailable, match="the service is ending"):
        await waiting[0]


async def test_nothing_is_announced_after_the_end(bus: Bus) -> None:
    """A straggler hears that the service ends instead of waiting for ever."""
    async with Announcer.open(bus) as announcer:
        pass
    with pytest.raises(Unavailable, match="The service is ending"):
        await announce(announcer, received("1.1"), 30)


async def ask_to_refuse(bus: Bus, index: FakeIndex, *tokens: int) -> list[int]:
    """The index' question whose senders can still be told of a full store."""
    subject = bus.names.full(index.announcements[0].process)
    question = msgspec.msgpack.encode(StoreFull(list(tokens)))
    answer = await bus.client.request(subject, question, timeout=60)
    return msgspec.msgpack.decode(answer.data, type=list[int])


async def test_a_sender_that_waits_hears_of_a_full_store(bus: Bus, index: FakeIndex) -> None:
    """Once given up, an instance stays given up, and its sender hears of it."""
    index.answer = None
    async with Announcer.open(bus) as announcer:
        waiting = asyncio.create_task(announce(announcer, received("1.1"), 30, refusable=True))
        await until(lambda: index.announcements)
        assert await ask_to_refuse(bus, index, 1, 99) == [1]
        assert await waiting == Indexed(1, "StorageFull")
        assert await ask_to_refuse(bus, index, 1) == [1]


async def test_what_was_acknowledged_is_never_given_up(bus: Bus, index: FakeIndex) -> None:
    """Neither an instance whose sender heard Success, nor one announced again after a power cut."""
    index.answer = None
    async with Announcer.open(bus) as announcer:
        assert await announce(announcer, received("1.1"), 0.05, refusable=True) is None
        again = asyncio.create_task(announce(announcer, received("1.2"), 30))
        await until(lambda: len(index.announcements) == 2)
        assert await ask_to_refuse(bus, index, 1, 2) == []
        again.cancel()


async def test_a_refusal_in_the_last_moment_is_told(bus: Bus, index: FakeIndex) -> None:
    """However an answer's deadline and a refusal meet, they never end in a Success given up."""
    index.answer = None
    async with Announcer.open(bus) as announcer:
        for delay in range(30):
            announced = await announcer.announce(received("1.1"), refusable=True)
            waiting = asyncio.create_task(announced.answer(0.03))
            await until(lambda: index.announcements)  # whose process is asked
            await asyncio.sleep(0.024 + delay / 3000)
            refused = await ask_to_refuse(bus, index, delay + 1)
            answer = await waiting
            told = answer is not None and answer.status == "StorageFull"
            assert told == bool(refused)

# SPDX-License-Identifier: Apache-2.0
"""Commands between services, over a real nats-server."""

import asyncio
import time
from typing import Any

import msgspec
import nats.errors
import pytest
from nats.aio.msg import Msg
from structlog.testing import capture_logs

from pons.bus import Bus, open_bus, requests
from pons.bus.requests import answer_commands, ask
from pons.errors import FAMILY, KINDS, PonsError, RemoteFailure, Unavailable, named
from pons.messages.egress import EchoModality
from pons.messages.index import Ancestor, ClearChanges, Deleted, DeleteResource
from pons.messages.services import Done, Ping
from pons_testing.distance import distant
from pons_testing.nats import NatsServer
from pons_testing.waiting import until

pytestmark = pytest.mark.anyio

DELETE = DeleteResource("Study", "00010203-04050607-08090a0b-0c0d0e0f-10111213")


async def test_a_command_is_answered_by_its_handler(bus: Bus) -> None:
    """Question and answer arrive as the values that they were."""
    asked = []

    async def delete(command: DeleteResource) -> Deleted:
        asked.append(command)
        return Deleted(Ancestor("Patient", "P"))

    await answer_commands(bus, "index", {DeleteResource: delete})
    assert await ask(bus, "index", DELETE, Deleted) == Deleted(Ancestor("Patient", "P"))
    assert asked == [DELETE]


@pytest.mark.parametrize("name", sorted({*FAMILY, *KINDS}))
async def test_an_error_of_the_family_is_raised_again_where_it_was_asked(
    name: str, bus: Bus
) -> None:
    """A service that asks another one handles its errors as its own."""

    async def fail(_command: ClearChanges) -> Done:
        failure = named(name, name)("what is wrong", "what to do")
        failure.told = {"More": 1}
        raise failure

    await answer_commands(bus, "index", {ClearChanges: fail})
    with pytest.raises(PonsError) as error:
        await ask(bus, "index", ClearChanges(), Done)
    assert type(error.value).__name__ == name
    assert (error.value.message, error.value.details) == ("what is wrong", "what to do")
    assert error.value.told == {"More": 1}


async def test_a_bug_in_a_handler_is_logged_there_and_told_without_its_secrets(bus: Bus) -> None:
    """Whoever asked hears that it failed, the traceback stays in the log, the next one works."""
    failures = iter([KeyError("secret")])

    async def fail_once(_command: ClearChanges) -> Done:
        for failure in failures:
            raise failure
        return Done()

    await answer_commands(bus, "index", {ClearChanges: fail_once})
    with capture_logs() as logs, pytest.raises(PonsError) as error:
        await ask(bus, "index", ClearChanges(), Done)
    assert type(error.value) is PonsError
    assert str(error.value) == "Internal error (see the log)"
    assert [(entry["event"], entry["command"]) for entry in logs] == [
        ("command failed", "ClearChanges")
    ]
    assert await ask(bus, "index", ClearChanges(), Done) == Done()


async def test_a_command_that_cannot_be_read_is_answered_too(bus: Bus) -> None:
    """A peer of another version hears an error instead of waiting for its timeout."""

    async def delete(_command: DeleteResource) -> Deleted:
        pytest.fail("this is no DeleteResource")

    class Other(msgspec.Struct):
        something: int

    await answer_commands(bus, "index", {DeleteResource: delete})
    Other.__name__ = "DeleteResource"
    with capture_logs(), pytest.raises(PonsError, match="Internal error"):
        await ask(bus, "index", Other(1), Deleted)


async def test_a_service_that_does_not_run_is_told_at_once(bus: Bus) -> None:
    """Without any replica there is nothing to wait for."""
    began = time.monotonic()
    with pytest.raises(Unavailable, match="The egress service is not running"):
        await ask(bus, "egress", EchoModality("ct"), Done)
    assert time.monotonic() - began < 20


@pytest.fixture
def missed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The questions so far that nobody was there to answer."""
    missed: list[str] = []
    answer = requests._answer

    async def noticed(bus: Bus, subject: str, *how: Any) -> Msg:
        try:
            return await answer(bus, subject, *how)
        except nats.errors.NoRespondersError:
            missed.append(subject)
            raise

    monkeypatch.setattr(requests, "_answer", noticed)
    return missed


@pytest.mark.parametrize("silence", [None, 20.0])
async def test_nobody_is_asked_a_few_times(
    bus: Bus, missed: list[str], monkeypatch: pytest.MonkeyPatch, silence: float | None
) -> None:
    """As often as is set, and then it is told."""
    monkeypatch.setattr(requests, "NOBODY_AGAIN", (0.0, 0.01))
    with pytest.raises(Unavailable, match="The index service is not running"):
        await ask(bus, "index", ClearChanges(), Done, silence=silence)
    assert len(missed) == 3


@pytest.mark.parametrize("silence", [None, 20.0])
async def test_a_service_that_is_there_a_moment_later_costs_no_question(
    broker: NatsServer, missed: list[str], monkeypatch: pytest.MonkeyPatch, silence: float | None
) -> None:
    """A server that has just started does not know who listens at others, and between the end of
    the last replica and its successor nobody does."""
    monkeypatch.setattr(requests, "NOBODY_AGAIN", (0.01,) * 10_000)
    settings = broker.settings()

    async def clear(_command: ClearChanges) -> Done:
        return Done()

    async with open_bus(settings) as asking, open_bus(settings) as answering:
        asked = ask(asking, "index", ClearChanges(), Done, silence=silence)
        question = asyncio.ensure_future(asked)
        await until(lambda: missed)
        await answer_commands(answering, "index", {ClearChanges: clear})
        assert await question == Done()


async def test_a_service_that_does_not_answer_in_time_is_unavailable(bus: Bus) -> None:
    """The asker decides how long it waits."""

    async def hang(_command: ClearChanges) -> Done:
        await asyncio.Event().wait()
        return Done()

    await answer_commands(bus, "index", {ClearChanges: hang})
    with pytest.raises(Unavailable, match="The index service does not answer"):
        await ask(bus, "index", ClearChanges(), Done, within=0.2)


async def test_a_command_that_takes_long_is_waited_for(bus: Bus) -> None:
    """As long as its replica gives signs of life."""

    async def slow(_command: ClearChanges) -> Done:
        await asyncio.sleep(4)
        return Done()

    await answer_commands(bus, "index", {ClearChanges: slow})
    assert await ask(bus, "index", ClearChanges(), Done, within=30, silence=2) == Done()


async def test_a_replica_that_dies_with_a_command_is_noticed(bus: Bus) -> None:
    """Whoever asked does not wait as long as the command might have taken."""
    taken = asyncio.Event()

    async def die(_message: Any) -> None:
        taken.set()

    await bus.client.subscribe(bus.names.command("index", "ClearChanges"), cb=die)
    began = time.monotonic()
    with pytest.raises(Unavailable, match="The index service does not answer"):
        await ask(bus, "index", ClearChanges(), Done, within=60, silence=0.4)
    assert taken.is_set()
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("silence", [None, 5.0])
async def test_an_error_after_a_while_is_raised_where_it_was_asked(
    bus: Bus, silence: float | None
) -> None:
    """Signs of life do not stand in its way, nor does the end of the time."""

    async def fail(command: EchoModality) -> Done:
        await asyncio.sleep(command.timeout or 0)
        raise RemoteFailure("no answer")

    await answer_commands(bus, "egress", {EchoModality: fail})
    with pytest.raises(RemoteFailure, match="no answer"):
        await ask(bus, "egress", EchoModality("ct"), Done, silence=silence)
    with pytest.raises(Unavailable, match="does not answer"):
        await ask(bus, "egress", EchoModality("ct", 20), Done, within=0.3, silence=silence)
    with pytest.raises(Unavailable, match="not running"):
        await ask(bus, "render", EchoModality("ct"), Done, silence=silence)


async def test_every_service_answers_a_ping(bus: Bus) -> None:
    """A service without commands of its own is there all the same."""
    await answer_commands(bus, "render", {})
    assert await ask(bus, "render", Ping(), Done) == Done()


async def test_one_replica_carries_a_command_out(broker: NatsServer) -> None:
    """Two replicas do not do the same work twice, and either answers when the other is gone."""
    done: list[str] = []

    def handler(replica: str) -> Any:
        async def clear(_command: ClearChanges) -> Done:
            done.append(replica)
            return Done()

        return clear

    settings = broker.settings()
    async with open_bus(settings) as asking, open_bus(settings) as one:
        async with open_bus(settings) as other:
            await answer_commands(one, "index", {ClearChanges: handler("one")})
            await answer_commands(other, "index", {ClearChanges: handler("other")})
            for _ in range(20):
                await ask(asking, "index", ClearChanges(), Done)
            assert len(done) == 20
        done.clear()
        await ask(asking, "index", ClearChanges(), Done)
        assert done == ["one"]


async def test_a_service_that_answers_is_heard_however_far_its_server_is(
    broker: NatsServer,
) -> None:
    """Once it says that it answers, nobody who is nearer hears that it is not running."""
    settings = broker.settings()
    async with open_bus(settings) as asking:
        account, _, address = settings.nats.url.rpartition("@")
        with distant(address, 40) as led:
            at_a_distance = settings.nats.model_copy(update={"url": f"{account}@{led}"})
            far = settings.model_copy(update={"nats": at_a_distance})
            async with open_bus(far) as answering:
                await answer_commands(answering, "index", {})
                assert await ask(asking, "index", Ping(), Done) == Done()


async def test_no_question_is_lost_when_a_replica_takes_leave(broker: NatsServer) -> None:
    """Whoever asks while a replica ends is answered by another, at once."""

    async def clear(_command: ClearChanges) -> Done:
        return Done()

    settings = broker.settings()
    async with open_bus(settings) as asking, open_bus(settings) as one:
        await answer_commands(one, "index", {ClearChanges: clear})
        for _ in range(10):
            async with open_bus(settings) as other:
                await answer_commands(other, "index", {ClearChanges: clear})
                ending = asyncio.ensure_future(other.take_leave())
                for _ in range(20):
                    await ask(asking, "index", ClearChanges(), Done, within=20)
                await ending
            await ask(asking, "index", ClearChanges(), Done, within=20)


async def test_what_is_under_way_is_answered_before_a_replica_leaves(broker: NatsServer) -> None:
    """What the answer is made of is closed afterwards, and nothing is taken on meanwhile."""
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def clear(_command: ClearChanges) -> Done:
        begun.set()
        await may_end.wait()
        return Done()

    settings = broker.settings()
    async with open_bus(settings) as asking, open_bus(settings) as one:
        await answer_commands(one, "index", {ClearChanges: clear})
        under_way = asyncio.ensure_future(ask(asking, "index", ClearChanges(), Done, within=20))
        await begun.wait()
        leaving = asyncio.ensure_future(one.take_leave())
        while True:  # until the server knows that nobody listens
            try:
                await ask(asking, "index", Ping(), Done, within=20)
            except Unavailable as error:
                if "is not running" in str(error):
                    break
        assert not leaving.done()
        may_end.set()
        await leaving
        assert await under_way == Done()


async def test_a_slow_command_does_not_hold_up_others_of_its_kind(bus: Bus) -> None:
    """A modality that does not answer an echo is no reason for the others to wait."""
    release = asyncio.Event()

    async def echo(command: EchoModality) -> Done:
        if command.modality == "dead":
            await release.wait()
        return Done()

    await answer_commands(bus, "egress", {EchoModality: echo})
    async with asyncio.TaskGroup() as group:
        slow = group.create_task(ask(bus, "egress", EchoModality("dead"), Done))
        assert await ask(bus, "egress", EchoModality("alive"), Done, within=20) == Done()
        assert not slow.done()
        release.set()


async def test_a_command_is_not_kept_for_later_while_nats_is_away(own_broker: NatsServer) -> None:
    """A deletion that was answered with an error does not happen when the server is back."""
    deleted = []

    async def delete(command: DeleteResource) -> Deleted:
        deleted.append(command)
        return Deleted(None)

    settings = own_broker.settings()
    async with open_bus(settings) as asking, open_bus(settings) as answering:
        await answer_commands(answering, "index", {DeleteResource: delete})
        found_again = [bus.connection.when_reconnected() for bus in (asking, answering)]
        own_broker.embedded.stop()
        await until(lambda: not asking.client.is_connected)
        began = time.monotonic()
        with pytest.raises(Unavailable, match="NATS is not connected"):
            await ask(asking, "index", DELETE, Deleted)
        assert time.monotonic() - began < 20
        await asyncio.to_thread(own_broker.embedded.start)
        # A client is connected before the server knows again what it answers.
        await until(lambda: all(event.is_set() for event in found_again))
        assert await ask(asking, "index", DELETE, Deleted) == Deleted(None)
    assert deleted == [DELETE]

# SPDX-License-Identifier: Apache-2.0
"""Writes asked of another service: NATS request and reply, any replica answers.

A command is a `msgspec.Struct` of `pons.messages`; its class name is part of the subject. An error
of the family crosses as its name, and is raised again on the asking side.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

import msgspec
import nats.errors
import structlog
from nats.aio.client import NO_RESPONDERS_STATUS
from nats.aio.msg import Msg
from nats.js.api import Header

from pons.bus.connection import Bus
from pons.errors import PonsError, Unavailable, family_name, kind_name, log_text, named
from pons.health.readiness import Health
from pons.messages.services import Done, HealthReport, Ping, ReportHealth
from pons.traces.attributes import Attribute
from pons.traces.spans import HEADER, Attributes, span, trace_headers

log = structlog.get_logger()

T = TypeVar("T")
Handler = Callable[[Any], Awaitable[Any]]

ANSWER_TIMEOUT = 30.0
SIGN_EVERY, SIGN = "Pons-Sign-Every", "Pons-Sign"
"""Headers: of a command, seconds after which a sign of life is wanted; and of such a sign."""
NOBODY_AGAIN = (0.05, 0.1, 0.2)
"""Seconds to wait before a service is asked once more that nobody seems to run: a server of a NATS
cluster that has just started, or lost another one, does not know yet who listens there, and the
last replica may be about to start again. Nobody has heard the question, so that it may be put
again; what really does not run is told a third of a second later."""
CONCURRENT = 16
"""Commands of one type that a replica works on at once, so that a slow one holds up no other."""

_NIL = msgspec.Raw(msgspec.msgpack.encode(None))


class _Reply(msgspec.Struct, frozen=True):
    result: msgspec.Raw = _NIL
    error: str = ""
    kind: str = ""
    message: str = ""
    details: str = ""
    told: dict[str, Any] = {}


async def ask(
    bus: Bus,
    service: str,
    command: msgspec.Struct,
    answer: type[T],
    within: float = ANSWER_TIMEOUT,
    silence: float | None = None,
) -> T:
    """What `service` answers to `command`, in `within` seconds.

    With `silence`, the replica that works on it gives signs of life, and counts as gone after so
    many seconds without one: for commands that may take long.

    Raises the error that the service raised, or `Unavailable` when none of its replicas answers;
    then the command may or may not have been carried out.
    """
    bus.require_connection()
    subject = bus.names.command(service, type(command).__name__)
    try:
        payload = msgspec.msgpack.encode(command)
        with span(type(command).__name__, "client", _about(service, type(command))):
            message = await _heard(bus, subject, payload, within, silence)
    except nats.errors.NoRespondersError:
        raise Unavailable(f"The {service} service is not running", "try again shortly") from None
    except (nats.errors.Error, TimeoutError) as error:
        raise Unavailable(f"The {service} service does not answer") from error
    reply = msgspec.msgpack.decode(message.data, type=_Reply)
    if reply.error:
        failure = named(reply.error, reply.kind)(reply.message, reply.details)
        failure.told = reply.told
        raise failure
    return msgspec.msgpack.decode(reply.result, type=answer)


def _about(service: str, command: type[msgspec.Struct]) -> Attributes:
    return {
        Attribute.RPC_SYSTEM: "nats",
        Attribute.RPC_SERVICE: service,
        Attribute.RPC_METHOD: command.__name__,
    }


async def _heard(
    bus: Bus, subject: str, payload: bytes, within: float, silence: float | None
) -> Msg:
    """The answer of whoever listens, be it a moment later."""
    for pause in NOBODY_AGAIN:
        try:
            return await _answer(bus, subject, payload, within, silence)
        except nats.errors.NoRespondersError:
            await asyncio.sleep(pause)
            bus.require_connection()
    return await _answer(bus, subject, payload, within, silence)


async def _answer(
    bus: Bus, subject: str, payload: bytes, within: float, silence: float | None
) -> Msg:
    if silence is not None:
        return await _listen(bus, subject, payload, within, silence)
    told = trace_headers() or None
    return await bus.client.request(subject, payload, timeout=within, headers=told)


async def _listen(bus: Bus, subject: str, payload: bytes, within: float, silence: float) -> Msg:
    """The answer, with signs of life before it."""
    inbox = bus.client.new_inbox()
    subscription = await bus.client.subscribe(inbox)
    wanted = {SIGN_EVERY: f"{silence / 4:g}"} | trace_headers()
    try:
        await bus.client.publish(subject, payload, reply=inbox, headers=wanted)
        async with asyncio.timeout(within):
            while True:
                message = await subscription.next_msg(silence)
                told = message.headers or {}
                if told.get(Header.STATUS) == NO_RESPONDERS_STATUS:
                    raise nats.errors.NoRespondersError
                if SIGN not in told:
                    return message
    finally:
        with suppress(nats.errors.Error):  # of a connection that is closed, nothing is left
            await subscription.unsubscribe()


async def answer_commands(
    bus: Bus,
    service: str,
    handlers: dict[type[msgspec.Struct], Handler],
    health: Health | None = None,
) -> None:
    """Answer each command type with its handler, and `Ping`; one replica per command.

    With `health` also `ReportHealth`.
    """
    answered: dict[type[msgspec.Struct], Handler] = {Ping: _pong, **handlers}
    if health is not None:
        own = health

        async def report(_command: ReportHealth) -> HealthReport:
            return HealthReport(await own.failures(), own.told())

        answered[ReportHealth] = report
    subscribing = (
        bus.subscribe(
            bus.names.command(service, command.__name__),
            _answering(bus, service, command, handler),
            queue=service,
            concurrent=CONCURRENT,
        )
        for command, handler in answered.items()
    )
    await asyncio.gather(*subscribing)  # one round trip to the server for all


async def _pong(_ping: Ping) -> Done:
    return Done()


def _answering(
    bus: Bus, service: str, command: type[msgspec.Struct], handler: Handler
) -> Callable[[Msg], Awaitable[None]]:
    async def answer(message: Msg) -> None:
        headers = message.headers or {}
        seconds = float(headers.get(SIGN_EVERY, 0))
        async with asyncio.TaskGroup() as group:
            signs = group.create_task(give_signs(message, seconds)) if seconds else None
            reply = await _reply(message.data, headers.get(HEADER, ""))
            if signs is not None:
                signs.cancel()
        try:
            await message.respond(msgspec.msgpack.encode(reply))
        except nats.errors.Error as error:
            # Whoever asked hears nothing, as when this replica had died after the command.
            log.warning("answer not sent", command=command.__name__, error=repr(error))

    async def give_signs(message: Msg, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            with suppress(nats.errors.Error):  # who asked hears the next one, or gives up
                await bus.client.publish(message.reply, b"", headers={SIGN: command.__name__})

    async def _reply(payload: bytes, parent: str) -> _Reply:
        about = _about(service, command)
        try:
            with span(command.__name__, "consumer", about, parent=parent):
                result = await handler(msgspec.msgpack.decode(payload, type=command))
            return _Reply(result=msgspec.Raw(msgspec.msgpack.encode(result)))
        except PonsError as error:
            if error.__cause__ is not None:
                log.warning("command refused", command=command.__name__, error=log_text(error))
            return _Reply(
                error=family_name(error) or "PonsError",
                kind=kind_name(error),
                message=error.message,
                details=error.details,
                told=error.told,
            )
        except Exception:  # the edge: anything else is a bug, told as such to whoever asked
            log.exception("command failed", command=command.__name__)
            return _Reply(error="PonsError", message="Internal error", details="see the log")

    return answer

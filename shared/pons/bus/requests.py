# SPDX-License-Identifier: Apache-2.0
"""Writes asked of another service: NATS request and reply, any replica answers.

A command is a `msgspec.Struct` of `pons.messages`; its class name is part of the subject. An error
of the family crosses as its name, and is raised again on the asking side.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
import nats.errors
import structlog
from nats.aio.msg import Msg

from pons.bus.connection import Bus
from pons.errors import FAMILY, PonsError, Unavailable, family_name, log_text
from pons.health.readiness import Health
from pons.messages.services import Done, HealthReport, Ping, ReportHealth

log = structlog.get_logger()

T = TypeVar("T")
Handler = Callable[[Any], Awaitable[Any]]

ANSWER_TIMEOUT = 30.0
CONCURRENT = 16
"""Commands of one type that a replica works on at once, so that a slow one holds up no other."""

_NIL = msgspec.Raw(msgspec.msgpack.encode(None))


class _Reply(msgspec.Struct, frozen=True):
    result: msgspec.Raw = _NIL
    error: str = ""
    message: str = ""
    details: str = ""
    told: dict[str, Any] = {}


async def ask(
    bus: Bus,
    service: str,
    command: msgspec.Struct,
    answer: type[T],
    within: float = ANSWER_TIMEOUT,
) -> T:
    """What `service` answers to `command`, in `within` seconds.

    Raises the error that the service raised, or `Unavailable` when none of its replicas answers;
    then the command may or may not have been carried out.
    """
    bus.require_connection()
    subject = bus.names.command(service, type(command).__name__)
    try:
        message = await bus.client.request(subject, msgspec.msgpack.encode(command), timeout=within)
    except nats.errors.NoRespondersError:
        raise Unavailable(f"The {service} service is not running", "try again shortly") from None
    except (nats.errors.Error, TimeoutError) as error:
        raise Unavailable(f"The {service} service does not answer") from error
    reply = msgspec.msgpack.decode(message.data, type=_Reply)
    if reply.error:
        failure = FAMILY.get(reply.error, PonsError)(reply.message, reply.details)
        failure.told = reply.told
        raise failure
    return msgspec.msgpack.decode(reply.result, type=answer)


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
    for command, handler in answered.items():
        await bus.subscribe(
            bus.names.command(service, command.__name__),
            _answering(command, handler),
            queue=service,
            concurrent=CONCURRENT,
        )


async def _pong(_ping: Ping) -> Done:
    return Done()


def _answering(command: type[msgspec.Struct], handler: Handler) -> Callable[[Msg], Awaitable[None]]:
    async def answer(message: Msg) -> None:
        reply = await _reply(message.data)
        try:
            await message.respond(msgspec.msgpack.encode(reply))
        except nats.errors.Error as error:
            # Whoever asked hears nothing, as when this replica had died after the command.
            log.warning("answer not sent", command=command.__name__, error=repr(error))

    async def _reply(payload: bytes) -> _Reply:
        try:
            result = await handler(msgspec.msgpack.decode(payload, type=command))
            return _Reply(result=msgspec.Raw(msgspec.msgpack.encode(result)))
        except PonsError as error:
            if error.__cause__ is not None:
                log.warning("command refused", command=command.__name__, error=log_text(error))
            return _Reply(
                error=family_name(error) or "PonsError",
                message=error.message,
                details=error.details,
                told=error.told,
            )
        except Exception:  # the edge: anything else is a bug, told as such to whoever asked
            log.exception("command failed", command=command.__name__)
            return _Reply(error="PonsError", message="Internal error", details="see the log")

    return answer

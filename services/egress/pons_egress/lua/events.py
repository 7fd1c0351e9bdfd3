# SPDX-License-Identifier: Apache-2.0
"""From changes to functions of scripts: each event once, in its order."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import structlog
from nats.aio.msg import Msg

from pons.errors import PonsError, Unavailable, log_text
from pons.lua.functions import DELETED, EVENTS
from pons.lua.scripts import ScriptFailed, ScriptLost, Scripts
from pons.messages.events import Change, Changes, Deletion
from pons_egress.metrics import LUA_EVENTS

log = structlog.get_logger()

Tell = Callable[[Change], Awaitable[list[Any] | None]]
"""What a function is told of a change; None where there is nothing left to tell of."""
Perform = Callable[[Sequence[dict[str, str]]], Awaitable[None]]


class Events:
    """Tells scripts, and has done what they want.

    An error in a script is logged, as is one that takes too long, and what cannot be told or done:
    the next event may go well. Every method raises `Unavailable` when something of ours is away;
    then the message comes again.
    """

    def __init__(self, scripts: Scripts, tell: Tell, perform: Perform) -> None:
        """`perform` does what a function wants done."""
        self._scripts = scripts
        self._tell = tell
        self._perform = perform
        self._begun = (0, 0)
        """The message that was taken last, and how many of its changes were dealt with."""

    async def take_changes(self, message: Msg) -> None:
        """Tell scripts of a run of changes; of one that comes again, what is left of it."""
        try:
            run = msgspec.msgpack.decode(message.data, type=Changes)
        except msgspec.DecodeError:
            log.exception("changes cannot be read")
            return
        number = message.metadata.sequence.stream
        done = self._begun[1] if self._begun[0] == number else 0
        for position, event in enumerate(_in_order(run)[done:], done + 1):
            if isinstance(event, Deletion):
                await self.tell(DELETED[event.level], event.resource_id)
            elif function := EVENTS.get((event.change_type, event.level)):
                await self._take_change(function, event)
            self._begun = (number, position)

    async def _take_change(self, function: str, change: Change) -> None:
        if not self._scripts.defines(function):
            return
        try:
            told = await self._tell(change)
        except Unavailable:
            raise
        except Exception as error:  # the edge: one that comes again would end this service again
            _fail("lua event cannot be told", function, error)
            return
        if told is None:
            log.info("lua event passed over", seq=change.seq, reason="the resource is gone")
        else:
            await self.tell(function, *told)

    async def tell(self, function: str, *told: Any) -> None:
        """Call a function where scripts define it, and have done what it wants."""
        if not self._scripts.defines(function):
            return
        try:
            outcome = await self._scripts.call(function, *told, event=True)
            await self._perform(outcome.operations)
        except (ScriptFailed, ScriptLost) as error:
            _fail("lua function failed", function, error)
        except Unavailable:
            raise
        except Exception as error:  # the edge, as above
            _fail("what lua wants is not done", function, error)
        else:
            LUA_EVENTS.labels(function, "success").inc()


def _in_order(run: Changes) -> list[Change | Deletion]:
    """What has happened, as it did: a deletion is between two changes."""
    return sorted(
        [*run.changes, *run.deletions],
        key=lambda one: (one.after, 1) if isinstance(one, Deletion) else (one.seq, 0),
    )


def _fail(what: str, function: str, error: Exception) -> None:
    """Log and count it; anything but our errors is a bug, and told with its traceback."""
    LUA_EVENTS.labels(function, "failure").inc()
    bug = None if isinstance(error, PonsError) else error
    log.error(what, function=function, error=log_text(error), exc_info=bug)

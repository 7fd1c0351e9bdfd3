# SPDX-License-Identifier: Apache-2.0
"""From the change feed to labels and to the queues of destinations: which rules hold of a change.

The place in the feed is JetStream's (a durable consumer that all replicas share), and moves on once
what follows from a change is in the queues. So nothing is left out; what a crash repeats is put
into a queue, and sent, once more at most.
"""

import asyncio
from collections.abc import Mapping, Sequence

import msgspec
import structlog
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from pons.bus import Bus, check_cancelled
from pons.bus.connection import AWAY, ROUTER
from pons.bus.pulling import pulling
from pons.bus.requests import ask
from pons.errors import NotFound, PonsError, Unavailable, log_text
from pons.health.pulse import Pulse
from pons.messages.destinations import is_told
from pons.messages.events import Change, Changes
from pons.messages.index import PutLabel
from pons.messages.services import Done
from pons.routing.evaluation import Evaluator
from pons.routing.queues import Queues, Waiting
from pons.routing.rules import Rule, Rules
from pons_egress.metrics import CIRCLES, LABELS_FAILED, NOT_ROUTED, ROUTED
from pons_egress.routing.rounds import Rounds

log = structlog.get_logger()

IDLE = 20.0
"""Seconds without a change after which we look whether the feed still knows us."""
AT_ONCE = 16
"""Changes that rules are asked of at once."""
PAUSE = 1.0
"""Seconds before the next try when something of ours is away."""
UNRULED = 500
"""Messages that a store without rules passes over at once, every `PAUSE` seconds: to take each when
it comes would cost every arrival of an instance for nothing."""

OFTEN = "it has gone there as often a day as routing.rounds allows: does it come back from there?"


class Router:
    """Applies the rules. Any number of replicas share the feed."""

    def __init__(
        self,
        bus: Bus,
        evaluator: Evaluator,
        rules: Rules,
        rounds: int,
    ) -> None:
        """The same thing is put into the same queue so many `rounds` within a day, and no more."""
        self._bus = bus
        self._evaluator = evaluator
        self._rules = rules
        self._queues = Queues(bus)
        self._rounds = Rounds(rounds)
        self._counted = 0
        """The last change whose rounds were counted: what comes again after a failure is none."""

    async def run(self) -> None:
        """Work until cancelled."""
        with self._bus.pulses.during("routing") as pulse:
            while True:
                check_cancelled()
                try:
                    await self._bus.ensure_streams()
                    stream = self._bus.names.changes_stream
                    feed = await self._bus.stream.pull_subscribe_bind(ROUTER, stream=stream)
                    async with pulling(feed):
                        await self._follow(feed, pulse)
                except (Unavailable, *AWAY) as error:
                    pulse.fail(f"changes cannot be routed now: {error!r}")
                    log.warning("routing waits", error=repr(error))
                    await asyncio.sleep(PAUSE)

    async def _follow(self, feed: JetStreamContext.PullSubscription, pulse: Pulse) -> None:
        """Route what the feed has; raises when somebody is away, or the feed forgot us."""
        batch, seconds = 1, IDLE
        while True:
            check_cancelled()
            try:
                messages = await feed.fetch(batch, timeout=seconds)
            except TimeoutError:
                batch, seconds = 1, IDLE
                await feed.consumer_info()
                pulse.succeed()
                continue
            for message in messages:
                pulse.begin()
                await self._take(message)
                pulse.succeed()
            if self._rules.applied():
                batch, seconds = 1, IDLE
                continue
            if len(messages) < UNRULED:
                await asyncio.sleep(PAUSE)
            batch, seconds = UNRULED, PAUSE

    async def _take(self, message: Msg) -> None:
        try:
            changes = msgspec.msgpack.decode(message.data, type=Changes).changes
        except msgspec.DecodeError:
            log.exception("changes cannot be read")
            await message.term()
            return
        try:
            for start in range(0, len(changes), AT_ONCE):
                if start:
                    await message.in_progress()
                await self.route(changes[start : start + AT_ONCE])
        except Unavailable:
            await message.nak(delay=PAUSE)
            raise
        await message.ack()

    async def route(self, changes: Sequence[Change]) -> None:
        """Put what follows from the changes into queues, in their order. Raises `Unavailable`.

        Labels come first, so that rules that ask for them see those of the same changes.
        """
        applied = self._rules.applied()
        if not applied:
            return
        labelling = {name: rule for name, rule in applied.items() if rule.Label}
        if labelling:
            for change in changes:
                await self._label(change, labelling)
        found = await asyncio.gather(*(self._holding(change, applied) for change in changes))
        for change, holding in zip(changes, found, strict=True):
            if holding:
                await self._put_in_order(change, holding)

    async def _put_in_order(self, change: Change, holding: Mapping[str, Rule]) -> None:
        """As `_put`; one change that it trips over must not end the routing."""
        try:
            await self._put(change, holding)
        except (Unavailable, *AWAY):
            raise
        except Exception:
            log.exception("change not routed", seq=change.seq)
            NOT_ROUTED.inc()

    async def _put(self, change: Change, holding: Mapping[str, Rule]) -> None:
        """Put a change into the queues of the rules that hold of it, but what goes in a circle."""
        thing = await self._evaluator.thing(change.level, change.resource_id)
        passed = []
        for name, rule in holding.items():
            waiting = Waiting(
                name,
                change.seq,
                change.change_type,
                change.level,
                change.resource_id,
                change.date,
                change.trace,
            )
            for destination in rule.destinations:
                again = f"{name} {destination} {thing}"
                if self._goes_round(destination, again):
                    if change.seq > self._counted:
                        CIRCLES.labels(name, destination).inc()
                        log.error(
                            "not sent in a circle",
                            rule=name,
                            destination=destination,
                            resource=change.resource_id,
                            reason=OFTEN,
                        )
                    continue
                await self._queues.put(destination, waiting)
                ROUTED.labels(name, destination).inc()
                passed.append(again)
        if change.seq > self._counted:
            for again in passed:
                self._rounds.count(again)
            self._counted = change.seq

    def _goes_round(self, destination: str, again: str) -> bool:
        """Whether it has been put into a queue as often as it may; webhooks are told each time."""
        return not is_told(destination) and self._rounds.over(again)

    async def _label(self, change: Change, rules: Mapping[str, Rule]) -> None:
        """Put the labels of the rules that hold of a change. May be repeated."""
        for name, rule in (await self._holding(change, rules)).items():
            for label in rule.Label or ():
                command = PutLabel(change.level, change.resource_id, label)
                try:
                    await ask(self._bus, "index", command, Done)
                except NotFound:  # deleted meanwhile
                    return
                except Unavailable:
                    raise
                except PonsError as error:
                    log.error("not labelled", seq=change.seq, rule=name, error=log_text(error))
                    LABELS_FAILED.inc()

    async def _holding(self, change: Change, rules: Mapping[str, Rule]) -> dict[str, Rule]:
        """The rules that hold of a change. What cannot be told is logged, and holds up no other."""
        waiting = {name: rule for name, rule in rules.items() if rule.On == change.change_type}
        if not waiting:
            return {}
        try:
            return await self._evaluator.holding(change.level, change.resource_id, waiting)
        except Unavailable:
            raise
        except PonsError as error:
            log.error("change not routed", seq=change.seq, error=log_text(error))
        except Exception:  # the edge: one change that rules trip over must not end the routing
            log.exception("change not routed", seq=change.seq)
        NOT_ROUTED.inc()
        return {}

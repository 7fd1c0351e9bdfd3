# SPDX-License-Identifier: Apache-2.0
"""How far a job is that sends instances: where it goes on, and what its content tells."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from pons.bus import Bus
from pons.catalog import InstanceToSend
from pons.errors import NotFound, RemoteFailure
from pons.jobs import Run
from pons.jobs.document import FILTERED, WARNED
from pons.jobs.failures import Failures, order_of
from pons.jobs.shown import MOST_NAMED, failed_instances
from pons.sending.source import Lookup
from pons_egress.exports import ExportLog


class Incomplete(RemoteFailure):
    """Not all that was to be sent has arrived, be it that the other side did not take it or that
    this one could not send it."""


class Position(msgspec.Struct, frozen=True):
    """How far a job is, and where to go on."""

    done: int = 0
    failed: int = 0
    last: str = ""
    """The instance that was dealt with last; others may have come or gone since."""
    unlogged: list[str] = []
    """Sent, and not yet in the exports log, once some have failed."""
    reasons: dict[str, str] = {}
    """Instances that failed, to why; the first `MOST_NAMED`."""
    passed: int = 0
    """How many there are up to `last` in the order in which the job sends: its place is one less.
    Not `done`, as others may have gone since."""
    failures: Failures = Failures()
    """All that failed; whoever knows the instances finds them by it."""
    filtered: int = 0
    """Those that scripts did not want to be sent."""
    warned: int = 0
    """Those that the peer has kept, and answered with a warning."""
    size: int = 0
    """Bytes that have left."""
    total: int = 0
    """How many there were in all when this was kept; 0: nobody knows."""


class Progress:
    """One run of a job that sends the instances of some resources, one after the other."""

    def __init__(
        self,
        run: Run,
        resources: list[str],
        position: Position,
        left: list[InstanceToSend],
        exports: ExportLog,
        more: Callable[[Position], Mapping[str, Any]],
        *,
        complete: bool = False,
    ) -> None:
        """`more` is what the content of this kind of job says beside.

        `complete` says that the job fails in the end when an instance was left out.
        """
        self._run = run
        self._resources = resources
        self._exports = exports
        self._more = more
        self._complete = complete
        self.position = msgspec.structs.replace(position, total=position.done + len(left))
        self.left = left
        """The instances that are to be sent, in their order."""

    def told(self) -> Mapping[str, Any]:
        """What the job's content says of it."""
        failed = {"FailedInstancesCount": self.position.failed}
        named = failed_instances(self.position.reasons)
        return {
            "InstancesCount": self.position.total,
            **named,
            **failed,
            **({FILTERED: self.position.filtered} if self.position.filtered else {}),
            **({WARNED: self.position.warned} if self.position.warned else {}),
            **self._more(self.position),
        }

    async def sent(self, instance: InstanceToSend, size: int = 0, *, warned: bool = False) -> None:
        """The peer has the instance, be it with a warning; `size` bytes have left for it."""
        await self._exports.add(instance)
        before = self.position
        await self._pass(instance, size=before.size + size, warned=before.warned + warned)

    async def left_out(self, instance: InstanceToSend, why: str) -> None:
        """The peer has not got the instance, and the job goes on without it."""
        await self._exports.leave_out()
        before = self.position
        reasons = before.reasons
        if len(reasons) < MOST_NAMED:
            reasons = {**reasons, instance.instance_id: why}
        failures = before.failures.adding(before.passed)
        await self._pass(instance, failed=before.failed + 1, failures=failures, reasons=reasons)

    async def held_back(self, instance: InstanceToSend) -> None:
        """The peer is not to get the instance: that is no failure, and nothing was sent."""
        await self._exports.leave_out()
        await self._pass(instance, filtered=self.position.filtered + 1)

    async def note_sent(self, instance: InstanceToSend) -> None:
        """The peer has the instance, but the job breaks off at one before it."""
        await self._exports.add(instance)

    async def break_off(self) -> None:
        """Tell the index what was sent before the job broke off."""
        await self._exports.break_off()

    async def close(self) -> None:
        """Tell the index of all that was sent. Raises `Unavailable`; repeating it adds nothing.

        Raises `RemoteFailure` when all was to arrive, and something was left out.
        """
        await self._exports.close(self._resources)
        await self.keep()
        failed = self.position.failed
        if self._complete and failed:
            first = next(iter(self.position.reasons.values()))
            total = self.position.total
            why = f"{failed} of {total} instances did not arrive"
            raise Incomplete(f"{why}; of the first: {first}", final=True, why=why)

    async def keep(self) -> None:
        """Keep how far the job is."""
        self._replace(unlogged=self._exports.waiting)
        await self._run.step(
            self.position.done / self.position.total if self.position.total else 1.0,
            self.told(),
            msgspec.to_builtins(self.position),
        )

    async def _pass(self, instance: InstanceToSend, **changes: Any) -> None:
        before = self.position
        self._replace(
            done=before.done + 1, passed=before.passed + 1, last=instance.instance_id, **changes
        )
        await self.keep()

    def _replace(self, **changes: Any) -> None:
        self.position = msgspec.structs.replace(self.position, **changes)


async def begin(
    run: Run,
    bus: Bus,
    catalog: Lookup,
    resources: list[str],
    destination: str,
    more: Callable[[Position], Mapping[str, Any]] = lambda _: {},
    *,
    complete: bool = False,
) -> Progress:
    """Where the job `run` begins, or goes on.

    Raises `NotFound` for a resource that is unknown, also for one that was deleted while the job
    rested with something left to send: what is not there any more has not been sent.

    With `complete` all that is there is to arrive: resources deleted since are passed over,
    and a job that left instances out begins anew when it is tried again.
    """
    position = msgspec.convert(run.document.position or {}, Position)
    over = 0 < position.total <= position.done
    if not over and not complete:
        known = await catalog.known(resources)
        for resource in resources:
            if resource not in known:
                raise NotFound(f"There is no resource {resource!r} in this store")
    instances = await catalog.archive.instances_to_send(resources)
    order = order_of(instance.instance_id for instance in instances)
    position, left = _resume(position, instances, order)
    if complete and position.failed and not left:
        position, left = Position(), instances
    failures = msgspec.structs.replace(position.failures, order=order)
    position = msgspec.structs.replace(position, failures=failures)
    unlogged, whole = set(position.unlogged), not (position.failed or position.filtered)
    passed = instances[: len(instances) - len(left)]
    sent = [i for i in passed if whole or i.instance_id in unlogged]
    exports = ExportLog(bus, run.id, destination, sent, whole=whole)
    return Progress(run, resources, position, left, exports, more, complete=complete)


def _resume(
    position: Position, instances: list[InstanceToSend], order: str
) -> tuple[Position, list[InstanceToSend]]:
    """Where to go on, and what is left: what follows the instance that was dealt with last.

    When that one is gone, all of them once more: sending twice does no harm, leaving out does. So
    too when some have failed, and others than those are in their places since.
    """
    ids = [instance.instance_id for instance in instances]
    known = position.failures.order
    if position.last not in ids or (position.failed and known and known != order):
        return Position(), instances
    passed = ids.index(position.last) + 1
    return msgspec.structs.replace(position, passed=passed), instances[passed:]

# SPDX-License-Identifier: Apache-2.0
"""Keeps programs running: starts them, starts them again when they die, and ends them in order."""

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pons.runtime.exit_codes import RESTART_STORE, STOP_STORE
from pons_embedded.command import Command, last_line
from pons_embedded.errors import Refusal
from pons_embedded.supervised import Probe, Program, Supervised

__all__ = ["Probe", "Program", "Supervisor", "Wishes", "bound_log", "stop_on_signals"]

READY_PATIENCE = 90.0
OPEN_PATIENCE = 10.0
"""Seconds for which a door that comes back waits for the other services; the first time it waits
until they are ready."""
LOG_LIMIT = 16 << 20
LOG_INTERVAL = 15.0


@dataclass(frozen=True)
class Wishes:
    """What people ask of a running store, once each."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    hurry: asyncio.Event = field(default_factory=asyncio.Event)


def stop_on_signals(wishes: Wishes, say: Callable[[str], None]) -> None:
    """A first signal asks to stop, a second to do so at once."""

    def on_signal() -> None:
        if wishes.stop.is_set():
            wishes.hurry.set()
            say("stopping at once")
        else:
            wishes.stop.set()
            say("stopping")

    loop = asyncio.get_running_loop()
    for name in ("SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP"):
        if number := getattr(signal, name, None):
            if name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN:
                continue  # nohup: the store outlives its terminal
            try:
                loop.add_signal_handler(number, on_signal)
            except NotImplementedError:  # Windows
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(on_signal))


class Running(NamedTuple):
    """A program that runs."""

    program: Program
    pid: int
    command: Command


class Supervisor:
    """Runs backing programs, then services, and tells when everything is ready.

    Parameters
    ----------
    backing, services
        Services start when every backing program is ready.
    say
        Takes a line for people.
    changed
        Called when a process started, so that it can be written down.
    wishes
        When to stop, and when to do so at once.
    """

    def __init__(
        self,
        backing: Iterable[Program],
        services: Iterable[Program],
        say: Callable[[str], None],
        changed: Callable[["Supervisor"], None],
        wishes: Wishes | None = None,
    ) -> None:
        self.was_ready = False
        self.wishes = wishes or Wishes()
        self._backing = [self._supervised(one, say, changed) for one in backing]
        self._services = [self._supervised(one, say, changed) for one in services]

    def _supervised(
        self, program: Program, say: Callable[[str], None], changed: Callable[["Supervisor"], None]
    ) -> Supervised:
        return Supervised(
            program,
            say,
            lambda: changed(self),
            lambda: self.was_ready,
            asked=self._asked,
            others_ready=self._others_ready,
        )

    async def _others_ready(self) -> None:
        """Return when every service is ready but those that wait for this to open."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(OPEN_PATIENCE if self.was_ready else None):
                for supervised in self._services:
                    if not supervised.program.opens_last:
                        await supervised.ready.wait()

    def _asked(self, code: int) -> None:
        """What a service asks for by its exit code: the end of the store, or a new start."""
        if code == STOP_STORE:
            self.wishes.stop.set()
        elif code == RESTART_STORE:
            for supervised in self._services:
                supervised.restart()

    @property
    def running(self) -> list[Running]:
        """Every program that runs."""
        return [
            Running(supervised.program, supervised.process.pid, supervised.command)
            for supervised in (*self._backing, *self._services)
            if supervised.command is not None
            and supervised.process is not None
            and supervised.process.returncode is None
        ]

    def restart(self, name: str) -> None:
        """End a program in order, so that it is started again."""
        for supervised in (*self._backing, *self._services):
            if supervised.program.name == name:
                supervised.restart()

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Everything, from the first start until it is to stop and all has ended in order.

        Raises `Refusal` when the store cannot be made ready; nothing runs then.
        """
        keeping: list[asyncio.Task[None]] = []
        bounding = asyncio.create_task(self._bound_logs())
        try:
            for group in (self._backing, self._services):
                if self.wishes.stop.is_set():
                    return
                keeping += [asyncio.create_task(supervised.keep()) for supervised in group]
                if not await self._until_ready(group, keeping):
                    return
            self.was_ready = True
            on_ready()
            await self._first_of([self.wishes.stop.wait()], keeping)
        finally:
            bounding.cancel()
            await self._end_in_order()
            await asyncio.gather(*keeping, bounding, return_exceptions=True)

    async def _until_ready(
        self, group: Sequence[Supervised], keeping: Sequence[asyncio.Task[None]]
    ) -> bool:
        """Wait until all of `group` are ready; False when asked to stop before."""

        async def all_ready() -> None:
            for supervised in group:
                await supervised.ready.wait()

        try:
            async with asyncio.timeout(READY_PATIENCE):
                await self._first_of([all_ready(), self.wishes.stop.wait()], keeping)
        except TimeoutError:
            late = [supervised.program for supervised in group if not supervised.ready.is_set()]
            raise Refusal(
                f"not ready after {READY_PATIENCE:g} s: "
                + "; ".join(f"{one.name}: {last_line(one.log)} (see {one.log})" for one in late)
            ) from None
        return not self.wishes.stop.is_set()

    async def _first_of(
        self, waits: Sequence[object], keeping: Sequence[asyncio.Task[None]]
    ) -> None:
        """Return when one of `waits` is over; raise what ended one of `keeping` before."""
        tasks = [asyncio.ensure_future(one) for one in waits]  # type: ignore[call-overload]
        try:
            await asyncio.wait((*tasks, *keeping), return_when=asyncio.FIRST_COMPLETED)
            for task in keeping:
                if task.done():
                    task.result()
        finally:
            for task in tasks:
                task.cancel()

    async def _end_in_order(self) -> None:
        everything = (*self._backing, *self._services)
        for stage in sorted({supervised.program.stage for supervised in everything}):
            at_once = [supervised for supervised in everything if supervised.program.stage == stage]
            await asyncio.gather(*(supervised.end(self.wishes.hurry) for supervised in at_once))

    async def _bound_logs(self) -> None:
        """Move a log that has grown aside; what is still written goes to its new beginning."""
        while True:
            await asyncio.sleep(LOG_INTERVAL)
            for supervised in (*self._backing, *self._services):
                bound_log(supervised.program.log)


def bound_log(log: Path, limit: int = LOG_LIMIT) -> None:
    """Keep a log and its predecessor (`.1`) below about `limit` bytes each.

    Programs append to the log by themselves, so that they go on when the supervisor is killed;
    hence it is copied and emptied instead of renamed.
    """
    with contextlib.suppress(OSError):
        if log.stat().st_size > limit:
            shutil.copyfile(log, log.with_name(log.name + ".1"))
            os.truncate(log, 0)

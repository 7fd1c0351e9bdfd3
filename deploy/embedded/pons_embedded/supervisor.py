# SPDX-License-Identifier: Apache-2.0
"""Keeps programs running: starts them, starts them again when they die, and ends them in order."""

import asyncio
import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pons.exit_codes import RESTART_STORE, STOP_STORE
from pons_embedded.command import Command, cannot_start, last_line, open_log, send
from pons_embedded.errors import Refusal

DELAYS = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds before a program that died is started again: the first time, the second, ..."""
SETTLED = 30.0
"""A program that ran for so many seconds begins again with the shortest delay."""
EARLY_DEATHS = 5
"""So many deaths before a store was ready once, and it will never be."""
READY_PATIENCE = 90.0
READY_INTERVAL = 0.05
STOP_PATIENCE = 12.0
HURRY_PATIENCE = 5.0
LOG_LIMIT = 16 << 20
LOG_INTERVAL = 15.0


@dataclass(frozen=True)
class Probe:
    """Where a program says over HTTP that it is well."""

    host: str
    port: int
    path: str


@dataclass(frozen=True)
class Program:
    """What the supervisor has to know about a program."""

    name: str
    prepare: Callable[[], Command]
    """Called before each start, may block and raise `Refusal`."""
    ready: Callable[[int], bool]
    """Whether the process with this id does its work; may block for a moment."""
    log: Path
    stage: int
    """Programs end in the order of their stages."""
    probe: Callable[[], Probe | None] = lambda: None
    """Where the process that started last is asked; None when it has no such place."""


@dataclass
class Kept:
    """One program that is kept running."""

    program: Program
    say: Callable[[str], None]
    changed: Callable[[], None]
    store_was_ready: Callable[[], bool]
    process: asyncio.subprocess.Process | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    asked: Callable[[int], None] = lambda _code: None
    """Told of every exit code: some ask for something."""
    _command: Command | None = None
    _ending: asyncio.Event = field(default_factory=asyncio.Event)
    _done: asyncio.Event = field(default_factory=asyncio.Event)

    async def keep(self) -> None:
        """Run the program again and again until `end`.

        Raises `Refusal` when it dies too often before the store was ready for the first time.
        """
        deaths = 0
        try:
            while not self._ending.is_set():
                began = time.monotonic()
                outcome = await self._run_once()
                if self._ending.is_set():
                    return
                deaths = 1 if time.monotonic() - began > SETTLED else deaths + 1
                if deaths >= EARLY_DEATHS and not self.store_was_ready():
                    raise Refusal(
                        f"{self.program.name} {outcome} each time it was started "
                        f"(see {self.program.log})"
                    )
                delay = DELAYS[min(deaths, len(DELAYS)) - 1]
                self.say(f"{self.program.name} {outcome}; starting it again in {delay} s")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._ending.wait(), delay)
        finally:
            self._done.set()

    async def _run_once(self) -> str:
        """Run the program until it ends; how it ended, in words."""
        try:
            self._command = await asyncio.to_thread(self.program.prepare)
        except Refusal as refusal:
            if not self.store_was_ready():
                raise
            return f"cannot be started ({refusal})"
        try:
            process = self.process = await _started(self._command, self.program.log)
        except OSError as error:
            if not self.store_was_ready():
                raise Refusal(cannot_start(self._command, error)) from None
            return f"cannot be started ({error})"
        watching = asyncio.create_task(self._watch_ready(process))
        try:
            self.changed()
            if self._ending.is_set():
                self._send(self._command.stop_signal)
            code = await process.wait()
            self.asked(code)
            # A program that was killed had no time to say why.
            why = last_line(self.program.log) if code > 0 else ""
            return _in_words(code) + (f", saying: {why}" if why else "")
        finally:
            if process.returncode is None:  # something went wrong here: nobody else would end it
                self._send(None)
                await process.wait()
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            self.ready.clear()

    async def _watch_ready(self, process: asyncio.subprocess.Process) -> None:
        while not self.ready.is_set():
            if await asyncio.to_thread(self.program.ready, process.pid):
                self.ready.set()
            await asyncio.sleep(READY_INTERVAL)

    def restart(self) -> None:
        """Stop the program in order; `keep` starts it again."""
        if self._command is not None:
            self._send(self._command.stop_signal)

    async def end(self, hurry: asyncio.Event) -> None:
        """Stop the program; at once when `hurry` is set, and surely after `STOP_PATIENCE`."""
        self._ending.set()
        if self._command is None:
            return
        for number, patience, ready_to_wait in (
            (self._command.stop_signal, STOP_PATIENCE, True),
            (self._command.hurry_signal, HURRY_PATIENCE, False),
            (None, HURRY_PATIENCE, False),
        ):
            if self._done.is_set() or (ready_to_wait and hurry.is_set()):
                continue
            self._send(number)
            waits = [asyncio.create_task(self._done.wait())]
            if ready_to_wait:
                waits.append(asyncio.create_task(hurry.wait()))
            await asyncio.wait(waits, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            for task in waits:
                task.cancel()

    def _send(self, number: signal.Signals | None) -> None:
        if self.process is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill() if number is None else send(self.process.pid, number)


@dataclass(frozen=True)
class Wishes:
    """What people ask of a running store, once each."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    hurry: asyncio.Event = field(default_factory=asyncio.Event)


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
        self._backing = [self._kept(one, say, changed) for one in backing]
        self._services = [self._kept(one, say, changed) for one in services]

    def _kept(
        self, program: Program, say: Callable[[str], None], changed: Callable[["Supervisor"], None]
    ) -> Kept:
        return Kept(program, say, lambda: changed(self), lambda: self.was_ready, asked=self._asked)

    def _asked(self, code: int) -> None:
        """What a service asks for by its exit code: the end of the store, or a new start."""
        if code == STOP_STORE:
            self.wishes.stop.set()
        elif code == RESTART_STORE:
            for kept in self._services:
                kept.restart()

    @property
    def running(self) -> list[tuple[Program, int]]:
        """Every program that runs, with its process id."""
        return [
            (kept.program, kept.process.pid)
            for kept in (*self._backing, *self._services)
            if kept.process is not None and kept.process.returncode is None
        ]

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
                keeping += [asyncio.create_task(kept.keep()) for kept in group]
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
        self, group: Sequence[Kept], keeping: Sequence[asyncio.Task[None]]
    ) -> bool:
        """Wait until all of `group` are ready; False when asked to stop before."""

        async def all_ready() -> None:
            for kept in group:
                await kept.ready.wait()

        try:
            async with asyncio.timeout(READY_PATIENCE):
                await self._first_of([all_ready(), self.wishes.stop.wait()], keeping)
        except TimeoutError:
            late = [kept.program for kept in group if not kept.ready.is_set()]
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
        for stage in sorted({kept.program.stage for kept in everything}):
            at_once = [kept for kept in everything if kept.program.stage == stage]
            await asyncio.gather(*(kept.end(self.wishes.hurry) for kept in at_once))

    async def _bound_logs(self) -> None:
        """Move a log that has grown aside; what is still written goes to its new beginning."""
        while True:
            await asyncio.sleep(LOG_INTERVAL)
            for kept in (*self._backing, *self._services):
                bound_log(kept.program.log)


async def _started(command: Command, log: Path) -> asyncio.subprocess.Process:
    output = open_log(log)
    try:
        return await asyncio.create_subprocess_exec(
            *command.argv, stdout=output, **command.options()
        )
    finally:
        os.close(output)


def bound_log(log: Path, limit: int = LOG_LIMIT) -> None:
    """Keep a log and its predecessor (`.1`) below about `limit` bytes each.

    Programs append to the log by themselves, so that they go on when the supervisor is killed;
    hence it is copied and emptied instead of renamed.
    """
    with contextlib.suppress(OSError):
        if log.stat().st_size > limit:
            shutil.copyfile(log, log.with_name(log.name + ".1"))
            os.truncate(log, 0)


def _in_words(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"

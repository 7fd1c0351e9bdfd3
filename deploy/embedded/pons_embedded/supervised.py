# SPDX-License-Identifier: Apache-2.0
"""One program that is kept running: started, started again when it dies or hangs, and ended."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from pons.runtime.exit_codes import OPEN
from pons_embedded.command import (
    Command,
    cannot_start,
    end_group,
    go_on,
    last_line,
    open_log,
    send,
)
from pons_embedded.errors import Refusal
from pons_embedded.forked import Forked, ForkServer
from pons_embedded.liveness import Ask, until_hung

Process = asyncio.subprocess.Process | Forked

DELAYS = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds before a program that died is started again: the first time, the second, ..."""
SETTLED = 30.0
"""A program that ran for so many seconds begins again with the shortest delay."""
EARLY_DEATHS = 5
"""So many deaths before a store was ready once, and it will never be."""
READY_INTERVAL = 0.05
TROUBLE_INTERVAL = 2.0
STOP_PATIENCE = 12.0
HURRY_PATIENCE = 5.0


async def _at_once() -> None:
    """Nothing to wait for."""


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
    lives: Ask | None = None
    """Asks the process that started last whether it lives; None: nobody asks."""
    patience: float = 0.0
    """Seconds without an answer after which a process hangs; 0: it never does."""
    trouble: Callable[[], str] | None = None
    """Why the process has to be started again although it answers; empty while it need not. May
    block for a moment. None: it never has to."""
    input: int = asyncio.subprocess.DEVNULL
    """The standard input."""
    forks: ForkServer | None = None
    """Makes the process, where it can; None: it is started plainly."""
    end_patience: float = STOP_PATIENCE
    """Seconds that it may take to end in order."""
    opens_last: bool = False
    """It is told on its standard input when it may open."""


@dataclass
class Supervised:
    """One program that is kept running."""

    program: Program
    say: Callable[[str], None]
    changed: Callable[[], None]
    store_was_ready: Callable[[], bool]
    process: Process | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    asked: Callable[[int], None] = lambda _code: None
    """Told of every exit code: some ask for something."""
    others_ready: Callable[[], Awaitable[None]] = _at_once
    """Waited for before a program that opens last is told to."""
    command: Command | None = None
    """How it was started last."""
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
            self.command = await asyncio.to_thread(self.program.prepare)
        except Refusal as refusal:
            if not self.store_was_ready():
                raise
            return f"cannot be started ({refusal})"
        try:
            process = self.process = await _started(self.command, self.program)
        except OSError as error:
            if not self.store_was_ready():
                raise Refusal(cannot_start(self.command, error)) from None
            return f"cannot be started ({error})"
        watching = [
            asyncio.create_task(watch(process))
            for watch in (
                self._watch_ready,
                self._watch_lives,
                self._watch_trouble,
                self._let_open,
            )
        ]
        try:
            self.changed()
            if self._ending.is_set():
                self._send(self.command.stop_signal)
            code = await process.wait()
            self.asked(code)
            # A program that was killed had no time to say why.
            why = last_line(self.program.log) if code > 0 else ""
            return _in_words(code) + (f", saying: {why}" if why else "")
        finally:
            if process.returncode is None:  # something went wrong here: nobody else would end it
                self._send(None)
                await process.wait()
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)
            self.ready.clear()

    async def _watch_ready(self, process: Process) -> None:
        while not self.ready.is_set():
            if await asyncio.to_thread(self.program.ready, process.pid):
                self.ready.set()
            await asyncio.sleep(READY_INTERVAL)

    async def _watch_lives(self, process: Process) -> None:
        """End a process that hangs, as it does not by itself; `keep` starts it again."""
        name, lives, patience = self.program.name, self.program.lives, self.program.patience
        if lives is None or not patience:
            return
        await until_hung(process.pid, lives, patience, self.ready.is_set)
        self.say(f"{name} has not answered for {patience:g} s and is ended")
        await self._end_process()

    async def _watch_trouble(self, _process: Process) -> None:
        """End a process that answers and yet cannot work, once two looks have found the same."""
        trouble = self.program.trouble
        if trouble is None:
            return
        before, now = "", ""
        while not now or now != before:
            await asyncio.sleep(TROUBLE_INTERVAL)
            before, now = now, await asyncio.to_thread(trouble)
        self.say(f"{now}: {self.program.name} is started again")
        await self._end_process()

    async def _end_process(self) -> None:
        """Stop the process in order, or else for sure; `keep` starts it again."""
        self.restart()
        await asyncio.sleep(HURRY_PATIENCE)
        self._send(None)

    async def _let_open(self, process: Process) -> None:
        if self.program.opens_last and process.stdin is not None:
            await self.others_ready()
            process.stdin.write(OPEN)

    def restart(self) -> None:
        """Stop the program in order; `keep` starts it again."""
        self.ready.clear()
        if self.command is not None:
            self._send(self.command.stop_signal)

    async def end(self, hurry: asyncio.Event) -> None:
        """Stop the program; at once when `hurry` is set, and surely after its patience."""
        self._ending.set()
        if self.command is None:
            return
        for number, patience, ready_to_wait in (
            (self.command.stop_signal, self.program.end_patience, True),
            (self.command.hurry_signal, HURRY_PATIENCE, False),
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
        """Send a stop signal, or end the process and all of its group for sure."""
        if self.process is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                if number is None:
                    end_group(self.process.pid)
                else:
                    send(self.process.pid, number)
                    # One that was stopped hears nothing before it goes on.
                    go_on(self.process.pid)


async def _started(command: Command, program: Program) -> Process:
    output = open_log(program.log)
    stdin = asyncio.subprocess.PIPE if program.opens_last else program.input
    try:
        if program.forks is not None and (
            forked := await program.forks.start(command, stdin, output)
        ):
            return forked
        options = command.options() | {"stdin": stdin}
        return await asyncio.create_subprocess_exec(*command.argv, stdout=output, **options)
    finally:
        os.close(output)


def _in_words(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"

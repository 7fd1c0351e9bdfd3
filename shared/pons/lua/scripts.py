# SPDX-License-Identifier: Apache-2.0
"""A store's scripts, loaded into a process of their own: called, and loaded again when it ends."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from pons.errors import BadRequest, PonsError, ScriptUnavailable
from pons.lua.frames import Call, Load, Outcome, Wanted
from pons.lua.functions import CALLBACKS, FINALIZE, INITIALIZE
from pons.lua.process import Door, LuaProcess, ProcessEnded
from pons.settings import LuaSettings, SettingsError

log = structlog.get_logger()

TRIES = 3
"""Calls when the process is ended from outside: then nobody knows how far the last one came."""
PATIENCE = 2
"""Times the seconds of a call that it may wait for others, and be done in."""
START_SECONDS = 30.0
"""For a process to start, and for each file of the settings to load, on a busy machine."""
STARTS = 3
"""Tries when the process does not get that far in time, before the service gives up."""

NOTHING = Load("nothing", b"")
"""Its outcome says what is defined."""

KINDS: dict[Wanted, tuple[type, ...]] = {
    "nothing": (type(None),),
    "boolean": (bool,),
    "number": (int, float),
    "table": (dict, list),
}
"""What a function may return of which something is wanted."""


class ScriptFailed(BadRequest):
    """The script is wrong, or raised an error."""


class ScriptLost(ScriptUnavailable):
    """A script took too long, or its process ended: what it was asked may have happened."""


class NotAsked(ScriptUnavailable):
    """Scripts are busy, or could not be loaded: a try that comes later may go well."""


class TooSlow(ScriptLost):
    """It took longer than it may, and was ended."""


class ProcessLost(ScriptLost):
    """The process was ended from outside: another try may go well."""


@dataclass(frozen=True, slots=True)
class _Turn:
    request: Load | Call
    answer: asyncio.Future[Outcome]


class Scripts:
    """One Lua state, asked by any number of tasks, one after the other.

    It is made of the files of the settings and of what `posted` gives, again whenever its process
    has ended. Open it with `open_scripts`; without scripts it defines nothing, and costs nothing.
    """

    def __init__(
        self,
        settings: LuaSettings,
        doors: Mapping[str, Door],
        posted: Callable[[], Mapping[str, bytes]] = dict,
        seconds: float | None = None,
    ) -> None:
        """`posted` gives scripts that clients have posted, in their order, by name; `seconds` are
        those that one call may take."""
        self._settings = settings
        self._doors = doors
        self._posted = posted
        self._configured: frozenset[str] = frozenset()
        self._loaded: set[str] = set()
        """Posted scripts that this process has, or is about to have."""
        self._in_force: set[str] = set()
        """Those whose functions count already."""
        self._seconds = seconds or settings.timeout
        self._process: LuaProcess | None = None
        self._turns: asyncio.Queue[_Turn] = asyncio.Queue()
        self._defined: frozenset[str] = frozenset()
        self._hopeless: set[str] = set()
        """Posted scripts that took this process along: they are not tried again."""
        self._doubtful: frozenset[str] = frozenset()
        """Functions that posted scripts name which could not be loaded here."""

    @property
    def pid(self) -> int | None:
        """The number of the process, while there is one."""
        return self._process.pid if self._process else None

    def defines(self, function: str) -> bool:
        """Whether scripts define it, or may, so that it is worth to `call` it."""
        return function in self._defined or function in self._doubtful

    def is_posted(self, function: str) -> bool:
        """Whether it is there by posted scripts alone: no file of the settings defines it."""
        return self.defines(function) and function not in self._configured

    async def call(
        self, function: str, *arguments: Any, wanted: Wanted = "nothing", event: bool = False
    ) -> Outcome:
        """Call a function that scripts define; again when its process is ended from outside.

        Raises `ScriptFailed` for an error in it, also for another value than is `wanted`,
        `ScriptLost`, and `NotAsked`, also where nobody knows what it is: a filter that could not be
        loaded lets nothing in.
        """
        outcome = await self._call(Call(function, list(arguments), wanted, event))
        if type(outcome.value) not in KINDS[wanted]:  # a bool is an int to isinstance
            kind = "nothing" if outcome.value is None else type(outcome.value).__name__
            raise ScriptFailed(f"Lua function {function} returned {kind}, expected a {wanted}")
        return outcome

    async def _call(self, call: Call) -> Outcome:
        for _ in range(TRIES - 1):
            with suppress(ProcessLost):
                return await self._ask(call)
        return await self._ask(call)

    async def run(self, name: str, script: bytes) -> Outcome:
        """Run a script that is posted. Raises as `call` does."""
        outcome = await self._ask(Load("script", script), name)
        self._doubtful -= _settled(script, outcome)
        return outcome

    async def catch_up(self) -> None:
        """Load what was posted since, wherever: what it defines is defined then."""
        if not self._posted().keys() <= self._in_force:
            await self._ask(NOTHING)

    async def work(self) -> None:
        """Take turns until cancelled."""
        while True:
            turn = await self._turns.get()
            if turn.answer.done():
                continue  # whoever asked has gone
            try:
                outcome = await self._perform(turn.request)
            except Exception as error:
                if not turn.answer.done():
                    turn.answer.set_exception(error)
            else:
                if not turn.answer.done():
                    turn.answer.set_result(outcome)

    async def start(self) -> None:
        """Load everything, once before the first call. Raises `SettingsError` where that fails."""
        slow = 0
        while True:
            tried = len(self._hopeless)
            try:
                return await self._start()
            except PonsError as error:
                if len(self._hopeless) > tried:
                    continue  # without that one it may go well
                slow += 1
                if slow == STARTS or not isinstance(error, TooSlow | ProcessLost):
                    raise SettingsError(str(error)) from error
                log.warning("lua scripts are loaded again", error=str(error))

    async def end(self) -> None:
        """Call `Finalize`, if that is defined, and end the process."""
        try:
            if self._process is not None and self.defines(FINALIZE):
                await self._perform(Call(FINALIZE, []))
        except PonsError as error:
            log.error("lua function failed", function=FINALIZE, error=str(error))
        finally:
            await self._end()

    async def _ask(self, request: Load | Call, name: str = "") -> Outcome:
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._turns.put_nowait(_Turn(request, answer))
        patience = PATIENCE * self._seconds + START_SECONDS
        try:
            async with asyncio.timeout(patience):
                return await answer
        except TimeoutError:
            raise NotAsked(f"Lua scripts were busy for {patience:g} s", "try again later") from None
        finally:
            if name and answer.done() and not answer.cancelled():
                self._loaded.add(name)
            answer.cancel()

    async def _perform(self, request: Load | Call) -> Outcome:
        try:
            if self._process is None:
                await self._start()
            else:
                await self._load_posted()
        except PonsError as error:
            raise NotAsked("Lua scripts could not be loaded", str(error)) from error
        if isinstance(request, Call) and request.function in self._doubtful:
            raise NotAsked(
                f"A posted Lua script that names {request.function} could not be loaded",
                "see the log; post one that defines it and asks nothing of others by itself",
            )
        return await self._take(request, settled=True)

    async def _take(
        self, request: Load | Call, *, settled: bool = False, seconds: float = 0
    ) -> Outcome:
        """Let the process that there is do something. Raises `ScriptFailed`, `ScriptLost`.

        It has so many `seconds`; else those of a call.

        `settled` says that everything is loaded. What is defined before that counts for nothing: a
        filter that is about to be loaded again must not be passed by.
        """
        what = request.function if isinstance(request, Call) else request.name
        seconds = seconds or self._seconds
        assert self._process is not None
        try:
            async with asyncio.timeout(seconds):
                outcome = await self._process.ask(request, self._doors)
        except TimeoutError:
            await self._end()
            raise TooSlow(f"Lua {what} took longer than {seconds:g} s", "it was ended") from None
        except ProcessEnded:
            await self._end()
            raise ProcessLost(f"The process of Lua scripts ended in {what}") from None
        except BaseException:
            await self._end()
            raise
        if outcome.lost:
            await self._end()
            raise ScriptLost(f"Lua {what} was ended", outcome.error)
        if settled:
            self._defined = frozenset(outcome.defined)
            self._in_force = set(self._loaded)
        if outcome.printed and isinstance(request, Call):
            log.info("lua says", function=what, text=outcome.printed.decode(errors="replace"))
        if outcome.error:
            raise ScriptFailed(f"Lua {what} failed", outcome.error)
        return outcome

    async def _start(self) -> None:
        """Start a process, and load what it is to know."""
        doing = "to start"
        try:
            self._process = await LuaProcess.start(self._settings.memory_mb)
            self._loaded = set()
            outcome = await self._take(NOTHING, seconds=START_SECONDS)
            for path in self._settings.scripts:
                doing = f"to load {path}"
                script = Load(Path(path).name, await asyncio.to_thread(_read, path))
                outcome = await self._take(script, seconds=START_SECONDS)
            self._configured = frozenset(outcome.defined)
            doing = "to load posted scripts"
            await self._load_posted()
            await self._take(NOTHING, settled=True, seconds=START_SECONDS)
        except TooSlow as error:
            await self._end()
            raise TooSlow(
                f"The process of Lua scripts took too long {doing}",
                f"{error.message}: is the machine very busy, or does a script work for long while "
                "it is loaded? What takes long belongs into a function such as Initialize",
            ) from error
        except PonsError:
            await self._end()
            raise
        log.info("lua scripts loaded", defined=sorted(self._defined), pid=self.pid)
        if self.defines(INITIALIZE):
            try:
                await self._take(Call(INITIALIZE, []), settled=True)
            except ScriptFailed as error:
                log.error("lua function failed", function=INITIALIZE, error=str(error))

    async def _load_posted(self) -> None:
        """What cannot be loaded is in doubt until a later script defines it."""
        doubtful = self._doubtful
        for name, script in self._posted().items():
            if name in self._loaded:
                continue
            self._loaded.add(name)
            if name not in self._hopeless:
                try:
                    outcome = await self._take(Load("script", script, quiet=True))
                except ScriptLost as error:
                    if not isinstance(error, ProcessLost):
                        self._hopeless.add(name)
                    log.error("posted lua script failed", name=name, error=str(error))
                    # All are loaded again with the next call, which nothing may pass by.
                    self._doubtful = doubtful.union(*map(_named, self._posted().values()))
                    raise
                except ScriptFailed as error:
                    log.error("posted lua script failed", name=name, error=str(error))
                else:
                    doubtful -= _settled(script, outcome)
                    continue
            doubtful |= _named(script)
        self._doubtful = doubtful

    async def _end(self) -> None:
        if self._process is not None:
            process, self._process = self._process, None
            await process.end()


def _named(script: bytes) -> frozenset[str]:
    """The functions that a script may define, or take away."""
    return frozenset(name for name in CALLBACKS if name.encode() in script)


def _settled(script: bytes, outcome: Outcome) -> frozenset[str]:
    """The functions that a script has defined, or taken away."""
    gone = {name.decode() for name in re.findall(rb"\b(\w+)\s*=\s*nil\b", script)}
    return _named(script) & (gone | set(outcome.defined))


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ScriptFailed(f"Lua script {path} cannot be read", error.strerror or "") from error


@asynccontextmanager
async def open_scripts(
    settings: LuaSettings,
    doors: Mapping[str, Door],
    posted: Callable[[], Mapping[str, bytes]] = dict,
    seconds: float | None = None,
) -> AsyncIterator[Scripts]:
    """A store's scripts, loaded, as long as the block runs; see `Scripts`.

    Raises `SettingsError` when one of the files cannot be read, or is wrong.
    """
    scripts = Scripts(settings, doors, posted, seconds)
    if not settings.calls_back:
        yield scripts
        return
    await scripts.start()
    async with asyncio.TaskGroup() as group:
        working = group.create_task(scripts.work())
        try:
            yield scripts
        finally:
            working.cancel()
            await asyncio.wait((working,))
            await scripts.end()

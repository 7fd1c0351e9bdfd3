# SPDX-License-Identifier: Apache-2.0
"""Runs scripts in processes that can be killed, which is the only way to stop some of them."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from pons.errors import BadRequest, Forbidden, TooLarge
from pons.lua.callbacks import Callbacks
from pons.messages.egress import RunScript, ScriptRun
from pons.settings import LuaSettings

MAX_OUTPUT = 16 * 1024 * 1024
AT_ONCE = 2
PIECE = 64 * 1024
MAX_KEPT = 256 * 1024
"""Bytes of a script that may define something for the whole store."""
OTHERS_SECONDS = 60.0
"""What a script may wait for the functions that are called before it."""


class LuaFailed(BadRequest):
    """The script is wrong, raised an error, or went beyond its bounds."""


class Scripts:
    """Runs scripts, a few at once; the others wait."""

    def __init__(
        self,
        settings: LuaSettings,
        callbacks: Callbacks | None = None,
        ask: Callable[..., Awaitable[Any]] | None = None,
    ) -> None:
        """With `lua.callbacks`, `ask` asks egress, and `callbacks` are those of this process."""
        self._settings = settings
        self._callbacks = callbacks
        self._ask = ask
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def run(self, script: bytes) -> bytes:
        """What `script` prints. What it defines stays with `lua.callbacks`; otherwise the next one
        begins with nothing defined.

        Raises `Forbidden` unless `lua.execute`, and `LuaFailed`.
        """
        if not self._settings.execute:
            raise Forbidden("Lua scripts are not run here", "setting lua.execute allows them")
        if self._settings.callbacks:
            return await self._run_for_all(script)
        async with self._slots:
            return await self._run(script)

    async def _run_for_all(self, script: bytes) -> bytes:
        """Where functions are told of events, so that it sees what these have seen."""
        if len(script) > MAX_KEPT:
            raise TooLarge(f"The script is larger than {MAX_KEPT >> 10} KiB")
        assert self._ask is not None
        assert self._callbacks is not None
        within = self._settings.event_timeout + OTHERS_SECONDS
        try:
            run = await self._ask("egress", RunScript(script), ScriptRun, within=within)
        except BadRequest as error:
            raise LuaFailed(error.message, error.details) from error
        if run.kept:
            await self._callbacks.see(run.kept)
        printed: bytes = run.printed
        return printed

    async def _run(self, script: bytes) -> bytes:
        # -I and an empty environment: the process knows nothing of this one but the script.
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-m", "pons_gateway.lua.sandbox"),
            *(str(self._settings.memory_mb), str(self._settings.timeout)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=None if os.name == "nt" else {},  # Windows needs some of it
        )
        try:
            async with asyncio.timeout(self._settings.timeout):
                output, complaint = await _talk(process, script)
        except TimeoutError:
            raise LuaFailed(f"The script ran longer than {self._settings.timeout:g} s") from None
        finally:
            await _end(process)
        if len(output) > MAX_OUTPUT:
            raise LuaFailed(f"The script printed more than {MAX_OUTPUT >> 20} MiB")
        if process.returncode:
            raise LuaFailed("The script failed", complaint or "it used more memory than it may")
        return output


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill it, if it still runs, and wait for its end."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    for pipe in (process.stdout, process.stderr):
        while pipe is not None and await pipe.read(PIECE):
            pass  # asyncio takes a process for ended when its pipes were read to their end
    await process.wait()


async def _talk(process: asyncio.subprocess.Process, script: bytes) -> tuple[bytes, str]:
    """Give the script; what the process answers and what it complains about."""
    stdin, stdout, stderr = process.stdin, process.stdout, process.stderr
    assert stdin is not None
    assert stdout is not None
    assert stderr is not None

    async def give() -> None:
        with suppress(ConnectionError):  # it ended before it had read everything
            stdin.write(script)
            await stdin.drain()
            stdin.close()

    async def take() -> bytes:
        taken = bytearray()
        while piece := await stdout.read(PIECE):
            taken += piece
            if len(taken) > MAX_OUTPUT:
                process.kill()
                break
        return bytes(taken)

    async with asyncio.TaskGroup() as group:
        group.create_task(give())
        output = group.create_task(take())
        complaint = (await stderr.read(PIECE)).decode(errors="replace").strip()
        while await stderr.read(PIECE):
            pass
    if len(output.result()) <= MAX_OUTPUT:
        await process.wait()
    return output.result(), complaint

# SPDX-License-Identifier: Apache-2.0
"""Runs scripts in processes that can be killed, which is the only way to stop some of them."""

import asyncio
import os
import sys
from contextlib import suppress

from pons.errors import BadRequest, Forbidden
from pons.settings import LuaSettings

MAX_OUTPUT = 16 * 1024 * 1024
AT_ONCE = 2
PIECE = 64 * 1024


class LuaFailed(BadRequest):
    """The script is wrong, raised an error, or went beyond its bounds."""


class Scripts:
    """Runs scripts, a few at once; the others wait."""

    def __init__(self, settings: LuaSettings) -> None:
        self._settings = settings
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def run(self, script: bytes) -> bytes:
        """What `script` prints. Nothing of it stays: the next one begins with nothing defined.

        Raises `Forbidden` unless `lua.execute`, and `LuaFailed`.
        """
        if not self._settings.execute:
            raise Forbidden("Lua scripts are not run here", "setting lua.execute allows them")
        async with self._slots:
            return await self._run(script)

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

# SPDX-License-Identifier: Apache-2.0
"""What the supervisor has of its guard: a pipe to it, and a process that it keeps running."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from pons_embedded.command import Command, open_log
from pons_embedded.guard import Charge

AGAIN = 1.0
"""Seconds until a guard that died is started again."""
PATIENCE = 5.0


class Guard:
    """A guard that runs as long as the block; see `pons_embedded.guard`.

    `lifeline` is for services to read from. Its other end is open in this process and in the guard:
    when both are gone, the services end by themselves.
    """

    def __init__(self, log: Path) -> None:
        self.lifeline, self._held = os.pipe()
        self._log = log
        self._told: Sequence[Charge] = ()
        self._process: asyncio.subprocess.Process | None = None
        self._keeping: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._start()
        self._keeping = asyncio.create_task(self._keep())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Everything has ended: the guard finds nothing to do, and ends, too."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        self.tell(())
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        for end in (self.lifeline, self._held):
            os.close(end)

    def tell(self, charges: Sequence[Charge]) -> None:
        """Say what runs now."""
        self._told = charges
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError, RuntimeError):  # it died, and the next one is told
                self._process.stdin.write(json.dumps(list(charges)).encode() + b"\n")

    async def _start(self) -> None:
        command = Command(
            name="guard",
            argv=(sys.executable, "-P", "-m", "pons_embedded.guard"),
            environment=os.environ,
            keep_open=(self._held,),
        )
        output = open_log(self._log)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *command.argv,
                stdout=output,
                **command.options() | {"stdin": asyncio.subprocess.PIPE},
            )
        finally:
            os.close(output)
        self.tell(self._told)

    async def _keep(self) -> None:
        while self._process is not None:
            await self._process.wait()
            await asyncio.sleep(AGAIN)
            with contextlib.suppress(OSError):
                await self._start()

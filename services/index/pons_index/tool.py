# SPDX-License-Identifier: Apache-2.0
"""Running a command of the index for people: with the service's settings, errors as sentences."""

import asyncio
import sys
from collections.abc import Awaitable, Callable

import asyncpg

from pons.errors import PonsError, log_text
from pons.runtime.logs import configure_logs
from pons.runtime.service import leaves
from pons.settings import Settings, SettingsError, load_settings

CANNOT = 2
"""Exit code of a command that could not do its work."""


def run_tool(name: str, work: Callable[[Settings], Awaitable[int]]) -> int:
    """The exit code of `work`, or `CANNOT` with each reason on standard error."""
    reasons: list[BaseException] = []
    code = CANNOT
    try:
        settings = load_settings()
        configure_logs(settings.log, name)
        code = asyncio.run(_of(work, settings))
    except* (SettingsError, PonsError, OSError, asyncpg.PostgresError) as errors:
        reasons = [*leaves(errors)]
    for reason in reasons:
        print(f"{name}: {log_text(reason)}", file=sys.stderr)
    return code


async def _of(work: Callable[[Settings], Awaitable[int]], settings: Settings) -> int:
    return await work(settings)

# SPDX-License-Identifier: Apache-2.0
"""What of Lua a service opens: the store's scripts, those that clients have posted, and REST."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import structlog

from pons.bus import Bus
from pons.errors import PonsError
from pons.lua.configuration import configuration
from pons.lua.frames import Outcome
from pons.lua.posted import PostedScripts
from pons.lua.process import Door
from pons.lua.rest import open_rest
from pons.lua.scripts import Scripts
from pons.lua.web import open_web
from pons.settings import Settings

log = structlog.get_logger()


class Callbacks:
    """The scripts, and those that clients have posted. Open it with `open_callbacks`."""

    def __init__(self, scripts: Scripts, posted: PostedScripts) -> None:
        self.scripts = scripts
        self._posted = posted

    async def run(self, script: bytes) -> tuple[Outcome, str]:
        """Run a script that is posted, once; how it ended, and its name where it has defined
        something: then it is kept, and every process of the store loads it.

        Raises `ScriptFailed`, `ScriptLost`, `OutOfResources`, and `Unavailable` when it cannot be
        kept.
        """
        self._posted.require_room(script)
        name = self._posted.name()
        outcome = await self.scripts.run(name, script)
        if not outcome.changed:
            return outcome, ""
        await self._posted.keep(name, script)
        return outcome, name

    async def see(self, name: str) -> None:
        """What another process has kept as `name` is defined here, too."""
        await self._posted.see(name)
        await self.scripts.catch_up()


@asynccontextmanager
async def open_callbacks(
    bus: Bus,
    settings: Settings,
    seconds: float | None = None,
) -> AsyncIterator[Callbacks]:
    """Scripts as long as the block runs; without any, nothing is defined and nothing runs.

    `seconds` are those that one call may take. Raises `SettingsError` for scripts that are wrong.
    """
    news = asyncio.Event()
    posted = PostedScripts(bus, news.set)
    lua = settings.lua
    if not lua.calls_back:
        yield Callbacks(Scripts(lua, {}), posted)
        return
    async with AsyncExitStack() as opened:
        await opened.enter_async_context(posted.following())
        rest = await opened.enter_async_context(open_rest(settings))
        web = await opened.enter_async_context(open_web(settings))
        own: dict[str, Door] = {
            "rest": rest.ask,
            "http": web.ask,
            "configuration": partial(configuration, settings),
        }
        known = posted.all if lua.callbacks else dict
        scripts = Scripts(lua, own, known, seconds)
        await scripts.start()
        opened.push_async_callback(scripts.end)
        async with asyncio.TaskGroup() as group:
            working = [group.create_task(scripts.work()), group.create_task(_follow(scripts, news))]
            try:
                yield Callbacks(scripts, posted)
            finally:
                for task in working:
                    task.cancel()


async def _follow(scripts: Scripts, news: asyncio.Event) -> None:
    """Load what is posted, as soon as it is known here."""
    while True:
        await news.wait()
        news.clear()
        try:
            await scripts.catch_up()
        except PonsError as error:
            log.error("posted lua scripts are not loaded", error=str(error))

# SPDX-License-Identifier: Apache-2.0
"""What of egress is for Lua scripts: opened and run as a whole."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from pons.bus import Bus
from pons.bus.connection import SCRIPTS
from pons.bus.requests import ask
from pons.catalog import Catalog
from pons.dicom.metadata import metadata_names
from pons.errors import Forbidden, Unavailable, log_text
from pons.jobs import Handler, Jobs
from pons.lua.callbacks import Callbacks, open_callbacks
from pons.lua.functions import HEART_BEAT
from pons.lua.scripts import Scripts
from pons.messages.egress import RunScript, ScriptRun
from pons.messages.index import DeleteResources
from pons.messages.services import Done
from pons.remotes.modalities import Modalities
from pons.remotes.peers import OtherStore
from pons.remotes.registry import Registry
from pons.settings import LuaSettings, Settings
from pons_egress.lua.events import Events
from pons_egress.lua.feed import Feed
from pons_egress.lua.jobs import JobEvents
from pons_egress.lua.operations import Followed, Operations
from pons_egress.lua.telling import Telling

log = structlog.get_logger()


class LuaEvents:
    """Scripts that are told of events, in a process of their own: a filter never waits for them."""

    def __init__(self, callbacks: Callbacks, operations: Operations, settings: LuaSettings) -> None:
        self._callbacks = callbacks
        self._operations = operations
        self._settings = settings

    def followed(self, handler: Handler) -> Handler:
        """The handler of a job after which scripts want something done."""
        return Followed(handler, self._operations)

    async def run(self, command: RunScript) -> ScriptRun:
        """Run a script that is posted. Raises as `Callbacks.run`, and `Forbidden`."""
        if not self._settings.callbacks:
            raise Forbidden("Posted scripts define nothing here", "setting lua.callbacks")
        outcome, kept = await self._callbacks.run(command.script)
        return ScriptRun(outcome.printed, kept)


@asynccontextmanager
async def open_lua(
    bus: Bus,
    catalog: Catalog,
    modalities: Modalities,
    peers: Registry[OtherStore],
    settings: Settings,
) -> AsyncIterator[LuaEvents]:
    """Events at work as long as the block runs; without scripts nothing is.

    Raises `SettingsError` for scripts that are wrong.
    """

    async def delete(command: DeleteResources) -> Done:
        return await ask(bus, "index", command, Done)

    async def instances(resource_id: str) -> list[str]:
        found = await catalog.archive.instances_to_send([resource_id])
        return [one.instance_id for one in found]

    jobs = Jobs(bus, settings.jobs)
    operations = Operations(jobs, modalities, peers, settings, delete, instances)
    seconds = settings.lua.event_timeout
    async with open_callbacks(bus, settings, seconds=seconds) as callbacks:
        own = LuaEvents(callbacks, operations, settings.lua)
        telling = Telling(catalog, metadata_names(settings.index.user_metadata))
        events = Events(callbacks.scripts, telling.told, operations.perform)
        job_events = JobEvents(bus, events.tell)
        feeds = open_feeds(bus, events, job_events)
        if not settings.lua.calls_back:
            await job_events.forget()
            for feed in feeds:
                await feed.forget()
            yield own
            return
        async with asyncio.TaskGroup() as group:
            working = [group.create_task(feed.run()) for feed in feeds]
            if settings.lua.heart_beat:
                beat = _beat(events, callbacks.scripts, settings.lua.heart_beat)
                working.append(group.create_task(beat))
            try:
                yield own
            finally:
                for task in working:
                    task.cancel()


def open_feeds(bus: Bus, events: Events, jobs: JobEvents) -> list[Feed]:
    """What scripts hear of: the change feed, and what is written of jobs."""
    return [
        Feed(bus, SCRIPTS, bus.names.changes_stream, events.take_changes),
        Feed(bus, SCRIPTS, jobs.stream, jobs.take, jobs.subject),
    ]


async def _beat(events: Events, scripts: Scripts, seconds: float) -> None:
    """Call `OnHeartBeat` every so many seconds; what cannot be done then is left to the next."""
    while True:
        await asyncio.sleep(seconds)
        if scripts.defines(HEART_BEAT):
            try:
                await events.tell(HEART_BEAT)
            except Unavailable as error:
                log.warning("lua heart beat failed", error=log_text(error))

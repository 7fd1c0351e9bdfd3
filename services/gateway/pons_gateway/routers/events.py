# SPDX-License-Identifier: Apache-2.0
"""What Explorer is told while it is open: studies that come and go, how jobs and others are."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from typing import Annotated, Any

import msgspec
from fastapi import Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from pons.errors import Unavailable
from pons.messages.changes import CHANGE_TYPES
from pons_gateway.backends import Backends
from pons_gateway.dependencies import BackendsDep
from pons_gateway.models.events import Events, EventsQuery
from pons_gateway.query import Number
from pons_gateway.resources.known_remotes import remote_news
from pons_gateway.routers import tag_tree
from pons_gateway.routing import Router, page

NEW_STUDY = CHANGE_TYPES["NewStudy"]
BEAT_SECONDS = 15.0
"""A page that hears nothing for some of these takes the stream for dead: comments, which keep
connections open, are not shown to it."""
DELETIONS_SECONDS = 2.0
"""Between two looks at what has been deleted, of which nothing else tells the gateway."""

router = Router(tag_tree.router.title, tag_tree.router.description, prefix="/explorer/api")


@router.get(
    "/events",
    summary="What happens, as server-sent events: one stream for all pages of a browser",
    response_class=EventSourceResponse,
    responses={200: {"description": "The data of each kind of event.", "model": Events}},
)
@page
async def events(
    asked: Annotated[EventsQuery, Query()],
    backends: BackendsDep,
    last_event_id: Annotated[
        Number | None, Header(description="The number of the last study that the client has.")
    ] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Events `study` have numbers, by which a stream that was cut goes on without a gap; so has the
    first `beat`, for one that is cut before any study came. Events `jobs` and `remotes` tell all
    there is to tell, so that the latest one is enough; `beat` says that the stream lives. Events
    `gone` tell of deletions since a minute ago, so that a stream cut for less misses none."""
    since = last_event_id if last_event_id is not None else asked.since
    if since is None:
        since = (await backends.catalog.logs.latest_change()).last
    yield ServerSentEvent(event="beat", data={}, id=str(since))
    async for event in merged(
        _studies(backends, since),
        _gone(backends),
        _jobs(backends),
        _remotes(backends),
        _beats(backends.health.stop),
    ):
        yield event


async def _studies(backends: Backends, since: int) -> AsyncIterator[ServerSentEvent]:
    async for changes in backends.feed.follow(since, [NEW_STUDY]):
        for change in changes:
            yield ServerSentEvent(
                event="study", data={"id": change.resource_id}, id=str(change.seq)
            )


async def _gone(backends: Backends) -> AsyncIterator[ServerSentEvent]:
    told: set[str] = set()
    stop = backends.health.stop
    while not stop.is_set():
        with suppress(Unavailable):
            recent = await backends.catalog.deletion_log.recent_studies()
            if fresh := [study for study in recent if study not in told]:
                yield ServerSentEvent(event="gone", data={"ids": fresh})
            told = set(recent)
        with suppress(TimeoutError):
            async with asyncio.timeout(DELETIONS_SECONDS):
                await stop.wait()


async def _jobs(backends: Backends) -> AsyncIterator[ServerSentEvent]:
    async for news in backends.job_overview.news():
        yield ServerSentEvent(event="jobs", data=msgspec.to_builtins(news))


async def _remotes(backends: Backends) -> AsyncIterator[ServerSentEvent]:
    async for news in remote_news(backends):
        yield ServerSentEvent(event="remotes", data=news)


async def _beats(stop: asyncio.Event) -> AsyncIterator[ServerSentEvent]:
    while not stop.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(BEAT_SECONDS):
                await stop.wait()
                return
        yield ServerSentEvent(event="beat", data={})


async def merged(*sources: AsyncIterator[Any]) -> AsyncGenerator[Any, None]:
    """What comes from any of them, as it comes, until all have ended."""
    waiting = {asyncio.ensure_future(anext(source)): source for source in sources}
    try:
        while waiting:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                source = waiting.pop(one)
                try:
                    item = one.result()
                except StopAsyncIteration:
                    continue
                waiting[asyncio.ensure_future(anext(source))] = source
                yield item
    finally:
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

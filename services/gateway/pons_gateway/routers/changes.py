# SPDX-License-Identifier: Apache-2.0
"""The logs: what changed in the store, and what was sent from it."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Header, Query, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from pons.messages.index import ClearChanges, ClearExports
from pons.messages.services import Done
from pons_gateway.backends import Backends
from pons_gateway.dependencies import BackendsDep
from pons_gateway.models.changes import Changes, ChangesQuery, Exports, ExportsQuery, StreamQuery
from pons_gateway.query import Number, documented, read_query
from pons_gateway.resources.resource_json import change_json, changes_json, exports_json
from pons_gateway.responses.answers import done, json_answer
from pons_gateway.routing import Router

router = Router("Changes and exports", "What changed in the store, and what was sent from it.")


@router.lean(
    "/changes",
    summary="Changes, oldest first",
    dependencies=[documented(ChangesQuery)],
    response_model=Changes,
)
async def changes(request: Request) -> Response:
    """To follow the store, go on from `Last`. What is no number is 400, so that nobody begins anew
    by mistake; after a number that is not reached yet nothing comes."""
    asked = read_query(request, ChangesQuery)
    backends: Backends = request.app.state.backends
    if asked.last:
        page = await backends.catalog.logs.latest_change()
    else:
        page = await backends.catalog.logs.changes(asked.since, asked.most, asked.to, asked.type)
    return json_answer(changes_json(page))


@router.get(
    "/changes/stream",
    summary="Changes as they happen, as server-sent events",
    response_class=EventSourceResponse,
)
async def stream(
    asked: Annotated[StreamQuery, Query()],
    backends: BackendsDep,
    last_event_id: Annotated[
        Number | None, Header(description="The number of the last event that the client has.")
    ] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Each change of `/changes` is an event, whose `id` is its number: first those that are logged
    after `since`, or after `Last-Event-ID`, then those that happen.

    A browser's `EventSource` comes back by itself with the number that it had last, and so misses
    and repeats nothing.
    """
    since = last_event_id
    if since is None:
        since = asked.since or 0
        if asked.last:
            since = (await backends.catalog.logs.latest_change()).last
    async for changes in backends.feed.follow(since, asked.type):
        for change in changes:
            yield ServerSentEvent(data=change_json(change), id=str(change.seq))


@router.delete(
    "/changes", summary="Forget the changes; their numbers go on", response_class=Response
)
async def clear_changes(backends: BackendsDep) -> Response:
    """Routing and webhooks miss nothing; who follows the log misses what was not read yet."""
    await backends.ask("index", ClearChanges(), Done)
    return done()


@router.get(
    "/exports",
    summary="Instances that were sent to modalities, oldest first",
    response_model=Exports,
)
async def exports(asked: Annotated[ExportsQuery, Query()], backends: BackendsDep) -> Response:
    """To follow them, go on from `Last`. What is no number is 400."""
    if asked.last:
        page = await backends.catalog.logs.latest_export()
    else:
        page = await backends.catalog.logs.exports(asked.since or 0, asked.most)
    return json_answer(exports_json(page))


@router.delete("/exports", summary="Forget the exports", response_class=Response)
async def clear_exports(backends: BackendsDep) -> Response:
    """Their numbers go on."""
    await backends.ask("index", ClearExports(), Done)
    return done()

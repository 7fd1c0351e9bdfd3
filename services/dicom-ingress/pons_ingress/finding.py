# SPDX-License-Identifier: Apache-2.0
"""What every C-FIND service does around its answers: reads, counts, logs, looks for C-CANCEL."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from time import perf_counter
from typing import TypeVar

import structlog

from pons.dicom.network.dimse import Response
from pons.errors import InvalidInstance, PonsError
from pons_ingress import metrics
from pons_ingress.conversation import Conversation
from pons_ingress.find_filter import FindFilter
from pons_ingress.identifier import ReceivedIdentifier
from pons_ingress.status import CANCELLED, SUCCESS, find_status

LOOK_SECONDS = 0.1
"""How often it is looked whether the peer has cancelled, while somebody is waited for."""
LAST_PAGE_SECONDS = 0.1
"""How long a page that nobody wants any more may take to come: to give it up costs the connection
to the database, and the next query the time of a new one."""
T = TypeVar("T")
log = structlog.get_logger()


async def answer_query(
    conversation: Conversation, find: Callable[[], Awaitable[tuple[Response, int]]], **more: str
) -> None:
    """Give the final response: that of `find`, which sends all others and says how many."""
    started = perf_counter()
    answers = 0
    try:
        response, answers = await find()
    except PonsError as error:
        response = Response(find_status(error), error.message)
    seconds = perf_counter() - started
    status = f"{response.status:04X}"
    metrics.FINDS.labels(status).inc()
    metrics.FIND_SECONDS.observe(seconds)
    facts = {
        "answers": answers,
        "status": status,
        "source": conversation.peer.calling_aet,
        "remote_ip": conversation.peer.remote_ip,
        "ms": round(seconds * 1000, 1),
        **more,
    }
    if response.status in (SUCCESS, CANCELLED):
        log.info("query answered", **facts)
    else:
        log.warning("query refused", reason=response.comment, **facts)
    await conversation.respond(response)


async def read_identifier(
    conversation: Conversation, default_charset: str, find_filter: FindFilter | None
) -> bytes:
    """What is asked for, as DICOM JSON, and as scripts have changed it.

    Raises `InvalidInstance` for a request without, and `Unavailable` when scripts cannot be asked.
    """
    identifier = conversation.message.dataset
    if not isinstance(identifier, ReceivedIdentifier):
        raise InvalidInstance("The request has no identifier")
    read = identifier.read(conversation.message.context.transfer_syntax, default_charset)
    return read if find_filter is None else await find_filter.filtered(read, conversation.peer)


async def until_cancelled(
    cancelled: Callable[[], bool], pages: AsyncGenerator[T, None]
) -> AsyncGenerator[T, None]:
    """The pages, as long as it is not `cancelled`; who is waited for then is given up.

    While a page is used the next one comes: the database reads it while answers are written.
    """
    turn = asyncio.ensure_future(anext(pages, None))
    try:
        while True:
            while not (await asyncio.wait((turn,), timeout=LOOK_SECONDS))[0]:
                if cancelled():
                    return
            page = turn.result()
            if page is None:
                return
            turn = asyncio.ensure_future(anext(pages, None))
            yield page
    finally:
        await asyncio.wait((turn,), timeout=LAST_PAGE_SECONDS)
        turn.cancel()
        await asyncio.wait((turn,))
        if not turn.cancelled():
            turn.exception()  # that of a page that nobody waits for any more is told to nobody
        await pages.aclose()

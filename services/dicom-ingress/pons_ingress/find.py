# SPDX-License-Identifier: Apache-2.0
"""C-FIND: answers queries from the catalog, page by page (PS3.4 C.4.1)."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from time import perf_counter
from typing import Protocol, TypeVar

import structlog

from pons.catalog import Fields, Resource, Search
from pons.dicom.network.dimse import Command, Response
from pons.dicom.network.messages import Context, Dataset
from pons.errors import InvalidInstance, PonsError
from pons.header.repertoire import Repertoire, term_of
from pons.settings import Settings
from pons_ingress import metrics
from pons_ingress.admission import Peer
from pons_ingress.conversation import Conversation
from pons_ingress.find_answer import AnswerWriter
from pons_ingress.find_query import Query, read_query
from pons_ingress.identifier import ReceivedIdentifier
from pons_ingress.status import CANCELLED, PENDING, PENDING_UNMATCHED, SUCCESS, find_status

LOOK_SECONDS = 0.1
"""How often it is looked whether the peer has cancelled, while the index is waited for."""
T = TypeVar("T")
log = structlog.get_logger()


class Searcher(Protocol):
    """The part of `pons.catalog.Catalog` that answers queries."""

    def search(self, search: Search, fields: Fields) -> AsyncIterator[list[Resource]]:
        """Resources in pages. Raises `BadRequest` for what cannot be asked, `Unavailable`."""


class Find:
    """Answers C-FIND requests about patients, studies, series and instances."""

    def __init__(
        self, catalog: Searcher, settings: Settings, default_charset: Callable[[], str]
    ) -> None:
        self._catalog = catalog
        self._aet = settings.dicom.aet
        self._limits = settings.find
        self._any_case = frozenset(() if settings.find.case_sensitive_pn else ("PN",))
        self._default_charset = default_charset

    def open_dataset(self, peer: Peer, context: Context, command: Command) -> Dataset:
        return ReceivedIdentifier()

    async def answer(self, conversation: Conversation) -> None:
        started = perf_counter()
        answers = 0
        try:
            query = self._read(conversation)
            await conversation.unseen.settle()
            response, answers = await self._send_answers(conversation, query)
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
        }
        if response.status in (SUCCESS, CANCELLED):
            log.info("query answered", **facts)
        else:
            log.warning("query refused", reason=response.comment, **facts)
        await conversation.respond(response)

    def _read(self, conversation: Conversation) -> Query:
        context, identifier = conversation.message.context, conversation.message.dataset
        if not isinstance(identifier, ReceivedIdentifier):
            raise InvalidInstance("The request has no identifier")
        read = identifier.read(context.transfer_syntax, self._default_charset())
        return read_query(read, context.abstract_syntax, self._any_case)

    async def _send_answers(self, conversation: Conversation, query: Query) -> tuple[Response, int]:
        """Send every answer; gives the final response, and how many there were.

        One page of them is in memory, and is sent as fast as the peer takes it.
        """
        transfer_syntax = conversation.message.context.transfer_syntax
        repertoire = Repertoire(term_of(self._default_charset()))
        writer = AnswerWriter(query, transfer_syntax, repertoire, self._aet)
        pending = Response(PENDING if query.all_matched else PENDING_UNMATCHED)
        instances = query.search.level == "Instance"
        limit = self._limits.limit_instances if instances else self._limits.limit_results
        search = replace(query.search, limit=limit + 1 if limit else 0)
        found = self._catalog.search(search, Fields(frozenset(), writer.tags))
        sent = 0
        async with aclosing(_until(lambda: conversation.cancelled, found)) as pages:
            async for page in pages:
                for resource in page:
                    if conversation.cancelled:
                        return Response(CANCELLED), sent
                    if limit and sent == limit:
                        return Response(CANCELLED, f"There are more than {limit} matches"), sent
                    await conversation.respond(pending, writer.write(resource))
                    sent += 1
        return Response(CANCELLED if conversation.cancelled else SUCCESS), sent


async def _until(cancelled: Callable[[], bool], pages: AsyncIterator[T]) -> AsyncGenerator[T, None]:
    """The pages, as long as it is not `cancelled`; what is asked of the index then is given up."""
    while True:
        turn = asyncio.ensure_future(anext(pages, None))
        try:
            while not (await asyncio.wait((turn,), timeout=LOOK_SECONDS))[0]:
                if cancelled():
                    return
        finally:
            if not turn.done():
                turn.cancel()
                await asyncio.wait((turn,))
        page = turn.result()
        if page is None:
            return
        yield page

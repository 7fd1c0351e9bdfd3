# SPDX-License-Identifier: Apache-2.0
"""C-FIND: answers queries from the catalog, page by page (PS3.4 C.4.1)."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Protocol

from pons.catalog import Fields, Resource, Search
from pons.dicom.network.dimse import Command, Response
from pons.dicom.network.messages import Context, Dataset
from pons.header.repertoire import Repertoire, term_of
from pons.settings import Settings
from pons_ingress.admission import Peer
from pons_ingress.conversation import Conversation
from pons_ingress.find_answer import AnswerWriter, CompleteWriter
from pons_ingress.find_filter import FindFilter
from pons_ingress.find_query import Query, read_query
from pons_ingress.finding import answer_query, read_identifier, until_cancelled
from pons_ingress.identifier import ReceivedIdentifier
from pons_ingress.status import CANCELLED, PENDING, PENDING_UNMATCHED, SUCCESS

BREATH = 20
"""Answers that are written in one go."""


class Searcher(Protocol):
    """The part of `pons.catalog.Catalog` that answers queries."""

    def search(self, search: Search, fields: Fields) -> AsyncGenerator[list[Resource], None]:
        """Resources in pages. Raises `BadRequest` for what cannot be asked, `Unavailable`."""


class Find:
    """Answers C-FIND requests about patients, studies, series and instances."""

    def __init__(
        self,
        catalog: Searcher,
        settings: Settings,
        default_charset: Callable[[], str],
        find_filter: FindFilter | None = None,
    ) -> None:
        self._filter = find_filter
        self._catalog = catalog
        self._aet = settings.dicom.aet
        self._settings = settings.find
        self._any_case = frozenset(() if settings.find.case_sensitive_pn else ("PN",))
        self._default_charset = default_charset

    def open_dataset(self, peer: Peer, context: Context, command: Command) -> Dataset:
        return ReceivedIdentifier()

    async def answer(self, conversation: Conversation) -> None:
        async def find() -> tuple[Response, int]:
            query = await self._read(conversation)
            await conversation.unseen.settle()
            return await self._send_answers(conversation, query)

        await answer_query(conversation, find)

    async def _read(self, conversation: Conversation) -> Query:
        read = await read_identifier(conversation, self._default_charset(), self._filter)
        model = conversation.message.context.abstract_syntax
        return read_query(read, model, self._any_case, self._aet)

    async def _send_answers(self, conversation: Conversation, query: Query) -> tuple[Response, int]:
        """Send every answer; gives the final response, and how many there were.

        Two pages of them are in memory at most: one is sent as fast as the peer takes it, the next
        one is read meanwhile.
        """
        transfer_syntax = conversation.message.context.transfer_syntax
        repertoire = Repertoire(term_of(self._default_charset()))
        write_in = CompleteWriter if self._settings.charset == "complete" else AnswerWriter
        writer = write_in(query, transfer_syntax, repertoire, self._aet)
        pending = Response(PENDING if query.all_matched else PENDING_UNMATCHED)
        instances = query.search.level == "Instance"
        limit = self._settings.limit_instances if instances else self._settings.limit_results
        search = replace(query.search, any_order=True, limit=limit + 1 if limit else 0)
        found = self._catalog.search(search, Fields(frozenset(), writer.tags))
        sent = 0
        async with aclosing(until_cancelled(lambda: conversation.cancelled, found)) as pages:
            async for page in pages:
                for start in range(0, len(page), BREATH):
                    await asyncio.sleep(0)  # others have their turn, and a cancel is heard
                    if conversation.cancelled:
                        return Response(CANCELLED), sent
                    few = page[start : start + BREATH]
                    wanted = few[: limit - sent] if limit else few
                    await conversation.respond_to_all(pending, map(writer.write, wanted))
                    sent += len(wanted)
                    if len(wanted) < len(few):
                        return Response(CANCELLED, f"There are more than {limit} matches"), sent
        return Response(CANCELLED if conversation.cancelled else SUCCESS), sent

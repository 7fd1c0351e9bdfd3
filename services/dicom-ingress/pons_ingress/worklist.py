# SPDX-License-Identifier: Apache-2.0
"""Modality worklist: C-FIND of what is scheduled (PS3.4 K.4.1)."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any, Protocol

import msgspec
import structlog

from pons.catalog.worklists import KeptWorklist
from pons.dicom.network.dimse import Command, Response
from pons.dicom.network.messages import Context, Dataset
from pons.dicom.orthanc_json import element_text
from pons.errors import BadRequest
from pons.header.repertoire import ASCII, UTF_8, Repertoire, term_of
from pons.header.write import CHARACTER_SET, write_dataset
from pons.settings import Settings
from pons.worklists.folder import open_folder
from pons.worklists.matching import Elements, Query
from pons_ingress.admission import Peer
from pons_ingress.conversation import Conversation
from pons_ingress.find_filter import FindFilter
from pons_ingress.finding import answer_query, read_identifier, until_cancelled
from pons_ingress.identifier import ReceivedIdentifier
from pons_ingress.status import CANCELLED, PENDING, SUCCESS

log = structlog.get_logger()


class KeptEntries(Protocol):
    """The part of `pons.catalog.worklists.Worklists` that is asked."""

    def pages(self, first_day: str, last_day: str) -> AsyncIterator[list[KeptWorklist]]:
        """Entries that may have a step between these days. Raises `Unavailable`."""


class Worklist:
    """Answers C-FIND requests for modality worklists, of the store's entries and of a folder."""

    def __init__(
        self,
        kept: KeptEntries,
        settings: Settings,
        default_charset: Callable[[], str],
        find_filter: FindFilter | None = None,
    ) -> None:
        self._filter = find_filter
        self._kept = kept
        self._settings = settings.worklists
        self._case_sensitive = settings.find.case_sensitive_pn
        self._default_charset = default_charset
        self._folder = open_folder(self._settings, default_charset)

    def open_dataset(self, peer: Peer, context: Context, command: Command) -> Dataset:
        return ReceivedIdentifier()

    async def answer(self, conversation: Conversation) -> None:
        async def find() -> tuple[Response, int]:
            return await self._send_answers(conversation, await self._read(conversation))

        await answer_query(conversation, find, model="worklist")

    async def _read(self, conversation: Conversation) -> Query:
        read = await read_identifier(conversation, self._default_charset(), self._filter)
        station = conversation.peer.calling_aet if self._settings.filter_station else ""
        return Query(
            msgspec.json.decode(read), case_sensitive=self._case_sensitive, station=station
        )

    async def _send_answers(self, conversation: Conversation, query: Query) -> tuple[Response, int]:
        """Send every answer; gives the final response, and how many there were."""
        syntax = conversation.message.context.transfer_syntax
        entries = self._entries(query, conversation.peer.called_aet)
        limit = self._settings.limit_answers
        sent = 0
        async with aclosing(until_cancelled(lambda: conversation.cancelled, entries)) as pages:
            async for page in pages:
                # A page of entries takes some milliseconds, which the loop has not for one peer.
                for answer in await asyncio.to_thread(self._answers, query, page, syntax):
                    if conversation.cancelled:
                        return Response(CANCELLED), sent
                    if limit and sent == limit:
                        return Response(CANCELLED, f"There are more than {limit} matches"), sent
                    await conversation.respond(Response(PENDING), answer)
                    sent += 1
        return Response(CANCELLED if conversation.cancelled else SUCCESS), sent

    async def _entries(self, query: Query, called_aet: str) -> AsyncGenerator[list[bytes], None]:
        """All that may match, as DICOM JSON, in pages."""
        async for page in self._kept.pages(*query.dates):
            yield [one.tags for one in page]
        if self._folder is not None:
            async for files in self._folder.pages(called_aet):
                yield files

    def _answers(self, query: Query, page: list[bytes], transfer_syntax: str) -> list[bytes]:
        answers = []
        for tags in page:
            entry = msgspec.json.decode(tags)
            for answer in query.answers(entry):
                try:
                    repertoire = self._repertoire(entry, answer)
                    answers.append(write_dataset(answer, transfer_syntax, repertoire))
                except BadRequest as error:
                    # Of a file; the others are answered all the same.
                    log.error("worklist entry cannot be written", error=str(error))
        return answers

    def _repertoire(self, entry: dict[str, Any], answer: Elements) -> Repertoire:
        if self._settings.charset == "store":
            return Repertoire(term_of(self._default_charset()))
        named = entry.get(CHARACTER_SET)
        try:
            own = Repertoire((named and element_text(CHARACTER_SET, named)) or ASCII)
        except BadRequest:
            return Repertoire(UTF_8)
        return own if own.has(msgspec.json.encode(answer).decode()) else Repertoire(UTF_8)

# SPDX-License-Identifier: Apache-2.0
"""What modalities have answered to queries: kept for any process to read, and for a while.

In the bucket `<store>-queries`, `<id>` is an `AnsweredQuery`, written when all answers are there;
`<id>.<n>` is a page of them, DICOM JSON compressed with zstd. The bucket forgets what is older than
`queries.hours`: also the pages of a query that nobody finished.
"""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import msgspec
import zstandard

from pons.bus import Bus
from pons.bus.bucket import Bucket
from pons.bus.connection import MAX_EVENT_BYTES
from pons.errors import NotFound, RemoteFailure
from pons.limits import MEGABYTE
from pons.messages.egress import AnsweredQuery
from pons.settings import QueriesSettings

PAGE = MEGABYTE // 4
"""Bytes of answers from which on a page is full."""


class Queries:
    """The queries of a store. Every method may raise `Unavailable`."""

    def __init__(self, bus: Bus, settings: QueriesSettings) -> None:
        away = "Queries to modalities cannot be kept or read now"
        self._bucket = Bucket(bus, bus.names.queries_bucket, away, "try again shortly")
        self._kept = settings.kept

    async def ids(self) -> list[str]:
        """Of all queries, the oldest one first."""
        entries = await self._bucket.all()
        return [entry.key for entry in sorted(entries, key=lambda entry: entry.revision)]

    async def get(self, query_id: str) -> AnsweredQuery:
        """The query; raises `NotFound`."""
        entry = await self._bucket.get(query_id) if _is_id(query_id) else None
        if entry is None or not entry.value:
            raise NotFound(f"There is no query {query_id!r}", "GET /queries lists those there are")
        return msgspec.msgpack.decode(entry.value, type=AnsweredQuery)

    async def keep(self, query: AnsweredQuery) -> None:
        """List a query whose pages are there; the oldest ones go for it."""
        await self._bucket.put(query.id, msgspec.msgpack.encode(query))
        for query_id in (await self.ids())[: -self._kept]:
            await self.delete(query_id)

    async def delete(self, query_id: str) -> None:
        """Forget a query; one that is not there is no error."""
        if _is_id(query_id):
            await self._bucket.erase(query_id)
            await self._bucket.erase(f"{query_id}.*")

    async def drop_pages(self, query: AnsweredQuery) -> None:
        """Forget its answers."""
        if query.counts:
            await self._bucket.erase(f"{query.id}.*")

    async def put_page(self, query_id: str, number: int, answers: list[bytes]) -> None:
        """Keep a page of answers, each of which is DICOM JSON. Raises `RemoteFailure` for a page
        too large for a message: that is a single answer."""
        packed = await asyncio.to_thread(_packed, answers)
        if len(packed) > MAX_EVENT_BYTES:
            size = sum(map(len, answers))
            why = f"an answer to the query has {size} bytes, which is too much"
            raise RemoteFailure(why.capitalize(), why=why)
        await self._bucket.put(f"{query_id}.{number}", packed)

    async def pages(self, query: AnsweredQuery) -> AsyncIterator[list[bytes]]:
        """All answers, a page at a time. Raises `NotFound` when they were forgotten meanwhile."""
        for number in range(len(query.counts)):
            yield await self._page(query, number)

    async def answer(self, query: AnsweredQuery, index: int) -> bytes:
        """One answer; raises `NotFound`."""
        start = 0
        for number, count in enumerate(query.counts):
            if 0 <= index - start < count:
                return (await self._page(query, number))[index - start]
            start += count
        raise NotFound(f"The query has {query.count} answers, and none has the number {index}")

    async def _page(self, query: AnsweredQuery, number: int) -> list[bytes]:
        entry = await self._bucket.get(f"{query.id}.{number}")
        if entry is None or not entry.value:
            raise NotFound("The answers to the query are not there any more", "ask again")
        return await asyncio.to_thread(_unpacked, entry.value)


def _is_id(query_id: str) -> bool:
    try:
        return str(UUID(query_id)) == query_id
    except ValueError:
        return False


def _packed(answers: list[bytes]) -> bytes:
    return zstandard.compress(msgspec.msgpack.encode(answers))


def _unpacked(page: bytes) -> list[bytes]:
    return msgspec.msgpack.decode(zstandard.decompress(page), type=list[bytes])

# SPDX-License-Identifier: Apache-2.0
"""Keys and values of a JetStream KV bucket: read, written, replaced where nobody was quicker."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager

import nats.js.errors
from nats.js.api import Header
from nats.js.kv import KV_OP, KV_PURGE, KeyValue

from pons.bus.connection import AWAY, Bus
from pons.bus.watch import Entry, Snapshot, read_keys, watch_keys
from pons.errors import Unavailable

WRONG_REVISION = (10071, 10164)
"""NATS' error codes for a compare-and-set that failed."""
MARKER_SECONDS = 3600.0
"""How long a purged key leaves a mark for those who follow the bucket."""


class Outdated(Exception):
    """The entry is not the one that was read: somebody else changed or deleted it."""


class Bucket:
    """The bucket `name`. Whatever asks NATS raises `Unavailable` while that is away.

    `away` and `details` are the words of that error: what cannot be done, and what to do.
    """

    def __init__(self, bus: Bus, name: str, away: str, details: str = "") -> None:
        self._bus = bus
        self._name = name
        self._words = (away, details)
        self._opened: KeyValue | None = None

    async def get(self, key: str) -> Entry | None:
        """The entry of `key`; None where there is none."""
        with self._reaching():
            try:
                found = await (await self._bucket()).get(key)
            except nats.js.errors.KeyNotFoundError:
                return None
            return Entry(key, found.value, found.revision or 0)

    async def all(self, keys: str = "*") -> list[Entry]:
        """The entries that exist now, in no order and one read; `keys` as of `watch_keys`."""
        with self._reaching():
            return list((await read_keys(self._bus, self._name, keys)).values())

    def watch(self, keys: str) -> AsyncGenerator[Snapshot | Entry, None]:
        """As `watch_keys`."""
        return watch_keys(self._bus, self._name, keys)

    async def put(self, key: str, value: bytes) -> int:
        """Write, whatever is there; gives the revision."""
        with self._reaching():
            return await (await self._bucket()).put(key, value)

    async def replace(self, key: str, value: bytes, revision: int) -> int:
        """Write over the entry with `revision` (0: there is none); gives the new one.

        Raises `Outdated`.
        """
        with self._reaching():
            try:
                return await (await self._bucket()).update(key, value, last=revision)
            except nats.js.errors.KeyWrongLastSequenceError:
                raise Outdated from None

    async def delete(self, key: str) -> None:
        """Delete, whatever is there."""
        with self._reaching():
            await (await self._bucket()).delete(key)

    async def purge(self, key: str, revision: int | None = None, left: bytes = b"") -> None:
        """Delete the entry with `revision`, or any, with its history. Raises `Outdated`.

        Who reads the stream of the bucket finds `left` in the mark that remains for a while.
        """
        headers = {KV_OP: KV_PURGE, Header.ROLLUP: "sub"}
        if revision is not None:
            headers[Header.EXPECTED_LAST_SUBJECT_SEQUENCE] = str(revision)
        subject = f"$KV.{self._name}.{key}"
        with self._reaching():
            try:
                await self._bus.stream.publish(
                    subject, left, headers=headers, msg_ttl=MARKER_SECONDS
                )
            except nats.js.errors.APIError as error:
                if error.err_code in WRONG_REVISION:
                    raise Outdated from None
                raise

    async def erase(self, keys: str) -> None:
        """Delete the entries of all keys that match, and leave no mark of them.

        Nobody who follows the bucket hears of it: for buckets that are only read.
        """
        subject = f"$KV.{self._name}.{keys}"
        with self._reaching():
            await self._bus.stream.purge_stream(f"KV_{self._name}", subject=subject)

    async def _bucket(self) -> KeyValue:
        if self._opened is None:
            self._opened = await self._bus.bucket(self._name)
        return self._opened

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except AWAY as error:
            raise Unavailable(*self._words) from error

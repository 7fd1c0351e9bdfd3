# SPDX-License-Identifier: Apache-2.0
"""What REST changes of a store's configuration: keys of one bucket that every process follows."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeVar

import msgspec
import structlog

from pons.bus import Bus
from pons.bus.bucket import Bucket
from pons.bus.watch import Entry, Snapshot, following
from pons.errors import Unavailable, log_text

log = structlog.get_logger()
T = TypeVar("T")


class ConfigKeys(Generic[T]):
    """The keys `<family>.<name>` of the configuration bucket, as JSON; None says: is no more.

    Looked up in memory, which survives NATS being away; kept fresh by `following`.
    """

    def __init__(
        self, bus: Bus, family: str, kind: Any, changed: Callable[[], None] = lambda: None
    ) -> None:
        name = bus.names.config_bucket
        self._bucket = Bucket(bus, name, "The configuration cannot be changed now")
        self._prefix = f"{family}."
        self._kind = kind
        self._on_change = changed
        self.changed = asyncio.Event()
        """Set when something else is known; then another event takes its place."""
        self._known: dict[str, tuple[T | None, int]] = {}

    def get(self, name: str, otherwise: T | None) -> T | None:
        """What was written under `name`; `otherwise` when nothing was."""
        return self._known.get(name, (otherwise, 0))[0]

    def items(self) -> dict[str, T | None]:
        """Everything that was written, by name."""
        return {name: value for name, (value, _) in self._known.items()}

    def revision(self, name: str) -> int:
        """The number of what was written last under `name`; 0 when nothing was."""
        return self._known.get(name, (None, 0))[1]

    async def refresh(self, name: str) -> None:
        """Ask what the bucket holds at this moment; while NATS is away, nothing changes."""
        try:
            entry = await self._bucket.get(f"{self._prefix}{name}")
        except Unavailable as error:
            log.warning("configuration read from memory", name=name, error=log_text(error))
            return
        if entry is None:
            self._known.pop(name, None)
        else:
            self._take(entry)

    async def write(self, name: str, value: T | None, revision: int | None = None) -> None:
        """Seen here at once and by every process shortly after.

        Raises `Unavailable`; with a `revision` also `Outdated` where it is not the last one.
        """
        key, encoded = f"{self._prefix}{name}", msgspec.json.encode(value)
        if revision is None:
            written = await self._bucket.put(key, encoded)
        else:
            written = await self._bucket.replace(key, encoded, revision)
        self._known[name] = (value, written)
        self._tell()

    async def forget(self, name: str) -> None:
        """As if it had never been written. Raises `Unavailable`."""
        await self._bucket.delete(f"{self._prefix}{name}")
        self._known.pop(name, None)
        self._tell()

    def following(self) -> AbstractAsyncContextManager[None]:
        """Everything is known when the block begins, and kept fresh until it ends."""
        return following(self._bucket.watch(f"{self._prefix}*"), self._learn)

    def _learn(self, item: Snapshot | Entry) -> None:
        if isinstance(item, Entry):
            self._take(item)
        else:
            for name in [n for n in self._known if f"{self._prefix}{n}" not in item.entries]:
                del self._known[name]
            for entry in item.entries.values():
                self._take(entry)
        self._tell()

    def _tell(self) -> None:
        self._on_change()
        self.changed.set()
        self.changed = asyncio.Event()

    def _take(self, entry: Entry) -> None:
        name = entry.key.removeprefix(self._prefix)
        if entry.revision < self._known.get(name, (None, 0))[1]:
            return  # our own later write is known already
        if entry.value is None:
            self._known.pop(name, None)
            return
        try:
            value = msgspec.json.decode(entry.value, type=self._kind | None)
        except msgspec.DecodeError:
            log.exception("configuration cannot be read", key=entry.key)
            return
        self._known[name] = (value, entry.revision)

# SPDX-License-Identifier: Apache-2.0
"""A bucket in memory: what partial uploads, sessions and saved views ask of NATS, without a
server."""

from dataclasses import dataclass, field

import nats.js.errors

from pons.messages.names import Names


@dataclass(frozen=True, slots=True)
class MemoryEntry:
    value: bytes
    revision: int


@dataclass
class MemoryBucket:
    """Values by key; revisions count up over all keys, as the sequence of a stream does."""

    entries: dict[str, MemoryEntry] = field(default_factory=dict)
    revision: int = 0

    async def get(self, key: str) -> MemoryEntry:
        if key not in self.entries:
            raise nats.js.errors.KeyNotFoundError
        return self.entries[key]

    async def put(self, key: str, value: bytes) -> int:
        self.revision += 1
        self.entries[key] = MemoryEntry(value, self.revision)
        return self.revision

    async def update(self, key: str, value: bytes, last: int) -> int:
        if last != (self.entries[key].revision if key in self.entries else 0):
            raise nats.js.errors.KeyWrongLastSequenceError
        self.revision += 1
        self.entries[key] = MemoryEntry(value, self.revision)
        return self.revision

    async def delete(self, key: str) -> None:
        self.revision += 1
        self.entries.pop(key, None)


@dataclass
class MemoryBus:
    """A bus with nothing but buckets."""

    names: Names = field(default_factory=lambda: Names("test"))
    buckets: dict[str, MemoryBucket] = field(default_factory=dict)

    async def bucket(self, name: str) -> MemoryBucket:
        return self.buckets.setdefault(name, MemoryBucket())

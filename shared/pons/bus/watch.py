# SPDX-License-Identifier: Apache-2.0
"""Keys of a JetStream KV bucket, followed: a snapshot, then every change, across NATS restarts."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass

import nats.errors
import structlog
from nats.aio.msg import Msg
from nats.js.api import DeliverPolicy
from nats.js.kv import KV_OP

from pons.bus.client import check_cancelled
from pons.bus.connection import AWAY, Bus
from pons.bus.in_order import OrderLost, in_order

log = structlog.get_logger()

GLANCE = 0.5
"""Seconds without one of the keys that are still missing after which we look whether they exist."""
LONGEST_DELAY = 2.0


@dataclass(frozen=True, slots=True)
class Entry:
    """A key's latest value; None when the key was deleted."""

    key: str
    value: bytes | None
    revision: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every key that exists; what is not here does not exist any more."""

    entries: dict[str, Entry]


async def watch_keys(
    bus: Bus, bucket: str, keys: str = ">"
) -> AsyncGenerator[Snapshot | Entry, None]:
    """A snapshot of the keys, then each change; a new snapshot whenever changes may be missing.

    Never ends and never raises for a server that is away: it waits, and whoever keeps a cache keeps
    it meanwhile. `keys` is a NATS pattern: `*` is one word, `>` is everything. Close it (with
    `aclosing`) when you leave it early.
    """
    delay = 0.1
    with bus.pulses.during(f"watching {bucket}") as pulse:
        while True:
            pulse.begin()
            try:
                async with aclosing(_watch_once(bus, bucket, keys)) as items:
                    async for item in items:
                        delay = 0.1
                        pulse.succeed()
                        yield item
            except OrderLost as lost:
                pulse.fail(str(lost))
                log.info("bucket is read anew", bucket=bucket, reason=str(lost))
            except AWAY as error:
                pulse.fail(f"NATS does not answer: {error!r}")
                log.warning("waiting for bucket", bucket=bucket, error=repr(error))
            check_cancelled()
            await asyncio.sleep(delay)
            delay = min(delay * 2, LONGEST_DELAY)


@asynccontextmanager
async def following(
    items: AsyncGenerator[Snapshot | Entry, None], learn: Callable[[Snapshot | Entry], None]
) -> AsyncIterator[None]:
    """`learn` has the first snapshot of `items`, which are those of `watch_keys`, when the block
    begins, and is told of all that follows until it ends."""
    ready = asyncio.Event()

    async def learn_all() -> None:
        async for item in items:
            learn(item)
            ready.set()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(learn_all())
        await ready.wait()
        yield
        task.cancel()


async def read_keys(bus: Bus, bucket: str, keys: str = ">") -> dict[str, Entry]:
    """What exists now. Raises NATS' errors when the server is away."""
    async with aclosing(_watch_once(bus, bucket, keys)) as items:
        async for item in items:
            if isinstance(item, Snapshot):
                return item.entries
    raise nats.errors.ConnectionReconnectingError


async def _watch_once(bus: Bus, bucket: str, keys: str) -> AsyncGenerator[Snapshot | Entry, None]:
    """One reader's life, which ends by `OrderLost` at the latest."""
    subject, connection = f"$KV.{bucket}.{keys}", connection_number(bus)
    async with in_order(bus, f"KV_{bucket}", subject, DeliverPolicy.LAST_PER_SUBJECT) as messages:
        # The snapshot is complete with the last of the keys that exist now. The number of pending
        # messages would not tell: a key that is being replaced counts neither as old nor as new.
        entries: dict[str, Entry] = {}
        missing = await _existing(bus, bucket, keys)
        looked = time.monotonic()
        while missing:
            with suppress(TimeoutError):
                async with asyncio.timeout(GLANCE):
                    entry = _entry(await messages.next())
                    missing.discard(entry.key)
                    entries[entry.key] = entry
            # What was erased never comes, and what others write is no silence.
            if missing and time.monotonic() - looked >= GLANCE:
                missing &= await _existing(bus, bucket, keys)
                looked = time.monotonic()
        if connection_number(bus) != connection:
            raise OrderLost("the server was lost and found")  # what came before may be old by now
        yield Snapshot({k: e for k, e in entries.items() if e.value is not None})
        while True:
            yield _entry(await messages.next())


async def _existing(bus: Bus, bucket: str, keys: str) -> set[str]:
    """The keys in the bucket, and those whose deletion it still remembers."""
    prefix = f"$KV.{bucket}."
    info = await bus.stream.stream_info(f"KV_{bucket}", subjects_filter=f"{prefix}{keys}")
    check_cancelled()
    return {subject.removeprefix(prefix) for subject in info.state.subjects or {}}


def connection_number(bus: Bus) -> int:
    """A number that changes with every reconnection, after which messages may be missing."""
    return int(bus.client.stats["reconnects"])


def _entry(message: Msg) -> Entry:
    key = message.subject.split(".", 2)[2]
    revision = message.metadata.sequence.stream
    deleted = message.headers is not None and message.headers.get(KV_OP) in ("DEL", "PURGE")
    marker = message.headers is not None and "Nats-Marker-Reason" in message.headers
    return Entry(key, None if deleted or marker else message.data, revision)

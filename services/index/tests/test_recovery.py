# SPDX-License-Identifier: Apache-2.0
"""What the index does about events that a power cut took."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydicom.data import get_testdata_file

from pons.errors import InvalidInstance, Unavailable
from pons.objects import FileObjects, new_key
from pons.testing.events import received
from pons.testing.nats import NatsServer
from pons_index.database import Database
from pons_index.orphans import Sweep
from pons_index.recovery import Announce, Run, boot_id, recover

pytestmark = pytest.mark.anyio
Index = Any


class Announced:
    """Notes what is announced again, and knows no DICOM file called `bad`."""

    def __init__(self, bad: UUID | None = None, failures: int = 0) -> None:
        self.keys: list[UUID] = []
        self.bad = bad
        self.failures = failures

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Announce]:
        yield self.announce

    async def announce(self, key: UUID) -> None:
        if self.failures:
            self.failures -= 1
            raise Unavailable("The object store does not answer")
        if key == self.bad:
            raise InvalidInstance("no DICOM file")
        self.keys.append(key)


async def end_with_machine(database: Database) -> None:
    """A process that its machine ended without a word, on another boot than today's."""
    await Run(database, "boot-1").begin()


async def recovered(
    index: Index, objects: FileObjects, broker: NatsServer, announced: Announced
) -> bool:
    """Recover on a new boot; whether orphans may be swept afterwards."""
    async with broker.bus() as bus:
        sweep = Sweep(index.database, objects, bus, 3600)
        await recover(Run(index.database, "boot-2"), sweep, announced.open)
        return sweep.allowed.is_set()


async def test_what_a_power_cut_took_is_announced_again(
    index: Index, objects: FileObjects, broker: NatsServer
) -> None:
    """Recent objects that no row refers to are announced, the others are left alone."""
    indexed, lost, header = received("1.1"), new_key(), new_key()
    old = UUID(int=(new_key().int & (1 << 80) - 1) | (1_600_000_000_000 << 80))
    for key in (indexed.object_key, lost, header, old):
        await objects.put(key, b"bytes")
    await index.write(indexed)
    await end_with_machine(index.database)
    announced = Announced(bad=header, failures=1)
    assert await recovered(index, objects, broker, announced)
    assert announced.keys == [lost]


async def test_attachments_are_not_announced(
    index: Index, objects: FileObjects, broker: NatsServer
) -> None:
    """What was written to become an attachment is no instance, even where it is a DICOM file."""
    for _ in range(20):
        await objects.put(new_key(announced=False), b"bytes")
    lost = [new_key() for _ in range(20)]
    for key in lost:
        await objects.put(key, b"bytes")
    await end_with_machine(index.database)
    announced = Announced()
    assert await recovered(index, objects, broker, announced)
    assert sorted(announced.keys) == lost


async def test_it_is_done_once(index: Index, objects: FileObjects, broker: NatsServer) -> None:
    """The next start does not compare again."""
    await end_with_machine(index.database)
    await recovered(index, objects, broker, Announced())
    await objects.put(new_key(), b"bytes")
    announced = Announced()
    assert await recovered(index, objects, broker, announced)
    assert announced.keys == []


@pytest.mark.parametrize("in_order", [True, False])
async def test_a_process_that_ended_alone_took_nothing(
    index: Index, objects: FileObjects, broker: NatsServer, in_order: bool
) -> None:
    """After an orderly end, or a crash on a machine that went on, there is nothing to compare."""
    run = Run(index.database, "boot-1" if in_order else "boot-2")
    await run.begin()
    if in_order:
        await run.end()
    await objects.put(new_key(), b"bytes")
    announced = Announced()
    assert await recovered(index, objects, broker, announced)
    assert announced.keys == []


async def test_a_run_says_that_it_lives(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replica on another machine that was taken for dead is listed as alive again."""
    monkeypatch.setattr("pons_index.recovery.HEARTBEAT", 0.01)
    run = Run(index.database, "boot-1")
    await run.begin()
    await index.database.pool.execute("UPDATE runs SET stopped = now(), seen = 'epoch'")
    beating = asyncio.create_task(run.beat())
    deadline = time.monotonic() + 10
    while await index.value("SELECT stopped FROM runs") is not None:
        assert time.monotonic() < deadline
    beating.cancel()
    await asyncio.wait((beating,))
    assert await index.value("SELECT seen > now() - interval '1 minute' FROM runs")


def test_the_boot_has_a_name() -> None:
    """The same machine, not restarted, gives the same name."""
    assert boot_id() == boot_id() != ""


@pytest.fixture
def ct_small() -> bytes:
    return Path(str(get_testdata_file("CT_small.dcm"))).read_bytes()


async def test_a_lost_file_is_in_the_store_after_the_next_start(
    open_store: Any, ct_small: bytes
) -> None:
    """A real file without an event is indexed again when the service starts after a power cut."""
    async with open_store() as store:
        async with store.replica():
            pass
        await end_with_machine(store.database)
        key = new_key()
        await store.objects.put(key, ct_small)
        async with store.replica():
            deadline = time.monotonic() + 20
            while not await store.value("SELECT instances FROM totals"):
                assert time.monotonic() < deadline
        row = await store.database.pool.fetchrow("SELECT object_key, size, origin FROM instances")
        assert (row["object_key"], row["size"]) == (key, len(ct_small))
        assert json.loads(row["origin"])["kind"] == "Unknown"

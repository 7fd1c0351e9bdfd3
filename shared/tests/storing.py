# SPDX-License-Identifier: Apache-2.0
"""What tests of the way in store, and what they find of it."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from pydicom.dataset import Dataset

from pons.bus import Bus
from pons.dicom.identity import resource_ids
from pons.ingest import Ingest, open_ingest
from pons.messages.events import Origin
from pons.objects import SHARDS, Body, FileObjects, Spool
from pons.settings import IngestSettings, Settings

ORIGIN = Origin("DicomProtocol", "192.0.2.7", "CT1", "PONS")
IDS = resource_ids("P1", "1.2.3", "1.2.3.4", "1.2.3.4.5")


def patient(answer_timeout: float = 30) -> Settings:
    return Settings(
        ingest=IngestSettings(answer_timeout=answer_timeout),
    )


async def keys(objects: FileObjects) -> list[UUID]:
    """Every object there is."""
    return [entry.key for shard in SHARDS async for entry in objects.list(shard)]


async def kept(bus: Bus) -> int:
    """Announcements that wait for an index."""
    return int((await bus.stream.stream_info(bus.names.ingest_stream)).state.messages)


def spooled(objects: FileObjects, content: bytes) -> Spool:
    spool = objects.spool()
    spool.write(content)
    return spool


class FailingObjects(FileObjects):
    """A folder that cannot be written as it should."""

    def __init__(self, root: Path, failure: Exception | None = None, delay: float = 0) -> None:
        super().__init__(root, "main", fsync=False)
        self._failure = failure
        self._delay = delay
        self.putting = asyncio.Event()
        self.crowded: list[bool] = []

    async def put(self, key: UUID, body: Body, *, crowded: bool = False) -> None:
        self.putting.set()
        self.crowded.append(crowded)
        await asyncio.sleep(self._delay)
        if self._failure is not None:
            if isinstance(body, Spool):
                body.close()
            raise self._failure
        await super().put(key, body)


def large_items(count: int) -> list[Dataset]:
    """Items that do not compress; 4000 make a header that no message can carry."""
    items = [Dataset() for _ in range(count)]
    for item in items:
        item.TextValue = os.urandom(150).hex()
    return items


def consumed(spool: Spool) -> bool:
    """Whether neither the spool's file nor its descriptor is left."""
    try:
        spool.write(b"")
    except ValueError:
        return not spool.path.exists()
    return False


@pytest.fixture
async def ingest(objects: FileObjects, bus: Bus) -> AsyncIterator[Ingest]:
    async with open_ingest(objects, bus, Settings()) as ingest:
        yield ingest

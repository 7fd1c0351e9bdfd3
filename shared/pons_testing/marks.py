# SPDX-License-Identifier: Apache-2.0
"""Marks of a store for tests of a service that runs without an index, which would make them."""

from contextlib import suppress
from uuid import UUID

import asyncpg

from pons.bus import open_bus
from pons.objects import open_objects
from pons.ownership import Mark, mark_objects, mark_streams
from pons.settings import Settings

ID = UUID(int=0x7E57)


async def mark_store(settings: Settings) -> None:
    """Mark what the settings name as one store's: its objects, its streams where NATS is set, its
    database, which has its tables, where it answers."""
    mark = Mark(settings.store.name, ID)
    objects = open_objects(settings.storage, settings.store.name)
    try:
        await mark_objects(objects, mark)
    finally:
        await objects.close()
    if settings.nats.url:
        async with open_bus(settings) as bus:
            await mark_streams(bus, mark)
    if settings.database.url:
        with suppress(OSError):
            await _mark_database(settings.database.url, mark)


async def _mark_database(url: str, mark: Mark) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "INSERT INTO owner (store, id, settled) VALUES ($1, $2, true) ON CONFLICT DO NOTHING",
            mark.store,
            mark.id,
        )
    finally:
        await connection.close()

# SPDX-License-Identifier: Apache-2.0
"""The catalog, opened as long as somebody reads it, and of whose store it is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pons.bus import Bus
from pons.catalog.catalog import Catalog
from pons.catalog.connection import open_reader
from pons.dicom.main_tags import main_sequences, main_tags
from pons.limits.room import Room
from pons.objects import Objects, open_objects
from pons.ownership import Owner, require_own
from pons.settings import Settings


@asynccontextmanager
async def open_catalog(
    settings: Settings,
    objects: Objects | None = None,
    owner: Owner | None = None,
    *,
    room: Room | None = None,
) -> AsyncIterator[Catalog]:
    """A catalog as long as the block runs; it connects with the first question.

    Parameters
    ----------
    owner
        Whose the database must be; None: anybody's.
    objects
        Where very large headers are read from; None opens the configured object store.
    room
        What headers may take that are unpacked at a time; None makes one for this catalog alone.
    """
    own = objects or open_objects(settings.storage, settings.store.name)
    reader = open_reader(settings.database, owner=owner)
    searcher = open_reader(settings.database, "force_custom_plan", owner)
    planned = open_reader(settings.database, "force_generic_plan", owner)
    try:
        extra = settings.index.extra_main_tags
        main, sequences = main_tags(extra), main_sequences(extra)
        yield Catalog(reader, searcher, planned, own, main, sequences, room)
    finally:
        for opened in (reader, searcher, planned):
            opened.close()
        if objects is None:
            await own.close()


@asynccontextmanager
async def open_own_catalog(
    settings: Settings, objects: Objects, bus: Bus | None = None, *, room: Room | None = None
) -> AsyncIterator[Catalog]:
    """A catalog, once database, objects and streams are known to be of one store.

    Raises `PonsError` when they are not: a service asks before it listens.
    """
    owner = Owner(objects, settings)
    async with open_catalog(settings, objects, owner, room=room) as catalog:
        await require_own(settings, objects, bus, catalog.peek)
        yield catalog

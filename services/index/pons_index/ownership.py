# SPDX-License-Identifier: Apache-2.0
"""Making the store's mark, and deciding what an absent one means.

Two of the three places that agree stand for the store, so the third was lost and is marked again.
One alone may as well be another store's, so it takes somebody who says so (`./pons reindex`).
"""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import structlog

from pons.bus import Bus
from pons.errors import PonsError
from pons.objects import Objects
from pons.ownership import (
    DATABASE,
    OBJECTS,
    READ_OWNER,
    STREAMS,
    Mark,
    mark_objects,
    mark_streams,
    places,
    read_objects_mark,
    read_streams_mark,
    require_same,
)
from pons.settings import Settings

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Found:
    """The marks that are there when the index starts."""

    marks: dict[str, Mark | None]
    settled: bool
    """The database says that its mark is in all three places."""
    instances: int
    """How many the database has."""

    @property
    def marked(self) -> list[str]:
        return [place for place, mark in self.marks.items() if mark is not None]


@dataclass(frozen=True, slots=True)
class Claim:
    """How the index makes sure that what the settings name is one store's, and marks it.

    `adopting`: one place alone is enough, because somebody said that the others were lost.
    """

    settings: Settings
    bus: Bus
    objects: Objects
    adopting: bool = False

    async def look(self, connection: Any) -> Found:
        """What is marked; nothing is written. Raises `PonsError` when it is not one store's."""
        marks = {
            OBJECTS: await read_objects_mark(self.objects),
            STREAMS: await read_streams_mark(self.bus),
            DATABASE: None,
        }
        settled, instances = False, 0
        if await connection.fetchval("SELECT to_regclass('owner') IS NOT NULL"):
            if (row := await connection.fetchrow(READ_OWNER)) is not None:
                marks[DATABASE] = Mark(row["store"], row["id"])
                settled = await connection.fetchval("SELECT settled FROM owner")
            instances = await connection.fetchval("SELECT instances FROM totals")
        found = Found(marks, settled, instances)
        require_same(self.settings, marks)
        if not self.adopting:
            self._refuse_doubt(found)
        return found

    async def settle(self, connection: Any, found: Found) -> Mark:
        """Mark what is not marked; a start that ends in between is gone on with by the next."""
        mark = next(
            (mark for mark in found.marks.values() if mark is not None),
            Mark(self.settings.store.name, uuid4()),
        )
        await connection.execute(
            "INSERT INTO owner (store, id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            mark.store,
            mark.id,
        )
        if found.marks[STREAMS] is None:
            await mark_streams(self.bus, mark)
        if found.marks[OBJECTS] is None:
            await mark_objects(self.objects, mark)
        await connection.execute("UPDATE owner SET settled = true WHERE NOT settled")
        lost = [place for place in found.marks if place not in found.marked]
        if found.marked and lost:
            log.warning("marked again as this store's", places=", ".join(lost), id=str(mark.id))
        return mark

    def _refuse_doubt(self, found: Found) -> None:
        """Raise `PonsError` where too few places carry the mark to know whose they are."""
        marked, shown = found.marked, places(self.settings)
        if DATABASE in marked and not found.settled:
            return
        if len(marked) == 1:
            [place] = marked
            others = " and ".join(f"the {one} {shown[one]}" for one in shown if one != place)
            raise PonsError(
                f"The {place} {shown[place]} belongs to store {self.settings.store.name} "
                f"({_id(found, place)}), but {others} are new or another's",
                "if a setting points to the wrong place, correct it; if this is that store after "
                "the loss of the others, ./pons reindex takes it and indexes its objects",
            )
        if marked and OBJECTS not in marked and found.instances:
            raise PonsError(
                f"The {OBJECTS} {shown[OBJECTS]} is not this store's: it has no mark, but the "
                f"database {shown[DATABASE]} knows {found.instances} instances",
                "is its disk mounted, does the setting point to the right place? If the objects "
                "are really lost, ./pons reindex takes the new place",
            )


def _id(found: Found, place: str) -> str:
    mark = found.marks[place]
    return str(mark.id) if mark else ""

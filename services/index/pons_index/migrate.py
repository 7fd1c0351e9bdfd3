# SPDX-License-Identifier: Apache-2.0
"""`python -m pons_index.migrate`: the database brought to this version's schema, and nothing else.

The index does the same at its start. An upgrade of a cluster does it once and before, so that a
migration that takes long, or fails, is seen by itself while the old version goes on. Any number may
run at once, and again: whoever comes first migrates, the others find it done.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence

import structlog

from pons.bus import open_bus
from pons.catalog.connection import open_reader
from pons.errors import PonsError, Unavailable, log_text
from pons.ownership import READ_SCHEMA, SCHEMA
from pons.settings import Settings
from pons_index.database import delays, open_database, require_url
from pons_index.ownership import Claim
from pons_index.service import opened_objects
from pons_index.tool import run_tool

log = structlog.get_logger()


async def migrate_database(settings: Settings) -> int:
    """Apply what is missing, and mark the store's three places as the index does; the exit code.

    Waits, and says so, while database, NATS or object store are away. Raises `PonsError` where the
    database cannot be this store's.
    """
    require_url(settings)
    async with (
        open_bus(settings) as bus,
        opened_objects(settings) as objects,
        open_database(settings, Claim(settings, bus, objects)),
    ):
        log.info("the database has the schema of this version", schema=SCHEMA)
    return 0


async def wait_for_schema(settings: Settings) -> int:
    """Return, with the exit code, once somebody has brought the database to this version's schema.

    Changes nothing. A later schema will do that still lets this version work, so that a process of
    the version before starts again while the next one comes. Raises `PonsError` for any other.
    """
    require_url(settings)
    reader = open_reader(settings.database)
    try:
        for delay in delays():
            try:
                row = await reader.peek(READ_SCHEMA)
                found, oldest = (number or 0 for number in row) if row else (0, 0)
                reason = f"it has schema {found}, this version needs {SCHEMA}"
            except Unavailable as error:
                found, oldest, reason = 0, 0, log_text(error)
            if oldest > SCHEMA:
                raise PonsError(
                    f"The database is newer than this version of Pons: its schema is {found}, "
                    f"this version knows {SCHEMA}",
                    "start the version that made it, or a later one",
                )
            if found >= SCHEMA:
                return 0
            log.warning("waiting for the database's schema", reason=reason, retry_seconds=delay)
            await asyncio.sleep(delay)
    finally:
        reader.close()
    raise AssertionError("delays never end")


def main(words: Sequence[str] | None = None) -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(prog="migrate", description=__doc__)
    parser.add_argument(
        "--wait", action="store_true", help="do not migrate: wait until another has done so"
    )
    work = wait_for_schema if parser.parse_args(words).wait else migrate_database
    return run_tool("migrate", work)


if __name__ == "__main__":
    sys.exit(main())

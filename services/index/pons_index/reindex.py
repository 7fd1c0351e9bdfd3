# SPDX-License-Identifier: Apache-2.0
"""`python -m pons_index.reindex`: the index from the objects alone, beside whatever else runs.

It is one more replica of the index that compares every object, and ends when that is done. It takes
database and streams that are new for this store's; interrupted, it goes on where it was.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from typing import Any

from pons.health.readiness import Health
from pons.settings import Settings
from pons_index.database import open_pool
from pons_index.service import open_index
from pons_index.statements import SQL
from pons_index.tool import run_tool

TELL_EVERY = 2.0
LOST = (
    "Instances, tags, origins, labels, metadata and attachments come back from the objects and the "
    "notes beside them. What cannot: the list of changes begins anew, exports are forgotten, and "
    "what hung on resources before this version noted it."
)


async def reindex(settings: Settings) -> int:
    """Compare all objects with the index, and say how far it is; the exit code."""
    began = time.monotonic()
    print(LOST, flush=True)
    async with (
        open_index(settings, Health("reindex"), adopting=True, asked="./pons reindex") as index,
        open_pool(settings) as database,
    ):
        done = asyncio.create_task(index.done.wait())
        while not done.done():
            await asyncio.wait((done,), timeout=TELL_EVERY)
            await _tell(database.pool, began)
    print(f"done after {time.monotonic() - began:.0f} s", flush=True)
    return 0


async def _tell(pool: Any, began: float) -> None:
    instances = await pool.fetchval("SELECT instances FROM totals")
    rows = await pool.fetch(SQL["count_findings"])
    kinds = ", ".join(f"{row['objects']} {row['kind']}" for row in rows) or "nothing unknown"
    print(f"{time.monotonic() - began:6.0f} s: {instances} instances; {kinds}", flush=True)


def main(words: Sequence[str] | None = None) -> int:
    """The command; its exit code."""
    argparse.ArgumentParser(prog="reindex", description=__doc__).parse_args(words)
    return run_tool("reindex", reindex)


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""The jobs `Archive` and `Media`: a ZIP that is kept until it is fetched."""

import asyncio
import time
from contextlib import aclosing

import msgspec

from pons.catalog import Statistics
from pons.jobs import ArchiveOrder, Jobs, Run
from pons.jobs.archive import OUTPUT, archive_content
from pons.objects import Objects, Spool
from pons_render.archive.stream import Archive, Archives

TELL_SECONDS = 0.5
"""How often it is kept how far the job is."""
ZIP = "application/zip"


class ArchiveJob:
    """Handler of both. An interrupted job starts its ZIP again."""

    def __init__(self, jobs: Jobs, archives: Archives, objects: Objects, keep: int) -> None:
        """`keep`: how many ZIPs the store keeps, the latest ones."""
        self._jobs = jobs
        self._archives = archives
        self._objects = objects
        self._keep = keep

    async def __call__(self, run: Run) -> None:
        order = msgspec.convert(run.request.arguments, ArchiveOrder)
        if OUTPUT not in run.document.outputs:
            await self._make(run, order)
        await self._jobs.drop_old_outputs(self._keep)

    async def _make(self, run: Run, order: ArchiveOrder) -> None:
        archive = await self._archives.open(order.request)
        with self._objects.spool() as spool:
            await _write(run, order, archive, spool)
            await run.deliver(OUTPUT, spool, ZIP, order.filename)


async def _write(run: Run, order: ArchiveOrder, archive: Archive, spool: Spool) -> None:
    totals = await archive.totals()
    told = time.monotonic()
    await _tell(run, order, archive, totals, 0)
    async with aclosing(archive.pieces()) as pieces:
        async for piece in pieces:
            await asyncio.to_thread(spool.write, piece)
            if time.monotonic() - told >= TELL_SECONDS:
                await _tell(run, order, archive, totals, spool.size)
                told = time.monotonic()
    done = Statistics(archive.uncompressed, archive.uncompressed, instances=archive.instances)
    await _tell(run, order, archive, done, spool.size)


async def _tell(
    run: Run, order: ArchiveOrder, archive: Archive, totals: Statistics, written: int
) -> None:
    progress = min(archive.uncompressed / totals.size, 1.0) if totals.size else 0.0
    left_out = {one.instance_id: one.reason for one in archive.left_out}
    content = archive_content(order.request, totals.instances or 0, totals.size, written, left_out)
    await run.step(progress, content, None)

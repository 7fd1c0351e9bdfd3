# SPDX-License-Identifier: Apache-2.0
"""What is left in the bucket of jobs that are gone."""

import asyncio
from contextlib import suppress

import structlog

from pons.bus import check_cancelled
from pons.bus.bucket import Outdated
from pons.errors import Unavailable, log_text
from pons.jobs.board import Jobs, read_documents

log = structlog.get_logger()

REMOVE_EVERY = 3600.0
"""Seconds."""


async def remove_leftovers_forever(jobs: Jobs) -> None:
    """Do so at once, and then every hour."""
    while True:
        try:
            await remove_leftovers(jobs)
        except Unavailable as error:  # the next time does it
            log.warning("what is left of jobs stays", error=log_text(error))
        check_cancelled()
        await asyncio.sleep(REMOVE_EVERY)


async def remove_leftovers(jobs: Jobs) -> None:
    """Delete the steps of jobs that are gone: whoever dies while it forgets a job leaves them, and
    releases that knew no steps did. Raises `Unavailable`."""
    steps = await jobs.bucket.all("*.step")
    # Read behind them: a step is not written before the document of its job.
    known = {document.id for document, _ in await read_documents(jobs.bus)}
    left = [entry for entry in steps if entry.key.removesuffix(".step") not in known]
    for entry in left:
        with suppress(Outdated):
            await jobs.bucket.purge(entry.key, entry.revision)
    if left:
        log.info("steps of forgotten jobs removed", steps=len(left))

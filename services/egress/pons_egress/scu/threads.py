# SPDX-License-Identifier: Apache-2.0
"""Threads for associations of pynetdicom: bounded in number, and none outlives its caller."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import copy_context
from typing import Any, TypeVar

from pons.errors import Unavailable
from pons.settings import EgressSettings
from pons_egress.peer import Peer
from pons_egress.scu.association import Association, Offer

T = TypeVar("T")
GRACE = 2.0
"""Seconds in which work that is to end may tell the peer so, before its connection is cut."""


class ScuThreads:
    """Runs work on associations. Open it with `open_threads`."""

    def __init__(self, settings: EgressSettings) -> None:
        self._maximum_length = settings.maximum_pdu_length
        self._room = asyncio.Semaphore(settings.scu_threads)
        self._pool = ThreadPoolExecutor(settings.scu_threads, thread_name_prefix="scu")
        self._running: dict[asyncio.Future[Any], Association] = {}

    async def run(
        self,
        peer: Peer,
        offer: Offer,
        work: Callable[[Association], T],
        within: float | None = None,
    ) -> T:
        """What `work`, in a thread, makes of an association that is open as long as it runs.

        Waits for a free thread first, for up to `within` seconds, which then count anew. `work` has
        to end soon after `association.cancelled` is set, which happens when its time is over, when
        whoever waits here is cancelled, and at the end of the service; else its connection is cut.
        Raises `RemoteFailure` when there is no association, and when it breaks or takes too long;
        `Unavailable` when no thread becomes free.
        """
        async with self._waited_for(within):
            association = Association(peer, offer, self._maximum_length)
            loop = asyncio.get_running_loop()
            known = copy_context()  # of which call it is
            done = loop.run_in_executor(self._pool, known.run, association.run, work)
            self._running[done] = association
            done.add_done_callback(self._forget)
            try:
                await asyncio.wait((done,), timeout=within)
            except asyncio.CancelledError:
                await _end({done: association})
                raise
            if not done.done():
                association.tell_end(f"has not finished within {within:g} s")
                await _end({done: association})
            if association.cancelled.is_set():
                raise association.failure()
            return await done

    @asynccontextmanager
    async def _waited_for(self, within: float | None) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(within):
                await self._room.acquire()
        except TimeoutError:
            what = "Too many modalities are being asked"
            raise Unavailable(what, "try again later, or raise egress.scu_threads") from None
        try:
            yield
        finally:
            self._room.release()

    def _forget(self, done: "asyncio.Future[Any]") -> None:
        self._running.pop(done)
        done.exception()  # of work that nobody waits for any more, nobody asks

    async def close(self) -> None:
        """End what still runs, and wait until it has ended."""
        for association in self._running.values():
            association.tell_end("this store is shutting down")
        await _end(dict(self._running))
        self._pool.shutdown()


async def _end(running: dict["asyncio.Future[Any]", Association]) -> None:
    """Have the work of these associations end, by itself or because its connection is cut."""
    for association in running.values():
        association.cancelled.set()
    _, left = await asyncio.wait(running, timeout=GRACE) if running else ((), ())
    for done in left:
        running[done].cut()
    if left:
        await asyncio.wait(left)


@asynccontextmanager
async def open_threads(settings: EgressSettings) -> AsyncIterator[ScuThreads]:
    """Threads as long as the block runs; at its end no association is left."""
    threads = ScuThreads(settings)
    try:
        yield threads
    finally:
        await threads.close()

# SPDX-License-Identifier: Apache-2.0
"""The index' connections to PostgreSQL, and transactions that begin again until they succeed."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import asyncpg
import structlog

from pons.errors import PonsError, Unavailable, log_text
from pons.health.pulse import Pulse, Pulses
from pons.runtime.database import NOTICED_GONE, database_tls, server_of
from pons.settings import Settings
from pons_index.faults import (
    LOCK_SECONDS,
    STATEMENT_SECONDS,
    Slow,
    describe,
    is_passing,
    is_race,
    is_slow,
    passing_is_unavailable,
    unavailable,
    what_lasts,
)
from pons_index.migrations import migrate, read_migrations
from pons_index.ownership import Claim

log = structlog.get_logger()
T = TypeVar("T")

LONGEST_DELAY = 2.0
LEAST_CONNECTIONS = 3
"""A sweep keeps one, and waits for the writer, while it asks on another."""
ANSWER_SECONDS = STATEMENT_SECONDS + 10.0
"""Seconds after which a server that has not even ended a statement is taken for away."""
REPEAT_LOG = 10.0
"""Seconds until a failure that goes on is logged again."""
MOST_USES = 1000
"""Transactions after which a kept connection goes back to the pool, which renews old ones."""
IDLE_SECONDS = 300.0
"""Older connections may have been forgotten by a firewall on the way; kept or not."""
COMMAND_PATIENCE = 10.0
"""Seconds that a command waits for a database that is away before it says so."""

SESSION = {
    **NOTICED_GONE,
    "jit": "off",
    # Planning a statement anew costs more than running it.
    "plan_cache_mode": "force_generic_plan",
    # Every statement goes through an index; a plan made while tables are empty must stay good.
    "enable_seqscan": "off",
    "statement_timeout": f"{STATEMENT_SECONDS}s",
    "lock_timeout": f"{LOCK_SECONDS}s",
}
WRONG_SETTINGS = (
    asyncpg.InvalidPasswordError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)


class Database:
    """A pool of connections that survives restarts of the server. Open it with `open_database`."""

    def __init__(self, pool: Any) -> None:
        self.pool = pool
        self._told: dict[str, float] = {}
        """When what was said last."""
        self._kept: Any = None
        """A connection that its last user may want again at once; it counts as one in use."""
        self._uses = 0
        self._kept_at = 0.0
        """Since when it has not been used."""

    async def run(
        self,
        work: Callable[[Any], Awaitable[T]],
        patience: float = COMMAND_PATIENCE,
        waiting: Callable[[], Awaitable[None]] | None = None,
        pulse: Pulse | None = None,
        *,
        slow_again: bool = False,
        often: bool = False,
    ) -> T:
        """What `work` makes of a connection, begun again while the reason to fail can pass.

        `work` must be a transaction, or safe to repeat. Before each pause `waiting` is called, and
        `pulse` hears how it goes. What somebody has to repair is tried again, too: it goes on by
        itself once that is done. A caller that comes `often` finds a connection ready.

        Raises `Unavailable` after `patience` seconds, `Slow` when a statement took too long (unless
        `slow_again`), and at once whatever cannot pass.
        """
        deadline = asyncio.get_running_loop().time() + patience
        if pulse is not None:
            pulse.begin()
        for delay in delays():
            try:
                result = await (self._on_the_kept(work) if often else self._on_any(work))
            except Exception as error:
                await self._consider(error, pulse, again=slow_again)
                if asyncio.get_running_loop().time() + delay > deadline:
                    if isinstance(error, Unavailable):
                        raise
                    raise unavailable(error) from error
            else:
                if pulse is not None:
                    pulse.succeed()
                return result
            if waiting is not None:
                await waiting()
            await asyncio.sleep(delay)
        raise AssertionError("delays never end")

    async def _on_any(self, work: Callable[[Any], Awaitable[T]]) -> T:
        async with self.pool.acquire() as connection:
            return await work(connection)

    async def _on_the_kept(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """As `_on_any`, but keep the connection: the pool's ways cost a fifth of a transaction."""
        loop = asyncio.get_running_loop()
        connection, self._kept = self._kept, None
        if connection is not None and loop.time() - self._kept_at >= IDLE_SECONDS:
            connection.terminate()  # the pool would hand it out again
            connection = None
        if connection is None or connection.is_closed() or self._uses >= MOST_USES:
            if connection is not None:
                await self.pool.release(connection)
            connection, self._uses = await self.pool.acquire(), 0
        try:
            result = await work(connection)
        except BaseException:
            await self.pool.release(connection)
            raise
        self._uses += 1
        if self._kept is None:
            self._kept, self._kept_at = connection, loop.time()
        else:
            await self.pool.release(connection)
        return result

    async def let_go(self) -> None:
        """Give the connection that is kept back to the pool."""
        kept, self._kept = self._kept, None
        if kept is not None:
            await self.pool.release(kept)

    async def _consider(self, error: Exception, pulse: Pulse | None, *, again: bool) -> None:
        """Say what is wrong; raise what trying again cannot help."""
        if not is_passing(error):
            raise error
        if is_race(error):
            log.debug("database transaction begins again", error=repr(error))
            return
        why, lasts = describe(error), bool(what_lasts(error))
        if pulse is not None:
            pulse.fail(why, lasting=lasts)
        if is_slow(error) and not again:
            log.warning("database statement took too long", error=why)
            raise Slow from error
        if self._is_news(why):
            say = log.error if lasts else log.warning
            say("database transaction begins again", error=why)
        if lasts:
            # A session keeps the settings that it began with, `default_transaction_read_only` too.
            await self.let_go()
            await self.pool.expire_connections()

    def _is_news(self, why: str) -> bool:
        """Whether this was not said a moment ago: many tasks wait for the same."""
        now = asyncio.get_running_loop().time()
        self._told = {text: at for text, at in self._told.items() if now < at + REPEAT_LOG}
        if why in self._told:
            return False
        self._told[why] = now
        return True

    async def check(self) -> None:
        """Raise `Unavailable` unless the database answers."""
        with passing_is_unavailable():
            await self.pool.fetchval("SELECT 1", timeout=2)


def delays() -> Iterator[float]:
    """Pauses that grow from nothing to `LONGEST_DELAY`."""
    return itertools.chain((0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0), itertools.repeat(LONGEST_DELAY))


async def until_done(
    work: Callable[[], Awaitable[T]],
    waits: str,
    pulse: Pulse,
    passing: type[PonsError] = Unavailable,
) -> T:
    """What `work` gives, tried again while it raises what is `passing`.

    `waits` is what log and pulse say meanwhile.
    """
    for delay in delays():
        try:
            return await work()
        except passing as error:
            pulse.fail(f"{waits}: {error}")
            log.warning(waits, error=log_text(error), retry_seconds=delay)
        await asyncio.sleep(delay)
    raise AssertionError("delays never end")


def require_url(settings: Settings) -> None:
    """Raise `PonsError` when the database of the role that writes is not set."""
    if not settings.database.url:
        raise PonsError("database.url is not set", "the index needs the role that writes")


@asynccontextmanager
async def open_database(
    settings: Settings, claim: Claim | None = None, pulses: Pulses | None = None
) -> AsyncIterator[Database]:
    """A migrated database, marked as this store's; waits, and says so (also to `pulses`), until the
    server is there.

    Raises `PonsError` when it can never be used as it is configured.
    """
    require_url(settings)
    with (pulses or Pulses()).during("migrations") as pulse:
        await _migrate(settings, claim, pulse)
    async with open_pool(settings) as database:
        yield database


@asynccontextmanager
async def open_pool(settings: Settings) -> AsyncIterator[Database]:
    """A database that is migrated already."""
    pool = await asyncpg.create_pool(
        settings.database.url,
        ssl=database_tls(settings.database, settings.database.url),
        min_size=0,
        max_size=max(LEAST_CONNECTIONS, settings.database.pool_size),
        max_inactive_connection_lifetime=IDLE_SECONDS,
        command_timeout=ANSWER_SECONDS,
        server_settings=SESSION | {"application_name": f"pons-index {settings.store.name}"},
        reset=_keep,
    )
    database = Database(pool)
    try:
        yield database
    finally:
        await _close(database)


async def _migrate(settings: Settings, claim: Claim | None, pulse: Pulse) -> None:
    pulse.begin()
    tls = database_tls(settings.database, settings.database.url)
    for delay in delays():
        try:
            connection = await asyncpg.connect(
                settings.database.url, timeout=5, ssl=tls, server_settings=NOTICED_GONE
            )
            try:
                await migrate(connection, settings, read_migrations(), claim)
            finally:
                await connection.close(timeout=5)
            return
        except WRONG_SETTINGS as error:
            raise PonsError("The database refuses us", "see database.url") from error
        except Exception as error:
            if not is_passing(error):
                raise
            told = describe(error, server_of(settings.database.url))
            pulse.fail(told, lasting=bool(what_lasts(error)))
            say = log.error if what_lasts(error) else log.warning
            say("waiting for the database", error=told, retry_seconds=delay)
        await asyncio.sleep(delay)


async def _keep(_connection: Any) -> None:
    """Nothing to reset: what these connections change ends with its transaction."""


async def _close(database: Database) -> None:
    try:
        async with asyncio.timeout(5):
            await database.let_go()
            await database.pool.close()
    except TimeoutError:
        database.pool.terminate()

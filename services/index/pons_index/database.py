# SPDX-License-Identifier: Apache-2.0
"""The index' connections to PostgreSQL, and which of its errors pass by themselves."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import asyncpg
import structlog

from pons.errors import PonsError, Unavailable
from pons.settings import Settings
from pons_index.migrations import migrate, read_migrations
from pons_index.ownership import Claim

log = structlog.get_logger()
T = TypeVar("T")

LONGEST_DELAY = 2.0
LEAST_CONNECTIONS = 3
"""A sweep keeps one, and waits for the writer, while it asks on another."""
COMMAND_TIMEOUT = 60.0
COMMAND_PATIENCE = 10.0
"""Seconds that a command waits for a database that is away before it says so."""

SESSION = {
    "jit": "off",
    # Planning a statement anew costs more than running it.
    "plan_cache_mode": "force_generic_plan",
    # Every statement goes through an index; a plan made while tables are empty must stay good.
    "enable_seqscan": "off",
}
WRONG_SETTINGS = (
    asyncpg.InvalidPasswordError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)


class Raced(Exception):
    """Another replica was faster; the same transaction, begun again, sees what it did."""


def is_passing(error: BaseException) -> bool:
    """Whether the same transaction can succeed later: anything that is not about its values."""
    if isinstance(error, asyncpg.PostgresError):
        return not is_refusal(error)
    # What asyncpg raises for a server that went away is not only connection errors.
    lost = (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError, Raced)
    return isinstance(error, (*lost, Unavailable))


def is_refusal(error: BaseException) -> bool:
    """Whether PostgreSQL will never take these values: data, constraint or size."""
    if not isinstance(error, asyncpg.PostgresError):
        return False
    state = error.sqlstate or ""
    # A missing parent is a race with a delete, not a wrong value.
    return state[:2] in ("22", "23", "54") and state != "23503"


@contextmanager
def passing_is_unavailable() -> Iterator[None]:
    """Errors that pass by themselves leave the block as `Unavailable`."""
    try:
        yield
    except Exception as error:
        if not is_passing(error):
            raise
        raise _unavailable(error) from error


def _unavailable(error: Exception) -> Unavailable:
    if isinstance(error, Unavailable):
        return error
    return Unavailable("The database does not answer", repr(error))


class Database:
    """A pool of connections that survives restarts of the server. Open it with `open_database`."""

    def __init__(self, pool: Any) -> None:
        self.pool = pool

    async def run(
        self,
        work: Callable[[Any], Awaitable[T]],
        patience: float = COMMAND_PATIENCE,
        waiting: Callable[[], Awaitable[None]] | None = None,
    ) -> T:
        """What `work` makes of a connection, begun again while the reason to fail can pass.

        `work` must be a transaction, or safe to repeat. Before each pause `waiting` is called.
        Raises `Unavailable` after `patience` seconds, and at once whatever cannot pass.
        """
        deadline = asyncio.get_running_loop().time() + patience
        for delay in delays():
            try:
                async with self.pool.acquire() as connection:
                    return await work(connection)
            except Exception as error:
                if not is_passing(error):
                    raise
                if asyncio.get_running_loop().time() + delay > deadline:
                    raise _unavailable(error) from error
                say = log.debug if isinstance(error, Raced) else log.warning
                say("database transaction begins again", error=repr(error))
            if waiting is not None:
                await waiting()
            await asyncio.sleep(delay)
        raise AssertionError("delays never end")

    async def check(self) -> None:
        """Raise `Unavailable` unless the database answers."""
        with passing_is_unavailable():
            await self.pool.fetchval("SELECT 1", timeout=2)


def delays() -> Iterator[float]:
    """Pauses that grow from nothing to `LONGEST_DELAY`."""
    return itertools.chain((0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0), itertools.repeat(LONGEST_DELAY))


def require_url(settings: Settings) -> None:
    """Raise `PonsError` when the database of the role that writes is not set."""
    if not settings.database.url:
        raise PonsError("database.url is not set", "the index needs the role that writes")


@asynccontextmanager
async def open_database(settings: Settings, claim: Claim | None = None) -> AsyncIterator[Database]:
    """A migrated database, marked as this store's; waits, and says so, until the server is there.

    Raises `PonsError` when it can never be used as it is configured.
    """
    require_url(settings)
    await _migrate(settings, claim)
    async with open_pool(settings) as database:
        yield database


@asynccontextmanager
async def open_pool(settings: Settings) -> AsyncIterator[Database]:
    """A database that is migrated already."""
    pool = await asyncpg.create_pool(
        settings.database.url,
        min_size=0,
        max_size=max(LEAST_CONNECTIONS, settings.database.pool_size),
        max_inactive_connection_lifetime=300,
        command_timeout=COMMAND_TIMEOUT,
        server_settings=SESSION | {"application_name": f"pons-index {settings.store.name}"},
        reset=_keep,
    )
    try:
        yield Database(pool)
    finally:
        await _close(pool)


async def _migrate(settings: Settings, claim: Claim | None) -> None:
    for delay in delays():
        try:
            connection = await asyncpg.connect(settings.database.url, timeout=5)
            try:
                await migrate(connection, settings, read_migrations(), claim)
            finally:
                await connection.close(timeout=5)
            return
        except WRONG_SETTINGS as error:
            raise PonsError(f"The database refuses us: {error}", "see database.url") from None
        except Exception as error:
            if not is_passing(error):
                raise
            log.warning("waiting for the database", error=repr(error), retry_seconds=delay)
        await asyncio.sleep(delay)


async def _keep(_connection: Any) -> None:
    """Nothing to reset: what these connections change ends with its transaction."""


async def _close(pool: Any) -> None:
    try:
        async with asyncio.timeout(5):
            await pool.close()
    except TimeoutError:
        pool.terminate()

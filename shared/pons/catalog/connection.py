# SPDX-License-Identifier: Apache-2.0
"""Reading PostgreSQL: connections are made when asked, and find their way back by themselves."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar

import asyncpg

from pons.errors import DatabaseUnavailable, Unavailable
from pons.ownership import Owner
from pons.runtime.database import NOTICED_GONE, database_tls, server_of
from pons.settings import DatabaseSettings
from pons.tls.servers import POSTGRESQL, no_tls

CONNECT_SECONDS = 3.0
STATEMENT_SECONDS = 60
"""Seconds after which the server ends a statement; its connection serves the next one."""
ANSWER_SECONDS = STATEMENT_SECONDS + 10.0
"""Seconds after which a server that has not even done that is taken for away."""
LOOK_SECONDS = 5.0
"""Seconds between two looks for such servers."""
HASTY_CONNECTIONS = 2
"""For what may be estimated instead, so that it holds up nothing else."""
IDLE_SECONDS = 300.0
"""Older connections may have been forgotten by a firewall on the way."""
ATTEMPTS = 2
"""A connection may have died since its last use; reads can be repeated."""

AWAY: tuple[type[Exception], ...] = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.CannotConnectNowError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)
NOT_PREPARED = (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError)

UNUSABLE = (
    asyncpg.InsufficientPrivilegeError,
    asyncpg.DiskFullError,
    asyncpg.PostgresIOError,
    asyncpg.DataCorruptedError,
    asyncpg.IndexCorruptedError,
)
"""What somebody has to repair; its own words, and no bug of ours."""

Plans = Literal["auto", "force_custom_plan", "force_generic_plan"]
"""PostgreSQL's words for when it plans a statement: as it thinks best, each time, once."""

BY_INDEX = {"enable_seqscan": "off", "enable_bitmapscan": "off"}
"""A plan that was made while tables were small serves them when they have grown, too."""


class TooSlow(Unavailable):
    """The statement took longer than it may."""


Record = Any
T = TypeVar("T")
Ask = Callable[[asyncpg.Connection], Awaitable[T]]


class Reader:
    """Single statements on connections that cannot write; opened when asked, kept for the next.

    asyncpg's own pool costs as much time again as a short statement (a task for each release, and
    a round trip that resets a session which here has no state), so this keeps a stack instead.
    Nor does each statement have a timer of asyncpg's, a tenth of what a short one costs: one timer
    looks at all of them.

    Raises `Unavailable` from every method while the database is away, or is not that of `owner`.
    """

    def __init__(
        self,
        url: str,
        connections: int,
        plans: Plans = "auto",
        owner: Owner | None = None,
        seconds: float | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`seconds`: after which the server ends a statement, and nobody waits for a connection
        any more; None: `STATEMENT_SECONDS`, and everybody does. `tls`: what the server has to
        fulfil; None: as the address says."""
        self._tls = tls
        self._patience = seconds
        self._url = url
        self._owner = owner
        self._plans = plans
        self._seconds = STATEMENT_SECONDS if seconds is None else seconds
        self._others: list[Reader] = []
        self._slots = asyncio.Semaphore(connections)
        self._idle: list[tuple[asyncpg.Connection, float]] = []
        self._asked: dict[asyncpg.Connection, float] = {}
        """Since when a connection has been waited for."""
        self._watching = False

    def rows(self, statement: str, *values: Any) -> Awaitable[list[Record]]:
        """All rows."""
        return self._read(lambda connection: connection.fetch(statement, *values))

    def row(self, statement: str, *values: Any) -> Awaitable[Record | None]:
        """The first row, or None."""
        return self._read(lambda connection: connection.fetchrow(statement, *values))

    async def peek(self, statement: str) -> Record | None:
        """The first row, of whatever database this is: for whoever compares its owner."""
        return await self._read(lambda connection: connection.fetchrow(statement), peeking=True)

    async def check(self) -> None:
        """Return when the database answers and has its schema."""
        await self.row("SELECT last_change FROM totals")

    def within(self, seconds: float) -> "Reader":
        """Another reader, of statements that may take so long; `close` closes it, too."""
        other = Reader(self._url, HASTY_CONNECTIONS, self._plans, self._owner, seconds, self._tls)
        self._others.append(other)
        return other

    def close(self) -> None:
        for other in self._others:
            other.close()
        self._forget()

    def _forget(self) -> None:
        while self._idle:
            self._idle.pop()[0].terminate()

    async def _read(self, ask: Ask[T], *, peeking: bool = False) -> T:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                await (self._slots.acquire() if self._patience is None else self._acquire())
                try:
                    return await (self._peek(ask) if peeking else self._once(ask))
                finally:
                    self._slots.release()
            except asyncpg.QueryCanceledError as error:
                raise TooSlow(
                    f"The search takes longer than {self._seconds:g} s",
                    "ask for less at once, or by an attribute that few resources share",
                ) from error
            except NOT_PREPARED as error:
                raise DatabaseUnavailable(
                    "The database is not prepared yet", "the index service does so when it starts"
                ) from error
            except UNUSABLE as error:
                raise DatabaseUnavailable(
                    "The database cannot be read", "an operator has to repair it: see the index"
                ) from error
            except AWAY as error:
                if isinstance(error, ValueError) and not isinstance(error, OSError):
                    raise  # a value that no column takes: our own mistake, or the caller's
                if attempt == ATTEMPTS:
                    told = (
                        no_tls(server_of(self._url), error, POSTGRESQL)
                        or "The database does not answer"
                    )
                    raise DatabaseUnavailable(told) from error
                self._forget()  # the others are as old: start afresh
        raise AssertionError("unreachable")

    async def _acquire(self) -> None:
        """Wait for leave to use a connection. Raises `TooSlow` where others have them too long."""
        try:
            async with asyncio.timeout(self._patience):
                await self._slots.acquire()
        except TimeoutError:
            raise TooSlow(
                f"Others have been searching for {self._patience:g} s", "try again in a moment"
            ) from None

    async def _once(self, ask: Ask[T]) -> T:
        connection = self._take() or await self._connect()
        self._asked[connection] = time.monotonic()
        if not self._watching:
            self._look()
        try:
            result = await ask(connection)
        except asyncpg.QueryCanceledError:
            self._idle.append((connection, time.monotonic()))  # it is well, and says so
            raise
        except BaseException:
            connection.terminate()  # also when cancelled: an answer may still be on its way
            raise
        finally:
            del self._asked[connection]
        self._idle.append((connection, time.monotonic()))
        return result

    def _look(self) -> None:
        """Give up connections whose server has not answered for long; again soon, if any waits."""
        latest = time.monotonic() - ANSWER_SECONDS
        for connection, since in self._asked.items():
            if since < latest:
                connection.terminate()
        self._watching = bool(self._asked)
        if self._watching:
            asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)

    async def _peek(self, ask: Ask[T]) -> T:
        connection = await self._open()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await ask(connection)
        finally:
            connection.terminate()

    def _take(self) -> asyncpg.Connection | None:
        while self._idle:
            connection, since = self._idle.pop()
            if not connection.is_closed() and time.monotonic() - since < IDLE_SECONDS:
                return connection
            connection.terminate()
        return None

    async def _connect(self) -> asyncpg.Connection:
        connection = await self._open()
        try:
            if self._owner is not None:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self._owner.require(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def _open(self) -> asyncpg.Connection:
        return await asyncpg.connect(
            self._url,
            timeout=CONNECT_SECONDS,
            ssl=self._tls,
            server_settings={
                **NOTICED_GONE,
                "default_transaction_read_only": "on",
                "application_name": "pons-catalog",
                "jit": "off",
                "plan_cache_mode": self._plans,
                "statement_timeout": f"{self._seconds * 1000:.0f}ms",
                **(BY_INDEX if self._plans == "force_generic_plan" else {}),
            },
        )


def open_reader(
    database: DatabaseSettings, plans: Plans = "auto", owner: Owner | None = None
) -> Reader:
    """A reader of the configured database; it connects with the first statement.

    With a `reader_url` the role itself cannot write; without, every transaction is read-only.
    Raises `Unavailable` where `tls_ca` names no certificates.
    """
    url = database.reader_url or database.url
    if not url:
        raise DatabaseUnavailable(
            "No database is configured", "set database.url or database.reader_url"
        )
    return Reader(url, database.pool_size, plans, owner, tls=database_tls(database, url))

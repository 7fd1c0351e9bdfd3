# SPDX-License-Identifier: Apache-2.0
"""Connections: who comes often has one ready, and the pool renews it all the same."""

from typing import Any

import pytest

from pons_index import database as tested
from pons_index.database import Database

pytestmark = pytest.mark.anyio


async def session(connection: Any) -> int:
    """The session of a connection, in the server's words."""
    pid: int = await connection.fetchval("SELECT pg_backend_pid()")
    return pid


async def fail(_connection: Any) -> None:
    raise ValueError("in the work")


async def test_who_comes_often_meets_the_same_session(database: Database) -> None:
    """While others have sessions of their own."""
    first = await database.run(session, often=True)
    async with database.pool.acquire() as other:
        assert await session(other) != first
        assert await database.run(session, often=True) == first
    assert await database.run(session) != first


async def test_two_at_a_time_have_two_sessions(database: Database) -> None:
    async def within(connection: Any) -> tuple[int, int]:
        return await session(connection), await database.run(session, often=True)

    outer, inner = await database.run(within, often=True)
    assert outer != inner


async def test_a_session_that_has_ended_is_not_met_again(database: Database) -> None:
    """Nor one whose transaction failed in a way that nobody expects, while it holds nothing."""
    first = await database.run(session, often=True)
    await database.pool.execute("SELECT pg_terminate_backend($1)", first)
    assert await database.run(session, often=True) != first
    with pytest.raises(ValueError, match="in the work"):
        await database.run(fail, often=True)
    assert database._kept is None
    assert await database.run(session, often=True)


async def test_a_session_that_nobody_used_for_long_is_not_met_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A firewall may have forgotten it: the first image of a morning would wait a minute for it."""
    first = await database.run(session, often=True)
    monkeypatch.setattr(tested, "IDLE_SECONDS", 0.0)
    assert await database.run(session, often=True) != first
    assert database.pool.get_idle_size() == database.pool.get_size() - 1


async def test_the_pool_gets_it_back_now_and_then(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tested, "MOST_USES", 3)
    await database.run(session, often=True)
    kept = database._kept
    for _ in range(3):
        await database.run(session, often=True)
    assert database._kept is not kept
    await database.let_go()
    assert database.pool.get_idle_size() == database.pool.get_size()

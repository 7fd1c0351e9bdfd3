# SPDX-License-Identifier: Apache-2.0
"""Reading the database: what is slow, what is away, and what is a mistake."""

import os
import signal
import time

import asyncpg
import pytest

from pons.catalog.connection import Reader, TooSlow, open_reader
from pons.errors import Unavailable
from pons_testing.postgres import PostgresServer

pytestmark = pytest.mark.anyio


async def backend(reader: Reader) -> int:
    row = await reader.row("SELECT pg_backend_pid()")
    assert row is not None
    return int(row[0])


async def test_a_slow_query_is_no_absent_database(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is ended once, told in its own words, and no connection is given up for it."""
    monkeypatch.setattr("pons.catalog.connection.STATEMENT_SECONDS", 2)
    async with postgres.database() as database:
        reader = open_reader(database)
        before = await backend(reader)
        began = time.monotonic()
        with pytest.raises(Unavailable, match="The search takes longer than 2 s") as raised:
            await reader.rows("SELECT pg_sleep(30)")
        assert time.monotonic() - began < 25
        assert "ask for less" in raised.value.details
        assert await backend(reader) == before
        reader.close()


async def test_a_reader_in_a_hurry(postgres: PostgresServer) -> None:
    """Its statements end sooner than others, and it is closed with the reader that made it."""
    async with postgres.database() as database:
        reader = open_reader(database)
        hasty = reader.within(0.1)
        with pytest.raises(TooSlow, match=r"The search takes longer than 0\.1 s"):
            await hasty.rows("SELECT pg_sleep(30)")
        await reader.rows("SELECT pg_sleep(0.3)")
        # Of one that has time: to be asked takes longer than 0.1 s on a busy machine.
        other = reader.within(60)
        before = await backend(other)
        reader.close()
        assert await backend(other) != before
        reader.close()


async def test_a_value_that_no_column_takes_is_a_mistake(postgres: PostgresServer) -> None:
    """It is not taken for an absent database, and asked once."""
    async with postgres.database() as database:
        reader = open_reader(database)
        with pytest.raises(Exception, match="invalid input for query argument") as raised:
            await reader.rows("SELECT $1::int", "x")
        assert not isinstance(raised.value, Unavailable)
        reader.close()


async def test_a_right_that_is_missing_is_said(postgres: PostgresServer) -> None:
    """A reader that may not read a table is no bug: somebody has to repair that."""
    async with postgres.database() as database:
        writer = open_reader(database.model_copy(update={"reader_url": database.url}))
        reader = open_reader(database)
        connection = await asyncpg.connect(database.url)
        await connection.execute("CREATE TABLE secret (one int)")
        await connection.execute("REVOKE ALL ON secret FROM PUBLIC")
        role = await reader.row("SELECT quote_ident(current_user)")
        assert role is not None
        await connection.execute(f"REVOKE ALL ON secret FROM {role[0]}")
        await connection.close()
        assert await writer.rows("SELECT one FROM secret") == []
        with pytest.raises(Unavailable, match="The database cannot be read"):
            await reader.rows("SELECT one FROM secret")
        reader.close()
        writer.close()


async def test_a_server_that_hangs_is_given_up(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it was asked is asked once more, on another connection."""
    monkeypatch.setattr("pons.catalog.connection.ANSWER_SECONDS", 1.0)
    monkeypatch.setattr("pons.catalog.connection.LOOK_SECONDS", 0.1)
    async with postgres.database() as database:
        reader = open_reader(database)
        hangs = await backend(reader)
        os.kill(hangs, signal.SIGSTOP)
        try:
            assert await backend(reader) != hangs
        finally:
            os.kill(hangs, signal.SIGCONT)
            reader.close()

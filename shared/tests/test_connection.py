# SPDX-License-Identifier: Apache-2.0
"""Reading the database: what is slow, what is away, and what is a mistake."""

import time
from collections.abc import Iterator

import pytest

from pons.catalog.connection import Reader, open_reader
from pons.errors import Unavailable
from pons.testing.postgres import PostgresServer, postgres_server

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with postgres_server(tmp_path_factory.mktemp("connection-postgres")) as server:
        yield server


async def backend(reader: Reader) -> int:
    row = await reader.row("SELECT pg_backend_pid()")
    assert row is not None
    return int(row[0])


async def test_a_slow_query_is_no_absent_database(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is ended once, told in its own words, and no connection is given up for it."""
    monkeypatch.setattr("pons.catalog.connection.STATEMENT_SECONDS", 1)
    async with postgres.database() as database:
        reader = open_reader(database)
        before = await backend(reader)
        began = time.monotonic()
        with pytest.raises(Unavailable, match="The search takes longer than 1 s") as raised:
            await reader.rows("SELECT pg_sleep(30)")
        assert time.monotonic() - began < 1.9
        assert "ask for less" in raised.value.details
        assert await backend(reader) == before
        reader.close()


async def test_a_value_that_no_column_takes_is_a_mistake(postgres: PostgresServer) -> None:
    """It is not taken for an absent database, and asked once."""
    async with postgres.database() as database:
        reader = open_reader(database)
        before = await backend(reader)
        with pytest.raises(Exception, match="invalid input for query argument") as raised:
            await reader.rows("SELECT $1::int", "x")
        assert not isinstance(raised.value, Unavailable)
        assert await backend(reader) != 0
        assert before
        reader.close()

# SPDX-License-Identifier: Apache-2.0
"""What PostgreSQL makes of the statements: none of them reads a whole table."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pons_index
from pons.dicom.identity import to_text
from pons.messages.events import Announcement
from pons_index.arrival import arrivals
from pons_index.database import Database
from pons_index.statements import SQL
from pons_testing.events import received

pytestmark = pytest.mark.anyio
Index = Any

WHOLE = {
    *("count_garbage", "count_unreadable", "forget_garbage", "clear_exports"),
    *("described_resources", "forget_dead"),  # once, after a whole comparison
}
"""Statements that are about all rows of a table, or of one that is always small."""
SMALL = {"totals", "relay", "refused", "continuity", "fence", "signatures"}


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


async def plan_of(database: Database, name: str) -> dict[str, Any]:
    """The plan that a session of the index keeps: it reads a table only where no index serves."""
    async with database.pool.acquire() as connection, connection.transaction():
        parameters = (await connection.prepare(SQL[name])).get_parameters()
        await connection.execute(f"PREPARE {name} AS {SQL[name]}")
        values = f"({', '.join(['NULL'] * len(parameters))})" if parameters else ""
        text = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE {name}{values}")
        await connection.execute(f"DEALLOCATE {name}")
    plan: dict[str, Any] = json.loads(text)[0]["Plan"]
    return plan


async def fill(index: Index, instances: int) -> None:
    """Rows in every table that grows."""
    for start in range(0, instances, 2000):
        await index.write(
            *(
                received(
                    f"1.{number}",
                    patient_id=f"P{number // 20}",
                    study_uid=f"1.{number // 10}",
                    series_uid=f"1.{number // 5}",
                )
                for number in range(start, start + 2000)
            )
        )
    await index.database.pool.execute(
        "INSERT INTO garbage (object_key, reason, collected)"
        " SELECT gen_random_uuid(), 'deleted', CASE WHEN n % 10 > 0 THEN now() END"
        " FROM generate_series(1, 5000) n"
    )
    await index.database.pool.execute("ANALYZE")


def test_every_statement_that_is_named_exists() -> None:
    """A statement that is renamed in one place only would be missed when it is needed."""
    folder = Path(pons_index.__file__).parent
    named = {
        name
        for path in folder.glob("*.py")
        for name in re.findall(r'SQL\["(\w+)"\]', path.read_text(encoding="utf-8"))
    }
    assert named - set(SQL) == set()


async def test_no_statement_reads_a_whole_table(index: Index) -> None:
    """Writing, deleting and collecting cost the same however much the store holds."""
    await fill(index, 6000)
    scans: dict[str, set[str]] = {}
    for name, statement in SQL.items():
        if not statement.startswith("LOCK") and name not in WHOLE:
            plan = await plan_of(index.database, name)
            whole = {
                node["Relation Name"] for node in nodes(plan) if node["Node Type"] == "Seq Scan"
            }
            if whole - SMALL:
                scans[name] = whole - SMALL
    assert scans == {}


async def test_writing_reads_no_whole_table(index: Index) -> None:
    """Nor do the statements inside of `write_batch`, those that complete a series included."""
    await fill(index, 6000)

    async def scanned() -> dict[str, int]:
        async with index.database.pool.acquire() as connection:
            await connection.execute("SELECT pg_stat_force_next_flush()")
            rows = await connection.fetch("SELECT relname, seq_scan FROM pg_stat_user_tables")
        return {row["relname"]: row["seq_scan"] for row in rows if row["relname"] not in SMALL}

    await index.database.pool.execute("SELECT count(tags) FROM studies")
    before = await scanned()
    expected = {"t00201002": ("IS", 2), "t00200105": ("IS", 1)}
    places = [received(f"2.{n}", series_uid="2.0", t00200013=("IS", n), **expected) for n in (1, 2)]
    await index.write(*places)
    assert ("CompletedSeries", to_text(arrivals(Announcement("", places))[0].series)) in (
        await index.changes()
    )
    assert await scanned() == before
    assert before["studies"] > 0


async def test_statistics_read_one_row(index: Index) -> None:
    """The totals cost the same at a hundred and at ten million instances."""
    await fill(index, 2000)
    async with index.database.pool.acquire() as connection:
        text = await connection.fetchval(
            "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)"
            " SELECT patients, studies, series, instances, size, stored_size FROM totals"
        )
    plan = json.loads(text)[0]["Plan"]
    assert plan["Actual Rows"] == 1
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] <= 2

# SPDX-License-Identifier: Apache-2.0
"""`python -m pons_index.fsck`: whether every row has its object, and every object its row."""

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

import xxhash

from pons.bus import open_bus
from pons.dicom.identity import to_text
from pons.errors import PonsError
from pons.objects import SHARDS, Objects
from pons.objects.stored_file import ObjectFile, stream_file
from pons.settings import Settings
from pons_index.database import Database, open_pool
from pons_index.deletion import PATIENCE, take_time
from pons_index.ownership import Claim
from pons_index.service import opened_objects
from pons_index.statements import SQL
from pons_index.sweep import WRITING, Sweep, discard_unused, is_older
from pons_index.tool import run_tool

CLEAN, FOUND = 0, 1
"""Exit codes, beside `tool.CANNOT`."""
SHOWN = 20
SHARD_BITS, ROUND_BITS = 22, 30
"""A shard holds what is made in 2 ** 22 ms, and comes round again every 2 ** 30 ms."""
WHAT_TO_DO = {
    "missing": "send these instances again, or put a backup of the objects back; a file that comes "
    "again takes the place of the missing one",
    "damaged": "send these instances again, or put these objects back from a backup",
    "unannounced": "nothing: the index announces them again by itself within storage.orphan_grace; "
    "./pons reindex does so now",
    "quarantine": "nothing: they are deleted after storage.quarantine_days; "
    "--empty-quarantine deletes them now",
    "unreadable": "objects that were DICOM files and cannot be read: put them back from a backup; "
    "--empty-quarantine --with-unreadable deletes them",
    "dead letters": "the index refuses these announcements; their objects are kept: see "
    "/tools/dead-letters",
    "returned": "instances that the index had lost; one that was deleted on purpose, while every "
    "record of that was lost, is among them: delete it again",
}
FAULTS = ("missing", "damaged", "unannounced", "quarantine", "unreadable", "dead letters")
FINDINGS = {"leftover": "quarantine", "damaged": "unreadable", "returned": "returned"}


@dataclass
class Report:
    """What was found, by kind: one line for each."""

    objects: int = 0
    bytes: int = 0
    rows: int = 0
    found: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in WHAT_TO_DO})

    @property
    def exit_code(self) -> int:
        return FOUND if any(self.found[kind] for kind in FAULTS) else CLEAN

    def text(self, shown: int | None) -> Iterable[str]:
        yield f"{self.objects} objects ({self.bytes} bytes), {self.rows} rows that refer to objects"
        for kind, lines in self.found.items():
            if not lines:
                continue
            yield f"{kind}: {len(lines)} ({WHAT_TO_DO[kind]})"
            yield from (f"  {line}" for line in lines[:shown])
            if shown is not None and len(lines) > shown:
                yield f"  ... and {len(lines) - shown} more: --all shows them"
        yield "nothing is wrong" if self.exit_code == CLEAN else "something is wrong, see above"


class Fsck:
    """Compares all rows with all objects; changes nothing."""

    def __init__(
        self, database: Database, objects: Objects, sweep: Sweep, *, checksums: bool
    ) -> None:
        self._database = database
        self._objects = objects
        self._sweep = sweep
        self._checksums = checksums

    async def check(self) -> Report:
        """Everything, a shard at a time: so much is in memory."""
        report = Report()
        first, last = await self._span()
        for number, shard in enumerate(SHARDS):
            await self._check_shard(shard, shard_ranges(number, first, last), report)
        for kind, shown in FINDINGS.items():
            for row in await self._database.pool.fetch(SQL["list_findings"], kind):
                report.found[shown].append(_finding(row))
        for row in await self._database.pool.fetch(SQL["list_refused"]):
            report.found["dead letters"].append(f"{row['object_key']} {row['reason']}")
        return report

    async def _span(self) -> tuple[int, int]:
        """The milliseconds in which the first and the last object of a row were made."""
        row = await self._database.pool.fetchrow(SQL["first_and_last_key"])
        moments = [key.int >> 80 for key in row if key is not None]
        return min(moments, default=0), max(moments, default=-1)

    async def _check_shard(
        self, shard: str, ranges: Sequence[tuple[UUID, UUID]], report: Report
    ) -> None:
        columns = [first for first, _ in ranges], [beyond for _, beyond in ranges]
        # Rows before objects: what is deleted meanwhile has no row any more, what comes no object.
        async with self._database.pool.acquire() as connection, connection.transaction():
            await take_time(connection)
            rows = await connection.fetch(SQL["referred_in_ranges"], *columns, timeout=PATIENCE)
        entries = await self._sweep.entries(shard)
        sizes = {entry.key: entry.size for entry in entries}
        report.objects += len(entries)
        report.bytes += sum(sizes.values())
        report.rows += len(rows)
        for row in rows:
            await self._check_row(row, sizes, report)
        async for one in self._sweep.unknown(entries, partial(is_older, WRITING)):
            report.found["unannounced"].append(f"{one.key} ({one.size} bytes)")

    async def _check_row(self, row: Any, sizes: dict[UUID, int], report: Report) -> None:
        key, stored = row["object_key"], row["stored_size"]
        line = f"{key} of {row['kind']}{' ' + to_text(row['id']) if row['id'] else ''}"
        if key not in sizes:
            if await self._still_referred(row):
                report.found["missing"].append(line)
        elif stored is not None and sizes[key] != stored:
            report.found["damaged"].append(f"{line}: {sizes[key]} bytes instead of {stored}")
        elif self._checksums and row["checksum"] is not None and (why := await self._broken(row)):
            report.found["damaged"].append(f"{line}: {why}")

    async def _still_referred(self, row: Any) -> bool:
        """Whether the row is there still: it may have been deleted since it was read."""
        key = row["object_key"]
        span = [key], [UUID(int=key.int + 1)]
        return bool(await self._database.pool.fetch(SQL["referred_in_ranges"], *span))

    async def _broken(self, row: Any) -> str:
        file = ObjectFile(row["object_key"], row["size"], row["stored_size"], row["compression"])
        hasher = xxhash.xxh3_128()
        try:
            async for piece in stream_file(self._objects, file):
                await asyncio.to_thread(hasher.update, piece)
        except PonsError as error:
            return str(error)
        return "" if hasher.digest() == row["checksum"] else "its checksum is another"


def _finding(row: Any) -> str:
    instance = f" instance {to_text(row['instance_id'])}" if row["instance_id"] else ""
    since = f"{row['since']:%Y-%m-%d %H:%M}"
    size = f"{row['size']} bytes, since {since}"
    return f"{row['object_key']} ({size}){instance} {row['detail']}".rstrip()


def shard_ranges(number: int, first: int, last: int) -> list[tuple[UUID, UUID]]:
    """The ranges of keys of a shard between two moments, in milliseconds."""
    ranges = []
    for turn in range(first >> ROUND_BITS, (last >> ROUND_BITS) + 1):
        start = (turn << ROUND_BITS) + (number << SHARD_BITS)
        ranges.append((UUID(int=start << 80), UUID(int=start + (1 << SHARD_BITS) << 80)))
    return ranges


@asynccontextmanager
async def open_fsck(settings: Settings, *, checksums: bool = False) -> AsyncIterator[Fsck]:
    """A check of the store that `settings` name. Raises `PonsError` when they are of two stores."""
    async with (
        open_bus(settings) as bus,
        opened_objects(settings) as objects,
        open_pool(settings) as database,
    ):
        async with database.pool.acquire() as connection:
            await Claim(settings, bus, objects).look(connection)
        sweep = Sweep(database, objects, bus, settings.storage.orphan_grace)
        yield Fsck(database, objects, sweep, checksums=checksums)


async def empty_quarantine(settings: Settings, *, with_unreadable: bool) -> int:
    """Let the collector delete what is in quarantine; how many objects it was."""
    kinds = ["leftover", *(["damaged"] if with_unreadable else [])]
    async with open_pool(settings) as database:
        rows = [
            row for kind in kinds for row in await database.pool.fetch(SQL["list_findings"], kind)
        ]
        return await discard_unused(database, [row["object_key"] for row in rows], "leftover")


async def _run(settings: Settings, given: argparse.Namespace) -> int:
    if given.empty_quarantine:
        count = await empty_quarantine(settings, with_unreadable=given.with_unreadable)
        print(f"{count} objects leave the quarantine; the collector deletes them")
        return CLEAN
    async with open_fsck(settings, checksums=given.checksums) as fsck:
        report = await fsck.check()
    if given.json:
        told = {"objects": report.objects, "bytes": report.bytes, "rows": report.rows}
        print(json.dumps(told | report.found, indent=1))
    else:
        for line in report.text(None if given.all else SHOWN):
            print(line)
    return report.exit_code


def main(words: Sequence[str] | None = None) -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(
        prog="fsck",
        description="Compare index and objects. Exit code 0: nothing is wrong, 1: something is, "
        "2: it cannot be told.",
    )
    parser.add_argument("--checksums", action="store_true", help="read every file, too")
    parser.add_argument("--all", action="store_true", help=f"list all, not {SHOWN} of each kind")
    parser.add_argument("--json", action="store_true", help="as JSON, with everything")
    parser.add_argument(
        "--empty-quarantine", action="store_true", help="delete what is in quarantine"
    )
    parser.add_argument(
        "--with-unreadable", action="store_true", help="and the DICOM files that cannot be read"
    )
    given = parser.parse_args(words)
    return run_tool("fsck", lambda settings: _run(settings, given))


if __name__ == "__main__":
    sys.exit(main())

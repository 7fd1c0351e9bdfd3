# SPDX-License-Identifier: Apache-2.0
"""What fsck finds, what it leaves alone, and what reindex brings back."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydicom.data import get_testdata_file

from pons.errors import PonsError
from pons.objects import SHARDS, Kind, key_folder, new_key
from pons.ownership import mark_objects, read_objects_mark
from pons_index.fsck import CLEAN, FOUND, Report, open_fsck, shard_ranges
from pons_index.tool import CANNOT
from pons_testing.events import ids, received

pytestmark = pytest.mark.anyio
OpenStore = Any


async def checked(store: Any, *, checksums: bool = False) -> Report:
    async with open_fsck(store.settings, checksums=checksums) as fsck:
        return await fsck.check()


def faults(report: Report) -> dict[str, list[str]]:
    """The first word of each line, of the kinds that have any."""
    return {
        kind: [line.split()[0] for line in lines] for kind, lines in report.found.items() if lines
    }


async def test_each_fault_is_found_once(open_store: OpenStore) -> None:
    """A missing, a truncated and a changed object; the others are well, and nothing is changed."""
    contents = [b"first", b"second", b"third", b"fourth"]
    events = [received(f"1.{number}", content=one) for number, one in enumerate(contents)]
    async with open_store() as store:
        async with store.replica():
            for event, content in zip(events, contents, strict=True):
                await store.objects.put(event.object_key, content)
            await store.announce(*events)
            await store.drained()
        assert (await checked(store)).exit_code == CLEAN
        await store.objects.delete([events[0].object_key])
        await store.objects.put(events[1].object_key, b"secon")
        await store.objects.put(events[2].object_key, b"THIRD")
        report = await checked(store)
        missing, damaged, changed = (str(event.object_key) for event in events[:3])
        assert faults(report) == {"missing": [missing], "damaged": [damaged]}
        assert ids(events[0]).instance in report.found["missing"][0]
        assert report.exit_code == FOUND
        assert faults(await checked(store, checksums=True)) == {
            "missing": [missing],
            "damaged": [damaged, changed],
        }
        assert (report.objects, report.rows) == (3, 4)


async def test_what_is_of_two_stores_is_not_checked(open_store: OpenStore) -> None:
    """Every object would be missing, or unknown."""
    async with open_store() as store:
        async with store.replica():
            pass
        mark = await read_objects_mark(store.objects)
        await mark_objects(store.objects, msgspec.structs.replace(mark, id=new_key()))
        with pytest.raises(BaseExceptionGroup) as raised:
            await checked(store)
        assert raised.group_contains(PonsError, match="point to different stores")


def test_ranges_of_a_shard_are_where_its_keys_are() -> None:
    """Every key is in one range of its own shard, and in none of another."""
    for _ in range(3):
        key = new_key()
        moment = key.int >> 80
        span = (moment - (40 << 30), moment)
        inside = [
            number
            for number in range(256)
            if any(first <= key < beyond for first, beyond in shard_ranges(number, *span))
        ]
        assert [SHARDS[number] for number in inside] == [key_folder(key)[:2]]


async def started(store: Any) -> None:
    async with store.replica():
        pass


def run(store: Any, module: str, *words: str) -> "subprocess.CompletedProcess[str]":
    settings = store.settings
    environment = os.environ | {
        "PONS_STORE_NAME": settings.store.name,
        "PONS_NATS_URL": settings.nats.url,
        "PONS_DATABASE_URL": settings.database.url,
        "PONS_DATABASE_READER_URL": settings.database.reader_url,
        "PONS_STORAGE_PATH": str(settings.storage.path),
    }
    command = [sys.executable, "-m", f"pons_index.{module}", *words]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


async def test_an_empty_database_and_new_streams_take_a_reindex(open_store: OpenStore) -> None:
    """The command takes what is left for this store's, after which the index starts again."""
    content = await asyncio.to_thread(Path(str(get_testdata_file("CT_small.dcm"))).read_bytes)
    async with open_store() as store:
        async with store.replica():
            pass
        await store.objects.put(new_key(), content)
        await store.forget()
        await store.bus.stream.delete_stream(store.bus.names.ingest_stream)
        await store.bus.ensure_streams()
        with pytest.raises(BaseExceptionGroup) as raised:
            await started(store)
        assert raised.group_contains(PonsError, match="belongs to store")
        done = await asyncio.to_thread(run, store, "reindex")
        assert done.returncode == 0, done.stderr
        await store.database.pool.expire_connections()
        assert await store.value("SELECT instances FROM totals") == 1
        async with store.replica():
            pass
        told = await asyncio.to_thread(run, store, "fsck", "--json")
        assert told.returncode == CLEAN, told.stdout
        assert json.loads(told.stdout)["objects"] == 1
        assert len(json.loads(told.stdout)["returned"]) == 1


async def test_the_quarantine_is_emptied_when_asked(open_store: OpenStore) -> None:
    """Left over objects go with the command, those that were DICOM files only with another word."""
    async with open_store() as store:
        async with store.replica():
            pass
        left, broken = new_key(Kind.REFERRED), new_key()
        await store.database.pool.executemany(
            "INSERT INTO findings (object_key, kind, size) VALUES ($1, $2, 5)",
            [(left, "leftover"), (broken, "damaged")],
        )
        listed = await asyncio.to_thread(run, store, "fsck")
        assert listed.returncode == FOUND
        assert "quarantine: 1" in listed.stdout
        assert "unreadable: 1" in listed.stdout
        assert (await asyncio.to_thread(run, store, "fsck", "--empty-quarantine")).returncode == 0
        assert await store.value("SELECT object_key FROM garbage") == left
        words = ("--empty-quarantine", "--with-unreadable")
        assert (await asyncio.to_thread(run, store, "fsck", *words)).returncode == 0
        assert await store.value("SELECT count(*) FROM garbage") == 2


async def test_what_cannot_be_asked_is_told(open_store: OpenStore) -> None:
    """A database that is away is no clean store."""
    async with open_store() as store:
        settings = store.settings.model_copy(
            update={
                "database": store.settings.database.model_copy(
                    update={"url": "postgresql://nobody@127.0.0.1:1/nothing"}
                )
            }
        )
        store.settings = settings
        done = await asyncio.to_thread(run, store, "fsck")
        assert done.returncode == CANNOT
        assert done.stderr.startswith("fsck: ")

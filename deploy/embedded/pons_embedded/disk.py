# SPDX-License-Identifier: Apache-2.0
"""The disk of an embedded store: what a start needs, what servers may take, and the reserve."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from pons.limits import MEGABYTE
from pons.objects.free_space import FreeSpace
from pons.settings import Settings, StorageSettings
from pons_embedded.errors import Refusal
from pons_embedded.folder import DataFolder

FIRST_START = 100 * MEGABYTE
"""What a new database, its log and the folders of the other servers take, and a little."""
COMFORTABLE = 1024 * MEGABYTE
"""From here on a new store need not be told of its smaller servers."""
LEAST = 16 * MEGABYTE
"""With less than this, PostgreSQL may not even start: the reserve gives way to that, too."""
NOTHING = MEGABYTE
STREAMS = 1024 * MEGABYTE
"""What nats-server may keep at least: more than all streams of limited size may become together."""
INTERVAL = 2.0


def storage_of(settings: Settings, folder: DataFolder) -> StorageSettings:
    """The storage of an embedded store, with its defaults."""
    storage = settings.storage
    return storage.model_copy(
        update={
            "reserve": storage.reserve or str(folder.reserve),
            "path": storage.path or (folder.objects if storage.kind == "file" else None),
        }
    )


def make_room_to_start(room: FreeSpace, folder: DataFolder, say: Callable[[str], None]) -> None:
    """Say what room there is too little of; let go of what nobody needs where there is none.

    Raises `Refusal` when a new store has no room for its database.
    """
    free = shutil.disk_usage(folder.path).free
    new = not (folder.postgres / "cluster").exists()
    if new and free < FIRST_START:
        raise Refusal(
            f"{folder.path} has {free // MEGABYTE} MB free, a new store needs "
            f"{FIRST_START // MEGABYTE} MB: "
            "make room, or choose another folder with --data"
        )
    if short := room.look():
        say(
            f"{short}: the store starts and deletes, but takes no instance until there is room "
            "(setting storage.minimum_free_mb)"
        )
    elif new and free < COMFORTABLE:
        say(
            f"{folder.path} has {free // MEGABYTE} MB free, a new store should have "
            f"{COMFORTABLE // MEGABYTE} MB: it takes less for its change log"
        )
    if free < LEAST:
        room.release()
        for log in folder.log.glob("*.log.1"):
            with suppress(OSError):
                log.unlink()
    if shutil.disk_usage(folder.path).free < NOTHING:
        raise Refusal(
            f"{folder.path} has no room left at all, and its reserve is used up: make room "
            f"({LEAST // MEGABYTE} MB are enough to start and delete)"
        )


def let_start(room: FreeSpace, folder: DataFolder) -> None:
    """Let go of the reserve where a server that starts again would find no room at all."""
    with suppress(OSError):
        if shutil.disk_usage(folder.path).free < LEAST:
            room.release()


async def watch_room(
    room: FreeSpace, say: Callable[[str], None], came_back: Callable[[], Awaitable[None]]
) -> None:
    """Make the reserve whenever there is room for it, and say when room goes and comes.

    `came_back` is called after it has come.
    """
    was_short = room.look() is not None
    while True:
        with suppress(OSError):
            await asyncio.to_thread(room.restore)
        short = await asyncio.to_thread(room.look)
        if (short is not None) is not was_short:
            was_short = short is not None
            say(f"{short}: no instance is taken" if short else "there is room again")
            if short is None:
                await came_back()
        await asyncio.sleep(INTERVAL)


def changes_mb(folder: Path) -> int:
    """Room of the stream of changes: 512 MB, on a small disk a sixteenth of it."""
    return max(8, min(512, shutil.disk_usage(folder).total // MEGABYTE // 16))


def streams_bytes(folder: Path) -> int:
    """What nats-server may keep: three quarters of what it could."""
    kept = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return max(STREAMS, (shutil.disk_usage(folder).free + kept) * 3 // 4)


def wal_settings(folder: Path) -> dict[str, str]:
    """What PostgreSQL's log may take between checkpoints: a gigabyte, or an eighth of the disk."""
    most = max(64, min(1024, shutil.disk_usage(folder).total // MEGABYTE // 8))
    return {"max_wal_size": f"{most}MB", "min_wal_size": f"{64 if most > 128 else 32}MB"}

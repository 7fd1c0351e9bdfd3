# SPDX-License-Identifier: Apache-2.0
"""A disk of the database that is really full: said as such, and everything goes on with room."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import asyncpg

from pons_index.faults import what_lasts

FULL_DISK = """
import asyncio, json, sys
from pathlib import Path
from pons.health.readiness import Health
from pons.settings import DatabaseSettings, Settings
from pons_embedded.postgres import EmbeddedPostgres
from pons_index.database import open_database

folder = Path(sys.argv[1])

async def main():
    with EmbeddedPostgres(folder / "postgres") as server:
        settings = Settings(database=DatabaseSettings(url=server.url, reader_url=server.reader_url))
        health = Health("index")
        health.started = True
        async with open_database(settings, pulses=health.pulses) as database:
            await database.pool.execute("CREATE TABLE pages (page bytea)")
            await database.pool.execute("ALTER TABLE pages ALTER page SET STORAGE EXTERNAL")
            ballast = folder / "ballast"
            with ballast.open("wb", buffering=0) as file:
                try:
                    while True:
                        file.write(bytes(1 << 16))
                except OSError:
                    pass
            pulse = health.pulses.add("writing")

            async def write(connection):
                await connection.execute("INSERT INTO pages VALUES ($1)", bytes(1 << 20))

            writing = asyncio.create_task(database.run(write, float("inf"), pulse=pulse))
            while not pulse.cause:
                await asyncio.sleep(0.05)
            full = await health.failures()
            ballast.unlink()
            await writing
            print(json.dumps([full, await health.failures()]))

asyncio.run(main())
"""


def small_disk(folder: Path) -> list[str] | None:
    """Words before a command that run it with a disk of its own at `folder`, if possible."""
    mount = 'mount -t tmpfs -o size=160m none "$0" && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", mount, str(folder)]
    if (
        shutil.which("unshare")
        and not subprocess.run([*command, "true"], capture_output=True).returncode
    ):
        return command
    return None


def test_a_full_disk_is_said_and_passes(tmp_path: Path) -> None:
    """PostgreSQL's own error is told in words at once; with room, what waited is written."""
    prefix = small_disk(tmp_path)
    if prefix is None:  # Mounting is not allowed here: PostgreSQL's word for it stands in for it.
        assert what_lasts(asyncpg.DiskFullError("could not extend file")) == (
            "The disk of the database is full"
        )
        return
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [*prefix, sys.executable, "-c", FULL_DISK, str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    full, after = json.loads(done.stdout.splitlines()[-1])
    assert "The disk of the database is full: could not extend file" in full["writing"]
    assert after == {}

# SPDX-License-Identifier: Apache-2.0
"""What an instance costs a store, for docs/scale.md: CPU, bytes in each place, memory of a process.

./pons bench costs [--instances 2000]

CTs of 0.5 MB come over one association, and again over four. Bytes of JetStream are those of the
announcement, which is forgotten once indexed, and of the change feed, which is kept for a while.
Memory is PSS after that load; PostgreSQL's grows with `shared_buffers` and what it caches.
"""

import argparse
import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import nats

from load import c_store_message, ct_instance, maximum_pdu_length, send_dicom
from stores import RunningStore, fresh_pons, measured_usage, memory_by_kind, work_folder

WARM_UP = 100
LOOK_EVERY = 0.2


class Places:
    """How many bytes lie in each place of a running store."""

    def __init__(self, data: Path) -> None:
        told = json.loads((data / "tools.json").read_bytes())
        self._objects = data / "objects"
        self._database, self._nats = told["PONS_DATABASE_URL"], told["PONS_NATS_URL"]
        self.announced = (0, 0)
        """Bytes and messages of announcements, when there were most."""

    def objects(self) -> int:
        files = (path for path in self._objects.rglob("*") if path.is_file())
        return sum(path.stat().st_blocks * 512 for path in files)

    async def database(self) -> int:
        connection = await asyncpg.connect(self._database)
        try:
            used: int = await connection.fetchval("SELECT pg_database_size(current_database())")
            return used
        finally:
            await connection.close()

    async def stream(self, name: str) -> tuple[int, int]:
        """Bytes and messages."""
        client = await nats.connect(self._nats)
        try:
            state = (await client.jetstream().stream_info(f"bench-{name}")).state
            return state.bytes, state.messages
        finally:
            await client.close()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """See how much the stream of announcements holds while the block runs."""
        done = threading.Event()

        def look() -> None:
            while not done.wait(LOOK_EVERY):
                self.announced = max(self.announced, asyncio.run(self.stream("ingest")))

        watcher = threading.Thread(target=look)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()


def send(store: RunningStore, batch: int, instances: int, associations: int) -> dict[str, float]:
    """Send so many; CPU milliseconds of each kind of process an instance."""
    room = maximum_pdu_length("127.0.0.1", store.dicom_port, store.aet)
    load = [c_store_message(ct_instance(batch, number), room) for number in range(instances)]
    before: Any = store.get("/statistics")
    with measured_usage(store) as usage:
        figures = send_dicom("127.0.0.1", store.dicom_port, store.aet, load, associations)
        store.wait_for_instances(before["CountInstances"] + instances)
    print(f"{associations:2} associations: {figures.per_second:6.0f} instances a second")
    return {kind: 1000 * seconds / instances for kind, seconds in usage.cpu_seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=2000)
    count = parser.parse_args().instances
    with work_folder() as folder, fresh_pons(folder) as store:
        places = Places(folder / "pons")
        send(store, 999, WARM_UP, 2)
        stored, rows = places.objects(), asyncio.run(places.database())
        changes = asyncio.run(places.stream("changes"))[0]
        with places.watching():
            alone = send(store, 1, count, 1)
        four = send(store, 2, count, 4)
        print(f"\n{'CPU ms an instance':24}{'1 assoc':>10}{'4 assoc':>10}")
        for kind in sorted(alone | four):
            print(f"{kind:24}{alone.get(kind, 0):10.2f}{four.get(kind, 0):10.2f}")
        print(f"{'all':24}{sum(alone.values()):10.2f}{sum(four.values()):10.2f}")
        kept, announcements = places.announced
        each = {
            "object store": (places.objects() - stored) / (2 * count),
            "PostgreSQL": (asyncio.run(places.database()) - rows) / (2 * count),
            "announcement, until it is indexed": kept / max(1, announcements),
            "change feed": (asyncio.run(places.stream("changes"))[0] - changes) / (2 * count),
        }
        print(f"\n{'bytes an instance':40}")
        for place, size in each.items():
            print(f"{place:40}{size:10.0f}")
        print(f"\n{'memory after it':24}{'processes':>10}{'MB':>8}")
        for kind, (processes, used) in sorted(memory_by_kind(store.pid).items()):
            print(f"{kind:24}{processes:10}{used:8.0f}")


if __name__ == "__main__":
    main()

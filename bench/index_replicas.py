# SPDX-License-Identifier: Apache-2.0
"""How fast one, two and three replicas of the index write what is announced.

./pons bench index_replicas [--instances 20000] [--replicas 1 2 3]

Announcements are published at once, as several ingresses would that are ahead of the index; nothing
else runs. All replicas write to one PostgreSQL, and each transaction holds the row of the totals at
its end: what more replicas give is the work before that.
"""

import argparse
import asyncio
import json
import time
from pathlib import Path

import asyncpg
import msgspec
import nats

from growth import Generator
from pons.messages.names import Names
from replicas import replicas, used
from stores import fresh_pons, measured_usage, work_folder

IN_MESSAGE = 4
"""Instances of an announcement: what several associations have ready together."""
AT_ONCE = 500


async def announce(data: Path, generator: Generator, numbers: range) -> float:
    """Publish these instances, and wait until they are in the database; the seconds."""
    told = json.loads((data / "tools.json").read_bytes())
    payloads = [
        msgspec.msgpack.encode(
            generator.announcement(range(start, min(start + IN_MESSAGE, numbers.stop)), False)
        )
        for start in range(numbers.start, numbers.stop, IN_MESSAGE)
    ]
    client = await nats.connect(told["PONS_NATS_URL"])
    database = await asyncpg.connect(told["PONS_DATABASE_URL"])
    try:
        stream, subject = client.jetstream(timeout=60), Names("bench").received
        began = time.perf_counter()
        for start in range(0, len(payloads), AT_ONCE):
            several = payloads[start : start + AT_ONCE]
            await asyncio.gather(*(stream.publish(subject, one) for one in several))
        published = time.perf_counter() - began
        while await database.fetchval("SELECT instances FROM totals") < numbers.stop:  # noqa: ASYNC110 others write
            await asyncio.sleep(0.02)
        print(f"   published in {published:.1f} s", flush=True)
        return time.perf_counter() - began
    finally:
        await client.close()
        await database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=20_000)
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 2, 3])
    arguments = parser.parse_args()
    generator, written = Generator(), 0
    with work_folder() as folder, fresh_pons(folder) as store:
        for number in arguments.replicas:
            with replicas(store, "index", number, folder) as running:
                before = [one.cpu_seconds for one in running]
                numbers = range(written, written + arguments.instances)
                with measured_usage(store) as usage:
                    seconds = asyncio.run(announce(folder / "pons", generator, numbers))
                written = numbers.stop
                index = used(running, before)
                database = usage.cpu_seconds.get("postgres", 0.0)
                each = 1000 / arguments.instances
                print(
                    f"{number} replicas: {arguments.instances / seconds:7.0f} a second, CPU ms "
                    f"an instance: index {index * each:.2f}, PostgreSQL {database * each:.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()

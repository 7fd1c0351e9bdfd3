# SPDX-License-Identifier: Apache-2.0
"""Very much waits for a destination that is down: it costs disk, not memory, and holds up nobody.

`PONS_TEST_WAITING=100000` tries it with a hundred thousand changes.
"""

import asyncio
import os
import tracemalloc
from typing import Any

import pytest

from pons.bus import Bus
from pons.routing.queues import Queues, Waiting
from pons_embedded.ports import free_port
from pons_testing.storage_scp import ACCEPTS_CT
from pons_testing.waiting import until

from .routed import announce, routing, settings

pytestmark = pytest.mark.anyio

WAITING = int(os.environ.get("PONS_TEST_WAITING", "5000"))
AT_ONCE = 500
MB = 1024 * 1024


async def fill(bus: Bus, destination: str, resource_id: str) -> None:
    """Have changes wait for a destination."""
    queues = Queues(bus)
    for start in range(0, WAITING, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, WAITING))
        changes = [Waiting("r", n, "NewInstance", "Instance", resource_id, 1.7e9) for n in numbers]
        await asyncio.gather(*(queues.put(destination, change) for change in changes))


async def test_who_looks_sees_everything_once(bus: Bus) -> None:
    """In its order, also where others have left the queue, and it stays there."""
    queues = Queues(bus)
    for number in range(300):
        destination = "modality:slow" if number % 3 or number > 250 else "modality:quick"
        await queues.put(destination, Waiting("r", number, "NewInstance", "Instance", "i", 1.7e9))
    quick = await queues.open("modality:quick")
    for message in await quick.fetch(200, timeout=5):
        await message.ack_sync()
    wanted = [("modality:slow", number) for number in range(300) if number % 3 or number > 250]
    for _ in range(2):
        assert [(name, one.seq) async for name, one in queues.look()] == wanted


async def test_what_waits_is_on_disk(
    bus: Bus, store: Any, index: Any, listening: Any, image: Any
) -> None:
    """A healthy destination has what comes at once, however much waits for the one that is down;
    egress takes no more memory for it, and who looks through the queue neither."""
    ids = [(await store.add_dataset(image(number))).instance_id for number in range(1, 21)]
    await fill(bus, "modality:dead", ids[0])
    rules = {"all": {"On": "NewInstance", "To": ["modality:dead", "modality:healthy"]}}
    with listening(ACCEPTS_CT) as healthy:
        chosen = settings({"dead": free_port(), "healthy": healthy.port}, rules)
        tracemalloc.start()
        try:
            async with routing(bus, store, chosen):
                before = tracemalloc.get_traced_memory()[0]  # what counts rounds has its size
                await announce(bus, WAITING + 1, ids)

                async def all_healthy() -> bool:
                    return len(set(healthy.sop_instance_uids)) == 20

                await until(all_healthy)
                looked = 0
                async for destination, _ in Queues(bus).look():
                    looked += destination == "modality:dead"
            peak = tracemalloc.get_traced_memory()[1] - before
        finally:
            tracemalloc.stop()
    assert looked > WAITING * 0.9
    assert peak < 3 * MB, f"{peak / MB:.1f} MB"

# SPDX-License-Identifier: Apache-2.0
"""What /metrics tells of render: how long tasks take and wait, and what comes to nothing."""

import asyncio

import httpx
import msgspec
import pytest

from pons.errors import Unavailable, UnsupportedImage
from pons.health.readiness import Health
from pons_render.image import Located
from pons_render.wire import Task
from pons_testing.metrics import Metrics, scrape
from pons_testing.waiting import until

from .test_pool import IMAGE, Command, no_read, pool_of, run, task

pytestmark = pytest.mark.anyio
CT = "1.2.840.10008.1.2.1"


async def told() -> Metrics:
    return await scrape(Health("tests"))


async def test_the_time_of_a_picture_by_its_syntax(client: httpx.AsyncClient, ct: Located) -> None:
    """Of each view apart, as they cost differently."""
    name = "pons_render_seconds_count"
    labels = {"operation": "preview", "transfer_syntax": CT}
    before = await told()
    for _ in range(2):
        assert (await client.get("/instances/ct/preview")).status_code == 200
    after = await told()
    assert after.get(name, **labels) - before.get(name, **labels) == 2
    name = "pons_render_seconds_sum"
    assert after.get(name, **labels) > before.get(name, **labels)
    waits = "pons_render_wait_seconds_count"
    assert after.get(waits) - before.get(waits) == 2


async def test_what_waits_is_told_and_what_is_turned_away(hostile_command: Command) -> None:
    """One works, one waits, the third is told to come again."""
    async with pool_of(hostile_command, waiting=1) as pool:
        before = await told()
        async with asyncio.TaskGroup() as group:
            stuck = [group.create_task(run(pool, task("spin"), no_read)) for _ in range(2)]

            async def one_waits() -> bool:
                now = await told()
                numbers = now.get("pons_render_waiting_tasks"), now.get("pons_render_busy_workers")
                return numbers == (1, 1)

            await until(one_waits)
            with pytest.raises(Unavailable):
                await run(pool, task("pid"), no_read)
            for one in stuck:
                one.cancel()
        after = await told()
    refused = "pons_render_refused_tasks_total"
    assert after.get(refused) - before.get(refused) == 1
    assert after.get("pons_render_waiting_tasks") == after.get("pons_render_busy_workers") == 0


async def test_failures_by_error_and_no_series_of_what_strangers_wrote(
    hostile_command: Command,
) -> None:
    """A syntax that nothing decodes is one of the others."""
    before = await told()
    async with pool_of(hostile_command) as pool:
        image = msgspec.structs.replace(IMAGE, transfer_syntax="1.2.3.4.999")
        with pytest.raises(UnsupportedImage):
            await run(pool, Task("segfault", image, 0, size=100), no_read)
    after = await told()
    name, labels = "pons_render_failures_total", {"error": "UnsupportedImage"}
    assert after.get(name, **labels) - before.get(name, **labels) == 1
    labels = {"operation": "segfault", "transfer_syntax": "other"}
    name = "pons_render_seconds_count"
    assert after.get(name, **labels) - before.get(name, **labels) == 1
    assert not any(("transfer_syntax", "1.2.3.4.999") in labels for _, labels in after.values)

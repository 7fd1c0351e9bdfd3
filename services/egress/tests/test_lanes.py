# SPDX-License-Identifier: Apache-2.0
"""When a destination may have another job."""

import asyncio

import pytest

from pons.bus import Bus
from pons.jobs import Jobs
from pons.jobs.following import Following
from pons.jobs.webhook import WebhookRequest, submit_webhook
from pons.settings import JobsSettings
from pons_egress.routing.lanes import Lanes

pytestmark = pytest.mark.anyio


async def test_a_job_that_has_ended_before_it_is_expected(bus: Bus) -> None:
    """It does not close its lane: nothing more would be heard of it, and nothing ever be sent."""
    jobs = Jobs(bus, JobsSettings())
    following = Following(jobs)
    lanes = Lanes(following, JobsSettings())
    job_id = await submit_webhook(jobs, WebhookRequest("planning", []))
    await jobs.cancel(job_id)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(following.run())
        await asyncio.wait_for(lanes.until_open("webhook:other"), 60)
        lanes.expect(job_id, "webhook:planning")
        await asyncio.wait_for(lanes.until_open("webhook:planning"), 60)
        lanes.expect("00000000-0000-0000-0000-000000000000", "webhook:planning")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(lanes.until_open("webhook:planning"), 0.2)
        running.cancel()

# SPDX-License-Identifier: Apache-2.0
"""What is kept of a modality's request for storage commitment until it has heard the report."""

import random
from typing import Any
from uuid import UUID

import msgspec
import pytest

from pons.bus import Bus
from pons.errors import OutOfResources, TooLarge
from pons.jobs import CommitmentRequest, Jobs, submit_commitment
from pons.messages.egress import Reference
from pons.messages.modality import Modality
from pons.settings import JobsSettings

pytestmark = pytest.mark.anyio

CT = "1.2.840.10008.5.1.4.1.1.2"
ONE, TWO = Reference(CT, "1.2.1"), Reference("nope", "nope2")


async def submit(bus: Bus, instances: list[Reference], name: str = "ct", **options: Any) -> str:
    return await submit_commitment(
        Jobs(bus, JobsSettings()),
        name,
        Modality("CT1", "h", 1),
        called_aet="PONS",
        remote_ip="192.0.2.1",
        transaction_uid="1.2.3",
        instances=instances,
        **options,
    )


def random_uids(count: int) -> list[str]:
    """Those that pack worst."""
    chance = random.Random(7)
    return [f"2.25.{UUID(int=chance.getrandbits(128)).int}" for _ in range(count)]


async def test_a_request(bus: Bus) -> None:
    """It is a job of the modality's that is tried again, and has the instances once each."""
    job = await Jobs(bus, JobsSettings()).get(await submit(bus, [ONE, TWO, ONE]))
    assert (job.request.job_type, job.request.worker) == ("StorageCommitmentScp", "commitment")
    assert (job.request.destination, job.request.retry) == ("modality:ct", True)
    request = msgspec.convert(job.request.arguments, CommitmentRequest)
    assert (request.modality, request.called_aet) == ("ct", "PONS")
    assert request.transaction_uid == "1.2.3"
    assert await request.instances() == [ONE, TWO]
    assert job.content == {
        "Description": "Storage commitment",
        "CalledAet": "PONS",
        "RemoteAet": "CT1",
        "RemoteIp": "192.0.2.1",
        "TransactionUid": "1.2.3",
        "InstancesCount": 2,
    }


async def test_many_instances(bus: Bus) -> None:
    """20,000 instances have room in a job, and what has none is refused."""
    many = [Reference(CT, uid) for uid in random_uids(20_000)]
    job = await Jobs(bus, JobsSettings()).get(await submit(bus, many))
    request = msgspec.convert(job.request.arguments, CommitmentRequest)
    assert await request.instances() == many
    with pytest.raises(TooLarge, match="The instances of this commitment"):
        await submit(bus, [Reference(CT, uid) for uid in random_uids(40_000)])


async def test_too_many_that_wait(bus: Bus) -> None:
    """A modality that cannot be reached and goes on asking does not fill the store."""
    first, _ = [await submit(bus, [ONE], "down", most_waiting=2) for _ in range(2)]
    with pytest.raises(OutOfResources, match="wait for modality 'down'"):
        await submit(bus, [ONE], "down", most_waiting=2)
    await submit(bus, [ONE], "other", most_waiting=2)
    await Jobs(bus, JobsSettings()).cancel(first)
    await submit(bus, [ONE], "down", most_waiting=2)


async def test_large_ones_that_wait(bus: Bus) -> None:
    """Of large requests fewer may wait: what they ask is in memory where all jobs are listed."""
    large = [Reference(CT, uid) for uid in random_uids(5_000)]
    await submit(bus, large, "slow", most_waiting=20)
    with pytest.raises(OutOfResources, match="1 reports"):
        await submit(bus, large, "slow", most_waiting=20)
    await submit(bus, [ONE], "slow", most_waiting=20)

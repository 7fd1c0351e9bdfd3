# SPDX-License-Identifier: Apache-2.0
"""What /metrics tells of an instance's way in."""

from collections.abc import Callable

import pytest

from pons.bus import Bus
from pons.errors import InvalidInstance
from pons.health.readiness import Health
from pons.ingest import Ingest, open_ingest
from pons.objects import FileObjects
from pons_testing.indexing import FakeIndex
from pons_testing.metrics import Metrics, scrape

from .storing import ORIGIN, patient

pytestmark = pytest.mark.anyio
MakeFile = Callable[..., bytes]
STEPS = ("examine", "filter", "write", "announce", "index")


def counted(before: Metrics, after: Metrics) -> list[float]:
    """How often each step was timed in between."""
    name = "pons_ingest_step_seconds_count"
    return [after.get(name, step=step) - before.get(name, step=step) for step in STEPS]


async def test_each_step_is_timed(ingest: Ingest, index: FakeIndex, make_file: MakeFile) -> None:
    """Once for an instance that goes all the way; without scripts none is asked."""
    health = Health("tests")
    before = await scrape(health)
    await ingest.store(make_file(), ORIGIN)
    after = await scrape(health)
    assert counted(before, after) == [1, 0, 1, 1, 1]
    name = "pons_ingest_step_seconds_sum"
    for step in ("examine", "write", "announce"):
        assert after.get(name, step=step) > before.get(name, step=step)


async def test_what_is_refused_goes_no_further(
    ingest: Ingest, index: FakeIndex, make_file: MakeFile
) -> None:
    """Bytes that are no instance have been examined, and nothing else."""
    before = await scrape(Health("tests"))
    with pytest.raises(InvalidInstance):
        await ingest.store(b"nope" * 100, ORIGIN)
    assert counted(before, await scrape(Health("tests"))) == [1, 0, 0, 0, 0]


async def test_a_silent_index_is_counted(
    objects: FileObjects, index: FakeIndex, bus: Bus, make_file: MakeFile
) -> None:
    """Its senders hear Success all the same, so an operator has to hear of it."""
    index.answer = None
    before = await scrape(Health("tests"))
    async with open_ingest(objects, bus, patient(answer_timeout=0.1)) as ingest:
        instance = await ingest.keep(make_file(), ORIGIN, awaited=True)
        for _ in range(2):  # as of a store that can be full
            assert (await instance.stored()).indexed is False
    after = await scrape(Health("tests"))
    assert counted(before, after) == [1, 0, 1, 1, 0]
    name = "pons_ingest_unanswered_total"
    assert after.get(name) - before.get(name) == 1

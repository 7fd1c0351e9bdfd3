# SPDX-License-Identifier: Apache-2.0
"""Instances that come in while their bucket is well, busy, silent or cut off."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from pons.bus import Bus
from pons.errors import StorageUnavailable
from pons.ingest import Ingest, open_ingest
from pons.objects import open_objects
from pons.settings import Settings
from pons_testing.indexing import FakeIndex
from pons_testing.s3 import Endpoint, prepare_bucket, run_rclone
from pons_testing.s3_between import Between, Mode, between

from .storing import ORIGIN, kept

pytestmark = pytest.mark.anyio
MakeFile = Callable[..., bytes]


@pytest.fixture(scope="module")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with run_rclone(tmp_path_factory.mktemp("rclone")) as endpoint:
        yield endpoint


@pytest.fixture
def way(rclone: Endpoint) -> Iterator[Between]:
    with between(rclone) as found:
        yield found


async def opened(way: Between, folder: Path, bus: Bus, **bounds: float) -> AsyncIterator[Ingest]:
    storage = way.endpoint.storage(folder, **bounds)
    objects = open_objects(storage, "main")
    await prepare_bucket(objects)
    async with open_ingest(objects, bus, Settings(storage=storage)) as ingest:
        yield ingest
    way.mode = "pass"
    await objects.close()


@pytest.fixture
async def patient_one(way: Between, tmp_path: Path, bus: Bus) -> AsyncIterator[Ingest]:
    """The way in, with time for a busy machine."""
    async for ingest in opened(way, tmp_path / "patient", bus, s3_timeout=20, s3_patience=60):
        yield ingest


@pytest.fixture
async def impatient_one(way: Between, tmp_path: Path, bus: Bus) -> AsyncIterator[Ingest]:
    """The way in, which gives up after a second."""
    async for ingest in opened(way, tmp_path / "impatient", bus, s3_timeout=0.4, s3_patience=1):
        yield ingest


async def test_an_instance_costs_one_put(
    way: Between, patient_one: Ingest, index: FakeIndex, make_file: MakeFile
) -> None:
    """Whatever the number that comes at once: nothing is asked before, between or behind."""
    files = [make_file(SOPInstanceUID=f"1.2.3.{number}") for number in range(12)]
    way.forget()
    stored = await asyncio.gather(*[patient_one.store(file, ORIGIN) for file in files])
    assert {one.status for one in stored} == {"Success"}
    assert way.about("main") == ["PUT"] * 12
    assert len(index.instances) == 12


@pytest.mark.parametrize("mode", ["busy", "silent", "cut"])
async def test_nothing_is_acknowledged_that_the_bucket_has_not(
    way: Between,
    patient_one: Ingest,
    impatient_one: Ingest,
    index: FakeIndex,
    bus: Bus,
    make_file: MakeFile,
    mode: Mode,
) -> None:
    """Every sender hears that it did not work, nothing is announced; sent again, all is there."""
    files = [make_file(SOPInstanceUID=f"1.2.3.{number}") for number in range(6)]
    way.mode = mode
    heard = await asyncio.gather(
        *[impatient_one.store(file, ORIGIN) for file in files], return_exceptions=True
    )
    assert [type(one) for one in heard] == [StorageUnavailable] * 6
    assert (await kept(bus), index.instances) == (0, [])
    way.mode = "pass"
    stored = await asyncio.gather(*[patient_one.store(file, ORIGIN) for file in files])
    assert {one.status for one in stored} == {"Success"}
    assert len(index.instances) == 6

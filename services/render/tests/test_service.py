# SPDX-License-Identifier: Apache-2.0
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from pons.catalog import StoredHeader, StoredObject
from pons.health.readiness import Health
from pons.objects import FileObjects
from pons.ownership import Mark, mark_objects
from pons.settings import RenderSettings, load_settings
from pons_render.pool import Bounds
from pons_render.service import Instances, bounds_of, open_service
from pons_testing.waiting import until

pytestmark = pytest.mark.anyio
KEY = uuid.UUID(int=7)


@dataclass
class FakeCatalog:
    """The two questions that render asks of the index."""

    pixel_length: int | None

    @property
    def headers(self) -> Self:
        return self

    async def find_object(self, instance_id: str) -> StoredObject | None:
        if instance_id != "known":
            return None
        return StoredObject(
            object_key=KEY,
            size=1000,
            stored_size=1000,
            compression="",
            transfer_syntax="1.2.840.10008.1.2.5",
            sop_class_uid="1.2",
            sop_instance_uid="1.2.3",
            pixel_offset=None if self.pixel_length is None else 400,
            pixel_length=self.pixel_length,
            pixel_vr="OB",
        )

    async def read(self, instance_id: str, use: Callable[[StoredHeader], Any]) -> Any:
        return use(StoredHeader(b"{}", b"{}", "OB")) if instance_id == "known" else None


@pytest.mark.parametrize(
    ("indexed", "expected"), [(-1, (400, None)), (600, (400, 600)), (None, (None, None))]
)
async def test_instances_are_found_in_the_index(
    indexed: int | None, expected: tuple[int | None, int | None]
) -> None:
    """The index writes -1 for encapsulated pixel data and nothing for none."""
    catalog: Any = FakeCatalog(indexed)
    located = await Instances(catalog, objects=None).find("known")  # type: ignore[arg-type]
    assert located is not None
    assert (located.key, located.size, located.header) == (KEY, 1000, b"{}")
    assert (located.pixel_offset, located.pixel_length) == expected


async def test_unknown_instance_is_not_found() -> None:
    """What the index does not know is nowhere."""
    catalog: Any = FakeCatalog(1)
    assert await Instances(catalog, objects=None).find("unknown") is None  # type: ignore[arg-type]


def test_bounds_are_the_operators() -> None:
    """Settings bound workers, memory and time; 0 workers means one per core."""
    bounds = bounds_of(RenderSettings(workers=3, memory_mb=512, timeout=7))
    assert (bounds.workers, bounds.memory, bounds.seconds) == (3, 536_870_912, 7)
    assert bounds_of(RenderSettings()).workers == Bounds().workers


async def test_service_without_backing_services(tmp_path: Path, free_tcp_port: int) -> None:
    """While database and NATS are away the service runs, is not ready and answers 503."""
    settings = load_settings(
        storage={"path": tmp_path},
        database={"url": "postgresql://nobody@127.0.0.1:1/nothing"},
        nats={"url": "nats://127.0.0.1:1"},
        render={"port": free_tcp_port},
    )
    health = Health("render")
    await mark_objects(FileObjects(tmp_path, settings.store.name), Mark("main", uuid.UUID(int=1)))
    async with open_service(settings, health), httpx.AsyncClient() as http:
        health.started = True
        identifier = "-".join(["00000000"] * 5)
        answer = await http.get(f"{settings.render_url}/instances/{identifier}/preview")
        first = await health.failures()

        async def decodes() -> bool:
            return "decoders" not in await health.failures()

        await until(decodes)
        failures = await health.failures()
    assert answer.status_code == 503
    assert answer.json()["kind"] == "DatabaseUnavailable"
    assert {*first} >= {"database"}
    assert list(failures) == ["database"]

# SPDX-License-Identifier: Apache-2.0
"""What Explorer's page of the store is told."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from pons.catalog.history import Known, Step
from pons.errors import Unavailable
from pons.messages.services import SERVICES, Present
from pons.settings import HttpSettings, Settings, StorageSettings
from pons_gateway.models.store_history import StoreHistory
from pons_gateway.models.store_state import ServicesPresent, StoreState

from ..conftest import Open, Store

pytestmark = pytest.mark.anyio

KNOWN = Known(30, 60, 3000, 2, 12, 40_000, None, 7, 0.25, 1, 0)


class FakeHistory:
    """Two minutes, one of which nobody looked at."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    @property
    def history(self) -> "FakeHistory":
        return self

    async def read(self, hours: int, step: int) -> list[Step]:
        self.asked.append((hours, step))
        return [Step(60, KNOWN), Step(120, None)]


async def test_rates(open_client: Open) -> None:
    """Rates are of the time that was looked at; what nobody saw is null in every list."""
    async with open_client(catalog=FakeHistory()) as client:
        answer = (await client.get("/explorer/api/rates")).json()
    StoreHistory.model_validate(answer)
    assert answer == {
        "step": 60,
        "at": [60, 120],
        "instancesPerSecond": [2.0, None],
        "bytesPerSecond": [100.0, None],
        "studies": [2, None],
        "instances": [12, None],
        "storedBytes": [40_000, None],
        "freeBytes": [None, None],
        "queue": [7, None],
        "lagSeconds": [0.2, None],
        "jobsWaiting": [1, None],
        "jobsFailed": [0, None],
    }


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("", (24, 60)),
        ("?hours=24&step=3600", (24, 3600)),
        ("?hours=25", (25, 600)),
        ("?hours=168&step=1200", (168, 1200)),
    ],
)
async def test_which_steps(open_client: Open, query: str, asked: tuple[int, int]) -> None:
    """As fine as it is kept, unless asked for less."""
    history = FakeHistory()
    async with open_client(catalog=history) as client:
        assert (await client.get(f"/explorer/api/rates{query}")).status_code == 200
    assert history.asked == [asked]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("hours=169", "168"),
        ("hours=0", "1"),
        ("step=90", "multiple of 60"),
        ("hours=25&step=60", "multiple of 600"),
    ],
)
async def test_what_is_not_kept(open_client: Open, query: str, says: str) -> None:
    """A range or a step that there are no points of is refused, with what there is."""
    async with open_client(catalog=FakeHistory()) as client:
        answer: Any = await client.get(f"/explorer/api/rates?{query}")
    assert answer.status_code == 400
    assert says in answer.json()["Details"]


async def test_what_the_store_is(open_client: Open, tmp_path: Path) -> None:
    """Every value is documented, and nothing that is secret is told."""
    secret = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$" + "A" * 43
    settings = Settings(
        http=HttpSettings(users={"alice": secret}),
        storage=StorageSettings(path=tmp_path, maximum_size_mb=10, s3_secret_key="hidden"),
    )
    async with open_client(settings) as client:
        assert (await client.get("/explorer/api/store")).status_code == 401
    settings = settings.model_copy(update={"http": HttpSettings()})
    async with open_client(settings) as client:
        answer = await client.get("/explorer/api/store")
    told = StoreState.model_validate(answer.json())
    assert set(answer.json()) == {one.alias for one in StoreState.model_fields.values()}
    assert (told.studies, told.instances, told.stored_bytes) == (1, 1200, 4_000_000)
    assert (told.maximum_bytes, told.when_full, told.objects) == (10 << 20, "Recycle", "folder")
    assert told.disk is not None
    assert 0 < told.disk.needed < told.disk.free < told.disk.total
    assert str(tmp_path) not in answer.text
    assert "hidden" not in answer.text


async def test_a_disk_that_nobody_sees(open_client: Open) -> None:
    """Objects in S3 have none."""
    s3 = StorageSettings(kind="s3", s3_endpoint="127.0.0.1:1")
    async with open_client(Settings(storage=s3)) as client:
        answer = (await client.get("/explorer/api/store")).json()
    assert (answer["disk"], answer["objects"]) == (None, "S3")


async def test_who_serves_the_store(client: httpx.AsyncClient, store: Store) -> None:
    """Replicas are told one by one; a service of which none answers is named."""
    store.services.present = [
        Present("index", "a:1", "1", 7.9, {}, {"dead letters": "2"}),
        Present("index", "b:2", "1", 3.0, {"database": "does not answer"}, {}),
    ]
    answer = (await client.get("/explorer/api/services")).json()
    told = ServicesPresent.model_validate(answer)
    assert [(one.process, one.ready, one.seconds) for one in told.processes] == [
        ("a:1", True, 7),
        ("b:2", False, 3),
    ]
    assert told.silent == sorted(set(SERVICES) - {"index"})


async def test_services_while_nats_is_away(open_client: Open) -> None:
    """Nobody is called silent who could not be asked."""

    async def away() -> list[Present]:
        raise Unavailable("NATS is not connected")

    async with open_client(call_roll=away) as client:
        assert (await client.get("/explorer/api/services")).status_code == 503

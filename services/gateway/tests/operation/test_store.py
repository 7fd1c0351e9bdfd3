# SPDX-License-Identifier: Apache-2.0
"""What Explorer's page of the store is told."""

from typing import Any

import pytest

from pons.catalog.history import Known, Step
from pons_gateway.models.store_history import StoreHistory

from ..conftest import Open

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

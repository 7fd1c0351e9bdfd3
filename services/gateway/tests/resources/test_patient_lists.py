# SPDX-License-Identifier: Apache-2.0
"""Explorer's list of patients."""

from typing import Any

import httpx
import pytest

from pons.catalog import Search
from pons.catalog.counting import Count
from pons.catalog.list_order import Cursor
from pons.catalog.patient_lists import PatientPage, PatientRow, patient_order
from pons.catalog.search import Listed, Piece
from pons.settings import Settings, StoreSettings

from ..conftest import MOMENT, PATIENT, Open, Store

pytestmark = pytest.mark.anyio

API = "/explorer/api/patients"
CURSOR = Cursor("name", 7, False, ("ROE RICHARD",))
ROW = PatientRow(
    id=PATIENT,
    tags={"00100010": "ROE^RICHARD", "00100040": "M"},
    studies=3,
    latest="20240102",
    protected=True,
    last_update=MOMENT,
)


class FakeLists:
    """One patient, and what was asked last."""

    def __init__(self) -> None:
        self.asked: tuple[Any, ...] = ()

    async def page(self, *asked: Any) -> PatientPage:
        self.asked = asked
        return PatientPage([ROW], CURSOR)

    async def count(self, search: Search) -> Count:
        self.asked = (search,)
        return Count(12431, exact=False)


@pytest.fixture
def lists(store: Store) -> FakeLists:
    fake = FakeLists()
    store.catalog.patient_lists = fake  # type: ignore[attr-defined]
    return fake


async def test_a_page(client: httpx.AsyncClient, lists: FakeLists) -> None:
    """A row has what a list shows; absent texts are empty."""
    body = {"text": "roe", "sort": "name", "limit": 1, "after": CURSOR.encode()}
    answer = await client.post(API, json=body)
    assert answer.json() == {
        "rows": [
            {
                "id": PATIENT,
                "patientName": "ROE^RICHARD",
                "patientId": "",
                "birthDate": "",
                "sex": "M",
                "studies": 3,
                "latest": "20240102",
                "protected": True,
                "lastUpdate": "2024-01-02T11:12:13.000000Z",
            }
        ],
        "next": CURSOR.encode(),
        "understood": [{"kind": "text", "value": "roe", "without": ""}],
        "count": None,
    }
    search = Search("Study", listed=Listed((Piece("roe"),)))
    assert lists.asked == (search, patient_order(), CURSOR, 1)


async def test_how_many(client: httpx.AsyncClient, lists: FakeLists) -> None:
    """Of the whole store with its first page; of a search when that is asked."""
    told = {"value": 12431, "exact": False}
    assert (await client.post(API, json={})).json()["count"] == told
    assert (await client.post(API, json={"text": "roe"})).json()["count"] is None
    assert (await client.post(f"{API}/count", json={"text": "roe"})).json() == told


@pytest.mark.parametrize("body", [{"sort": "size"}, {"limit": 0}, {"after": "x"}, {"labels": []}])
async def test_what_is_refused(
    client: httpx.AsyncClient, lists: FakeLists, body: dict[str, Any]
) -> None:
    assert (await client.post(API, json=body)).status_code == 400


async def test_a_store_without_patients(open_client: Open, lists: FakeLists) -> None:
    """It has no such list."""
    async with open_client(Settings(store=StoreSettings(patient_level=False))) as client:
        for path in (API, f"{API}/count"):
            assert (await client.post(path, json={})).status_code == 404

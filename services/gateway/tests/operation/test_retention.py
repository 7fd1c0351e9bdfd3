# SPDX-License-Identifier: Apache-2.0
"""Retention rules over REST: kept, shown, refused with the reason."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from pons.bus import Bus
from pons.retention.known import open_retention
from pons.settings import RetentionSettings, Settings

from ..conftest import Open, Store

pytestmark = pytest.mark.anyio

RULE: dict[str, Any] = {"When": [{"Origin": "NM*"}], "KeepDays": 90}


@pytest.fixture
async def client(bus: Bus, store: Store, open_client: Open) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(retention=RetentionSettings(rules={"configured": RULE}))
    catalog: Any = store.catalog
    async with (
        open_retention(bus, catalog, settings) as retention,
        open_client(retention=retention) as client,
    ):
        yield client


async def test_retention_rules(client: httpx.AsyncClient) -> None:
    """What is put is kept and wins over the settings; what is deleted is gone, also from there."""
    assert (await client.get("/retention/rules")).json() == ["configured"]
    rule = {**RULE, "Delete": "WhenRoomIsNeeded"}
    put = await client.put("/retention/rules/nm", json=rule)
    assert (put.status_code, put.content) == (200, b"")
    assert (await client.get("/retention/rules/nm")).json() == {
        "When": [{"Origin": ["NM*"]}],
        "KeepDays": 90.0,
        "Delete": "WhenRoomIsNeeded",
        "Enabled": True,
    }
    assert set((await client.get("/retention/rules?expand")).json()) == {"configured", "nm"}
    assert (await client.delete("/retention/rules/configured")).status_code == 200
    assert (await client.get("/retention/rules/configured")).status_code == 404
    unknown = await client.post("/retention/dry-run", json={"Rules": ["configured"]})
    assert unknown.status_code == 404


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"KeepDays": 90}, "When"),
        ({"When": [], "KeepDays": 90}, "at least 1 item"),
        ({"When": [{"Origin": "NM*"}]}, "KeepDays"),
        ({**RULE, "KeepDays": 0}, "greater than 0"),
        ({**RULE, "KeepDays": "90"}, "KeepDays"),
        ({**RULE, "Delete": "Soon"}, "WhenRoomIsNeeded"),
        ({**RULE, "When": [{"Origins": "NM*"}]}, "Origins"),
    ],
)
async def test_a_rule_that_cannot_be(client: httpx.AsyncClient, body: Any, says: str) -> None:
    """It is refused with the field and the reason, and lets nothing go."""
    answer = await client.put("/retention/rules/wrong", json=body)
    assert answer.status_code == 400
    assert says in answer.json()["Details"]
    assert (await client.get("/retention/rules/wrong")).status_code == 404

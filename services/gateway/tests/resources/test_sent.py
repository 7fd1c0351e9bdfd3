# SPDX-License-Identifier: Apache-2.0
"""Explorer's view of what was sent, over REST."""

from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from pons.catalog.sent import Sent
from pons_gateway.models.sent import SentPage

from ..conftest import MOMENT, STUDY, Store

pytestmark = pytest.mark.anyio

ROW = Sent(7, "Study", STUDY, "pacs", "P1", "1.2.3", MOMENT, STUDY, "ROE^RICHARD", "Thorax")


@dataclass
class FakeSent:
    asked: list[Any] = field(default_factory=list)

    async def page(self, *asked: Any) -> tuple[list[Sent], bool]:
        self.asked.append(asked)
        return [ROW], True


@pytest.fixture
def log(store: Store) -> FakeSent:
    log = FakeSent()
    store.catalog.sent = log  # type: ignore[attr-defined]
    return log


async def test_a_page(client: httpx.AsyncClient, log: FakeSent) -> None:
    """It tells where it goes on, and is as it is documented."""
    body = {"destination": "pacs", "patient": "roe", "before": 9, "limit": 1}
    answer = await client.post("/explorer/api/sent", json=body)
    assert log.asked == [("pacs", "roe", 9, 1)]
    told = answer.json()
    SentPage.model_validate(told)
    assert (told["next"], told["rows"][0]["seq"]) == (7, 7)
    assert told["rows"][0]["date"] == "2024-01-02T11:12:13.000000Z"


@pytest.mark.parametrize(
    "body", [{"patient": "a\0b"}, {"limit": 501}, {"before": -1}, {"before": 2**63}, {"name": "x"}]
)
async def test_what_cannot_be_asked(
    client: httpx.AsyncClient, log: FakeSent, body: dict[str, Any]
) -> None:
    answer = await client.post("/explorer/api/sent", json=body)
    assert (answer.status_code, log.asked) == (400, [])

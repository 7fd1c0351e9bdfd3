# SPDX-License-Identifier: Apache-2.0
"""Views that people save: each user his own, with names that differ."""

import asyncio

import httpx
import pytest

from pons.errors import Conflict
from pons_gateway.sessions.saved_views import MOST, SavedViews, View
from pons_testing.buckets import MemoryBucket, MemoryBus

from ..conftest import Open
from ..middleware.logins import USERS

pytestmark = pytest.mark.anyio

API = "/explorer/api/views"


async def test_saved_renamed_deleted(client: httpx.AsyncClient) -> None:
    """A view is there under its name until it is deleted."""
    assert (await client.get(API)).json() == []
    made = await client.post(API, json={"name": " CBCT ", "search": "q=cbct"})
    view = made.json()
    assert (made.status_code, view["name"], view["search"]) == (200, "CBCT", "q=cbct")
    identifiers = "q=id:" + "%2C".join(f"P{number}" for number in range(1300))
    long = await client.post(API, json={"name": "Trial", "search": identifiers})
    assert long.json()["search"] == identifiers
    assert (await client.delete(f"{API}/{long.json()['id']}")).status_code == 200
    taken = await client.post(API, json={"name": "cbct", "search": ""})
    assert taken.status_code == 409
    assert "There is a view 'cbct' already" in taken.json()["Details"]
    other = (await client.post(API, json={"name": "a", "search": "state=arriving"})).json()
    assert [one["name"] for one in (await client.get(API)).json()] == ["a", "CBCT"]

    path = f"{API}/{view['id']}"
    renamed = await client.put(path, json={"name": "Cone beam", "search": "q=cbct"})
    assert renamed.json() == view | {"name": "Cone beam"}
    assert (await client.put(path, json={"name": "A", "search": ""})).status_code == 409
    assert (await client.delete(path)).status_code == 200
    assert (await client.delete(path)).status_code == 404
    assert (await client.get(API)).json() == [other]


@pytest.mark.parametrize(
    "body",
    [
        {"name": "  ", "search": ""},
        {"name": "a\nb", "search": ""},
        {"name": "a" * 81, "search": ""},
        {"name": "a", "search": "q" * 24_001},
        {"name": "a"},
    ],
)
async def test_what_is_refused(client: httpx.AsyncClient, body: dict[str, str]) -> None:
    assert (await client.post(API, json=body)).status_code == 400
    assert (await client.get(API)).json() == []


async def test_everybody_has_his_own(open_client: Open) -> None:
    """Nobody sees, changes or deletes a view of another user."""
    async with open_client(USERS) as client:
        alice, bob = httpx.BasicAuth("alice", "secret"), httpx.BasicAuth("bob", "secret")
        body = {"name": "mine", "search": "q=a"}
        made = (await client.post(API, json=body, auth=alice)).json()
        assert (await client.get(API, auth=bob)).json() == []
        assert (await client.post(API, json=body, auth=bob)).status_code == 200
        path = f"{API}/{made['id']}"
        assert (await client.put(path, json=body, auth=bob)).status_code == 404
        assert (await client.delete(path, auth=bob)).status_code == 404
        assert (await client.get(API, auth=alice)).json() == [made]
        assert (await client.get(API)).status_code == 401


class SlowBus(MemoryBus):
    """Lets others go on while it is asked, as NATS does."""

    async def bucket(self, name: str) -> MemoryBucket:
        await asyncio.sleep(0)
        return await super().bucket(name)


async def test_a_second_click() -> None:
    """Of several views of one name that are saved at once there is one, the others hear why."""
    views = SavedViews(SlowBus())  # type: ignore[arg-type]
    asked = (views.create("", name, "") for name in ("mine", "Mine", "MINE"))
    made = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(one) for one in made] == [View, Conflict, Conflict]
    assert len(views.list("")) == 1


async def test_there_is_a_bound() -> None:
    views = SavedViews(MemoryBus())  # type: ignore[arg-type]
    for number in range(MOST):
        await views.create("", f"view {number}", "")
    with pytest.raises(Conflict, match="views already"):
        await views.create("", "one more", "")
    await views.create("alice", "hers", "")

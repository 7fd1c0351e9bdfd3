# SPDX-License-Identifier: Apache-2.0
"""What Explorer is told of modalities and peers, and which secrets of a changed peer stay."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest

from pons.messages.modality import Modality
from pons.remotes.contacts import Contact
from pons.remotes.peers import OtherStore
from pons_gateway.models.known_remotes import KnownRemotes, RemoteNews
from pons_gateway.resources.known_remotes import remote_news

from ..conftest import Open, Store
from .test_remotes import FakeRegistry

pytestmark = pytest.mark.anyio

KNOWN = OtherStore(
    "https://one.example/",
    "me",
    "secret",
    http_headers={"X-Key": "hidden", "X-Other": "value"},
    certificate_file="/a.pem",
    certificate_key_password="private",
    properties={"Room": "2"},
)


PACS = Modality("PACS", "192.0.2.1", 104, allow_find=False)


@dataclass
class FakeContacts:
    """Contacts by their destination, in memory."""

    known: dict[str, Contact] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def get(self, destination: str, address: str) -> Contact | None:
        contact = self.known.get(destination)
        return contact if contact is not None and contact.address == address else None


@pytest.fixture
def contacts() -> FakeContacts:
    refused = Contact("PACS@192.0.2.1:104", 9.0, "C-STORE", "failed", "no room", 3.0)
    before = Contact("https://former.example/", 9.0, "GET /system", "well", "", 9.0)
    return FakeContacts({"modality:pacs": refused, "peer:one": before})


@pytest.fixture
def peers() -> FakeRegistry:
    return FakeRegistry({"one": KNOWN})


@pytest.fixture
async def client(
    open_client: Open, peers: FakeRegistry, contacts: FakeContacts
) -> AsyncIterator[httpx.AsyncClient]:
    modalities = FakeRegistry({"pacs": PACS})
    async with open_client(peers=peers, modalities=modalities, contacts=contacts) as client:
        yield client


REFUSED = {"at": 9.0, "did": "C-STORE", "outcome": "failed", "why": "no room", "well": 3.0}


async def test_last_contact(client: httpx.AsyncClient) -> None:
    """What went on with it where it is now; of another place nothing is told."""
    told = (await client.get("/explorer/api/remotes")).json()
    KnownRemotes.model_validate(told)
    assert told["modalities"][0]["contact"] == REFUSED
    assert told["peers"][0]["contact"] is None


async def test_news(
    store: Store,
    peers: FakeRegistry,
    contacts: FakeContacts,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All of them at first, then whenever one is otherwise, is new, or is no more."""
    monkeypatch.setattr("pons_gateway.resources.known_remotes.NEWS_EVERY", 0.0)
    modalities: Any = FakeRegistry({"pacs": PACS})
    known: Any = {"peers": peers, "modalities": modalities, "contacts": contacts}
    backends = replace(store.backends, **known)
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def hear() -> None:
        async for news in remote_news(backends):
            RemoteNews.model_validate(news)
            heard.put_nowait({one["name"]: one["contact"] for one in news["remotes"]})

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(hear())
        assert await heard.get() == {"pacs": REFUSED, "one": None}
        del contacts.known["modality:pacs"]
        tell(contacts)
        assert await heard.get() == {"pacs": None, "one": None}
        looked = asyncio.Event()

        def look() -> dict[str, Any]:
            looked.set()
            return dict(peers.known)

        monkeypatch.setattr(peers, "list", look)
        tell(peers)  # of nothing
        await looked.wait()
        for _ in range(10):  # as long as it could take to tell it all the same
            await asyncio.sleep(0)
        assert heard.empty()
        del modalities.known["pacs"]
        tell(modalities)
        assert await heard.get() == {"one": None}
        backends.health.stop.set()
    assert heard.empty()


def tell(one: FakeContacts | FakeRegistry) -> None:
    """Whoever follows hears that something may be otherwise."""
    before, one.changed = one.changed, asyncio.Event()
    before.set()


async def test_list_has_no_secret(client: httpx.AsyncClient) -> None:
    """Everything that a form shows is there, headers by name alone."""
    answer = await client.get("/explorer/api/remotes")
    told = answer.json()
    assert not [one for one in ("secret", "hidden", "private") if one in answer.text]
    assert told["certificate"] is False
    assert told["peers"][0]["notes"] == {"Room": "2"}
    assert told["peers"][0]["peer"]["HttpHeaders"] == ["X-Key", "X-Other"]
    assert told["modalities"][0]["name"] == "pacs"
    assert told["modalities"][0]["source"] == "here"
    assert told["modalities"][0]["modality"]["AllowFind"] is False


async def test_secrets_stay_where_asked(client: httpx.AsyncClient, peers: FakeRegistry) -> None:
    """Another time limit needs no password; a header that is not named is gone."""
    body = {
        "peer": {"Url": "https://one.example:443/orthanc", "Username": "me", "Timeout": 7},
        "keepPassword": True,
        "keepKeyPassword": True,
        "keepHeaders": ["X-Key"],
    }
    answer = await client.put("/explorer/api/peers/one", json=body)
    assert answer.status_code == 200, answer.text
    changed = peers.known["one"]
    assert (changed.password, changed.certificate_key_password) == ("secret", "private")
    assert changed.http_headers == {"X-Key": "hidden"}
    assert (changed.url, changed.timeout) == ("https://one.example:443/orthanc/", 7)
    assert changed.properties == {}


@pytest.mark.parametrize(
    "url",
    ["http://one.example/", "https://two.example/", "https://one.example:8443/"],
)
@pytest.mark.parametrize(
    "kept", [{"keepPassword": True}, {"keepKeyPassword": True}, {"keepHeaders": ["X-Key"]}]
)
async def test_secrets_do_not_follow_to_another_address(
    client: httpx.AsyncClient, peers: FakeRegistry, url: str, kept: dict[str, object]
) -> None:
    """Who may change peers cannot have their passwords sent to himself."""
    answer = await client.put("/explorer/api/peers/one", json={"peer": {"Url": url}, **kept})
    assert answer.status_code == 400
    assert "has another address" in answer.json()["Details"]
    assert peers.known["one"] == KNOWN


async def test_secrets_of_nobody(client: httpx.AsyncClient, peers: FakeRegistry) -> None:
    """A peer that is new has none to keep, and no value of a header that it has not."""
    new = {"peer": {"Url": "https://two.example/"}, "keepPassword": True}
    assert (await client.put("/explorer/api/peers/two", json=new)).status_code == 404
    header = {"peer": {"Url": "https://one.example/"}, "keepHeaders": ["X-None"]}
    answer = await client.put("/explorer/api/peers/one", json=header)
    assert answer.status_code == 400
    assert "X-None" in answer.json()["Details"]
    assert peers.known == {"one": KNOWN}


async def test_new_peer(client: httpx.AsyncClient, peers: FakeRegistry) -> None:
    body = {"peer": {"Url": "https://two.example/", "Password": "new", "Note": "x"}}
    assert (await client.put("/explorer/api/peers/two", json=body)).status_code == 200
    assert peers.known["two"].password == "new"
    assert peers.known["two"].properties == {"Note": "x"}

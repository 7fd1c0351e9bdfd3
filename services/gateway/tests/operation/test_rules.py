# SPDX-License-Identifier: Apache-2.0
"""Rules and webhooks over REST: kept, shown without secrets, and refused with the reason."""

from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import httpx
import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from pons.bus import Bus
from pons.jobs import Jobs
from pons.messages.modality import Modality
from pons.remotes.peers import OtherStore
from pons.routing.known import open_known
from pons.settings import JobsSettings, RoutingSettings, Settings, StoreSettings

from ..conftest import Open, Store
from .test_remotes import FakeRegistry

pytestmark = pytest.mark.anyio

RULE: dict[str, Any] = {"On": "StableStudy", "To": ["modality:pacs"]}
WEBHOOK: dict[str, Any] = {
    "Url": "https://planning.example.org/hook",
    "Secret": "0123456789abcdef",
    "HttpHeaders": {"X-Token": "hidden"},
}


@pytest.fixture
def settings() -> Settings:
    return Settings(routing=RoutingSettings(rules={"configured": RULE}))


@pytest.fixture
async def client(
    bus: Bus, store: Store, settings: Settings, open_client: Open
) -> AsyncIterator[httpx.AsyncClient]:
    catalog: Any = store.catalog
    own = Modality("PONS", "127.0.0.1", settings.dicom.port)
    peers = {"own": OtherStore(f"http://localhost:{settings.http.port}/")}
    async with (
        open_known(bus, catalog, settings) as known,
        open_client(
            settings,
            routing=known,
            jobs=Jobs(bus, JobsSettings()),
            modalities=FakeRegistry({"pacs": Modality("PACS", "pacs", 104), "own": own}),
            peers=FakeRegistry(peers),
        ) as client,
    ):
        yield client


async def test_rules(client: httpx.AsyncClient) -> None:
    """What is put is kept and wins over the settings; what is deleted is gone, also from there."""
    assert (await client.get("/routing/rules")).json() == ["configured"]
    condition = {"Tag": "Modality", "Is": "CT"}
    put = await client.put("/routing/rules/ct", json={**RULE, "When": [condition]})
    assert (put.status_code, put.json()) == (200, {"Warnings": []})
    shown = (await client.get("/routing/rules/ct")).json()
    assert shown == {
        "On": "StableStudy",
        "When": [{"Tag": "Modality", "Is": ["CT"]}],
        "To": ["modality:pacs"],
        "Enabled": True,
    }
    assert (await client.put("/routing/rules/again", json=shown)).status_code == 200
    assert set((await client.get("/routing/rules?expand")).json()) == {"again", "configured", "ct"}
    assert (await client.delete("/routing/rules/configured")).status_code == 200
    assert (await client.get("/routing/rules/configured")).status_code == 404
    assert (await client.delete("/routing/rules/configured")).status_code == 404
    (state,) = (await client.get("/routing/destinations")).json()
    assert state == {
        "Destination": "modality:pacs",
        "Known": True,
        "Waiting": 0,
        "GoingOn": 0,
        "DeadLetters": 0,
        "NextTry": None,
        "Reason": "",
    }


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({**RULE, "When": [{"Tag": "Modality", "Matches": "C.*"}]}, "Matches"),
        ({**RULE, "When": [{"Tag": "NoTag", "Is": "x"}]}, "Unknown DICOM tag: NoTag"),
        ({**RULE, "To": ["smtp:x"]}, "expected modality:NAME"),
        ([], "object"),
        ({**RULE, "To": ["modality:own"]}, "another destination"),
        ({**RULE, "To": ["peer:own"]}, "another destination"),
        ({**RULE, "To": ["peer:" + "p" * 201]}, "at most 200 characters, not 201"),
        ({**RULE, "When": [{"Tag": "Rows", "Min": 9, "Max": 8}]}, "Min has to be the smaller one"),
        (
            {**RULE, "When": [{"Any": [{"Tag": "StudyDate", "Min": "2025", "Max": "2024"}]}]},
            "the earlier one",
        ),
        ({**RULE, "When": [{"Any": []}]}, "Any is empty (it never holds"),
        ({**RULE, "When": [{"Not": {"All": []}}]}, "All is empty (it always holds"),
        ({**RULE, "When": [{"Not": {"Tag": "PixelData", "Exists": True}}]}, "of the header"),
    ],
)
async def test_a_rule_that_cannot_be(client: httpx.AsyncClient, body: Any, says: str) -> None:
    """It is refused with the field and the reason, and not kept."""
    answer = await client.put("/routing/rules/wrong", json=body)
    assert answer.status_code == 400
    assert says in answer.json()["Details"]
    assert (await client.get("/routing/rules/wrong")).status_code == 404


async def test_a_rule_that_cannot_be_can_be_switched_off(client: httpx.AsyncClient) -> None:
    """Earlier versions kept such rules."""
    body = {**RULE, "When": [{"Tag": "Rows", "Min": 9, "Max": 8}], "Enabled": False}
    assert (await client.put("/routing/rules/off", json=body)).status_code == 200
    assert (await client.get("/routing/rules/off")).json()["Enabled"] is False


async def test_a_rule_that_comes_before_its_destination(client: httpx.AsyncClient) -> None:
    """It is kept, and whoever puts it hears of what is not known yet; the list of destinations
    tells it, too."""
    to = ["modality:pacs", "modality:later", "webhook:none"]
    put = await client.put("/routing/rules/early", json={**RULE, "To": to})
    assert put.status_code == 200
    later, none = put.json()["Warnings"]
    assert later.startswith("modality:later is not known yet")
    assert none.startswith("webhook:none is not known yet")
    states = (await client.get("/routing/destinations")).json()
    assert {one["Destination"]: one["Known"] for one in states} == {
        "modality:later": False,
        "modality:pacs": True,
        "webhook:none": False,
    }


@pytest.mark.parametrize(
    "settings", [Settings(store=StoreSettings(read_only=True))], ids=["read-only"]
)
async def test_a_rule_that_labels_where_nothing_changes(client: httpx.AsyncClient) -> None:
    """It is kept, and whoever puts it hears that nothing is labelled. One that only sends works,
    and one that rests does nothing anyway."""
    labelling = {"On": "StableStudy", "Label": ["research"]}
    put = await client.put("/routing/rules/labels", json={**RULE, **labelling})
    (doubt,) = put.json()["Warnings"]
    assert doubt.startswith("The store is read-only (setting store.read_only)")
    assert (await client.get("/routing/rules/labels")).json()["Label"] == ["research"]
    for body in (RULE, {**labelling, "Enabled": False}):
        put = await client.put("/routing/rules/other", json=body)
        assert (put.status_code, put.json()) == (200, {"Warnings": []})


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.1.1]", "0xa9fea9fe", "2852039166"]
)
async def test_a_webhook_where_none_may_be(client: httpx.AsyncClient, host: str) -> None:
    """It is refused at once, and not only when the first change is to be told."""
    answer = await client.put(
        "/routing/webhooks/wrong", json={**WEBHOOK, "Url": f"http://{host}/latest"}
    )
    assert answer.status_code == 400
    assert "No webhook may be at" in answer.json()["Details"]
    assert (await client.get("/routing/webhooks/wrong")).status_code == 404


async def test_webhooks(client: httpx.AsyncClient) -> None:
    """A secret goes in and never comes out, neither when it is wrong."""
    assert (await client.put("/routing/webhooks/planning", json=WEBHOOK)).status_code == 200
    answer = await client.get("/routing/webhooks/planning")
    assert answer.json() == {"Url": WEBHOOK["Url"], "HttpHeaders": ["X-Token"]}
    every = await client.get("/routing/webhooks?expand")
    assert every.json() == {"planning": answer.json()}
    wrong = await client.put("/routing/webhooks/wrong", json={**WEBHOOK, "Url": "ftp://secret/"})
    assert wrong.status_code == 400
    short = await client.put("/routing/webhooks/wrong", json={**WEBHOOK, "Secret": "tiny-secret"})
    assert short.status_code == 400
    for text in (answer.text, every.text, wrong.text, short.text):
        assert "hidden" not in text
        assert "secret" not in text
        assert WEBHOOK["Secret"] not in text
    assert (await client.delete("/routing/webhooks/planning")).status_code == 200
    assert (await client.get("/routing/webhooks")).json() == []


async def test_questions_that_cannot_be_answered(client: httpx.AsyncClient) -> None:
    """An unknown rule, and days that are none, are told as such."""
    for body in ({}, {"Days": 0}, {"Days": "7"}, {"Days": 1, "Limit": 5000}):
        assert (await client.post("/routing/replay", json=body)).status_code == 400
    assert (await client.post("/routing/rules/none/dry-run", content="x")).status_code == 404
    unknown = await client.post("/routing/replay", json={"Days": 1, "Rules": ["none"]})
    assert unknown.status_code == 404


async def test_rules_are_listed_for_people(bus: Bus, store: Store, open_client: Open) -> None:
    """Each tells where it comes from, and what it could name is told beside."""
    settings = Settings(routing=RoutingSettings(rules={"configured": RULE}))
    catalog: Any = store.catalog
    known_modalities, known_peers = FakeRegistry({"pacs": None}), FakeRegistry({"other": None})
    async with (
        open_known(bus, catalog, settings) as known,
        open_client(routing=known, modalities=known_modalities, peers=known_peers) as client,
    ):
        await client.put("/routing/rules/mine", json=RULE)
        await client.put("/routing/webhooks/plan", json=WEBHOOK)
        told = (await client.get("/explorer/api/rules")).json()
    assert [(one["name"], one["source"]) for one in told["rules"]] == [
        ("configured", "settings"),
        ("mine", "here"),
    ]
    assert told["rules"][0]["rule"]["To"] == ["modality:pacs"]
    assert told["destinations"] == ["modality:pacs", "peer:other", "webhook:plan"]


async def test_a_file_is_tried(client: httpx.AsyncClient) -> None:
    """Every rule says what it would, by the same conditions; what is no file is refused."""
    ct = {"Tag": "Modality", "Is": "CT"}
    kept = {"Tag": "PatientID", "Is": "A*"}
    rules = {
        "ct": [ct],
        "sent": [{"Origin": "NM*"}],
        "not": [{"Not": ct}],
        "mr": [ct, {"Tag": "Modality", "Is": "MR"}],
        "kept": [kept],
        "labelled": [{"Label": "x"}],
    }
    for name, when in rules.items():
        put = await client.put("/routing/rules/" + name, json={**RULE, "When": when})
        assert put.status_code == 200
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID, ds.SOPInstanceUID, ds.Modality = CTImageStorage, "1.2.3", "CT"
    content = BytesIO()
    ds.save_as(content, enforce_file_format=True)
    tried = await client.post("/explorer/api/rules/try?origin=NM1", content=content.getvalue())
    assert tried.json() == [
        {"name": "configured", "unmet": None, "found": None},
        {"name": "ct", "unmet": None, "found": None},
        {"name": "kept", "unmet": {"Tag": "PatientID", "Is": ["A*"]}, "found": ""},
        {"name": "labelled", "unmet": {"Label": ["x"]}, "found": ""},
        {"name": "mr", "unmet": {"Tag": "Modality", "Is": ["MR"]}, "found": "CT"},
        {"name": "not", "unmet": {"Not": {"Tag": "Modality", "Is": ["CT"]}}, "found": None},
        {"name": "sent", "unmet": None, "found": None},
    ]
    by_http = await client.post("/explorer/api/rules/try?origin=CT1", content=content.getvalue())
    unmet = {"Origin": ["NM*"]}
    assert by_http.json()[-1] == {"name": "sent", "unmet": unmet, "found": "CT1"}
    for wrong in (b"", b"no image" * 100):
        assert (await client.post("/explorer/api/rules/try", content=wrong)).status_code == 400

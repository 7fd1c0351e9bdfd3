# SPDX-License-Identifier: Apache-2.0
"""The whole gateway on a real PostgreSQL and a real NATS, asked over a real port."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydicom.data import get_testdata_file

from pons.bus import open_bus
from pons.bus.requests import answer_commands
from pons.errors import RemoteFailure
from pons.health.readiness import Health
from pons.jobs import JobRequest, Jobs
from pons.messages.egress import EchoModality
from pons.messages.modality import Modality
from pons.messages.services import Done
from pons.settings import (
    DatabaseSettings,
    HttpSettings,
    IngestSettings,
    RenderSettings,
    Settings,
    StorageSettings,
)
from pons_embedded.ports import free_port
from pons_gateway.service import open_gateway
from pons_testing.marks import mark_store
from pons_testing.nats import NatsServer, nats_server
from pons_testing.postgres import PostgresServer

pytestmark = pytest.mark.anyio

NOBODY = "00000000-00000000-00000000-00000000-00000000"
PACS = {"AET": "PACS", "Host": "192.0.2.1", "Port": 104}
OPERATIONS = [
    "configuration",
    "echo",
    *("find", "find-instance", "find-patient", "find-series", "find-study", "find-worklist"),
    "get",
    "move",
    "query",
    "storage-commitment",
    "store",
    "store-straight",
]


@pytest.fixture(scope="module")  # stores that start here leave their streams behind
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    with nats_server(tmp_path_factory.mktemp("gateway-nats")) as server:
        yield server


def settings(nats: NatsServer, database: DatabaseSettings, folder: Path) -> Settings:
    return nats.settings().model_copy(
        update={
            "database": database,
            "storage": StorageSettings(path=folder, fsync=False),
            "http": HttpSettings(port=free_port()),
            "ingest": IngestSettings(answer_timeout=0.2),
            "render": RenderSettings(port=free_port()),
        }
    )


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    health = Health("gateway")
    await mark_store(settings)
    async with open_gateway(settings, health):
        health.started = True
        address = f"http://127.0.0.1:{settings.http.port}"
        async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
            yield client


@pytest.fixture
async def store(
    postgres: PostgresServer, nats: NatsServer, tmp_path: Path
) -> AsyncIterator[tuple[httpx.AsyncClient, Settings]]:
    async with postgres.database() as database:
        chosen = settings(nats, database, tmp_path)
        async with serving(chosen) as client:
            yield client, chosen


Store = tuple[httpx.AsyncClient, Settings]


async def test_upload_without_index(store: Store) -> None:
    """While the index is away, an upload is stored all the same, and answered soon."""
    client, _ = store
    path = get_testdata_file("CT_small.dcm", read=False)
    assert isinstance(path, str)
    content = await asyncio.to_thread(Path(path).read_bytes)
    answer = await client.post("/instances", content=content)
    assert answer.json()["Status"] == "Success"
    assert answer.json()["ID"] == "f689ddd2-662f8fe1-8b18180d-ec2a2cee-937917af"
    assert (await client.get("/statistics")).json()["CountInstances"] == 0


async def test_ready(store: Store) -> None:
    """The gateway is ready when all it needs works, the index too; one GET tells what does not."""
    client, settings = store
    answer = await client.get("/health/ready")
    assert answer.status_code == 503
    stopped = {"index service": "The index service is not running (try again shortly)"}
    assert answer.json()["failures"] == stopped
    index = Health("index")
    index.started = True
    async with open_bus(settings) as bus:
        await answer_commands(bus, "index", {}, index)
        answer = await client.get("/health/ready")
        assert (answer.json()["ready"], answer.json()["failures"]) == (True, {})
        tasks = answer.json()["tasks"]
        assert "last_success" in tasks[f"watching {settings.store.name}-config"]
        index.pulses.add("consumer").fail("The disk of the database is full", lasting=True)
        answer = await client.get("/health/ready")
        assert answer.status_code == 503
        assert "The disk of the database is full" in answer.json()["failures"]["index service"]
        lines = (await client.get("/tools/metrics-prometheus")).text.splitlines()
        assert [line.split()[1] for line in lines if line.startswith("pons_ready ")] == ["0"]


async def test_without_render(store: Store) -> None:
    """Without render, pictures are unavailable and the first page says who is away."""
    client, _ = store
    answer = await client.get(f"/instances/{NOBODY}/preview")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert (answer.json()["Message"], answer.json()["OrthancStatus"]) == ("Timeout", 16)
    assert (await client.get("/app/home.html")).text.count("no answer") == 4


async def test_database_comes_later(nats: NatsServer, tmp_path: Path) -> None:
    """Without a database the gateway runs, and says 503 wherever it is needed."""
    away = DatabaseSettings(url="postgresql://nobody@127.0.0.1:1/nothing")
    async with serving(settings(nats, away, tmp_path)) as client:
        assert (await client.get("/system")).status_code == 200
        answer = await client.get("/studies")
        assert answer.status_code == 503
        assert answer.json()["Message"].startswith("The database is currently not available")
        assert (await client.get("/health/ready")).status_code == 503


async def test_modalities(store: Store) -> None:
    """Modalities are added, listed, shown and forgotten."""
    client, _ = store
    assert (await client.get("/modalities")).json() == []
    assert (await client.put("/modalities/pacs", json=PACS)).content == b""
    assert (await client.put("/modalities/old", json=["OLD", "192.0.2.2", "105"])).is_success
    assert (await client.get("/modalities")).json() == ["old", "pacs"]
    expanded = (await client.get("/modalities?expand")).json()
    assert (expanded["old"]["AET"], expanded["old"]["Port"]) == ("OLD", 105)
    assert (await client.get("/modalities/pacs")).json() == OPERATIONS
    shown = (await client.get("/modalities/pacs/configuration")).json()
    assert shown.items() >= PACS.items()
    assert (await client.delete("/modalities/pacs")).content == b""
    assert (await client.get("/modalities")).json() == ["old"]


async def test_unknown_modality(store: Store) -> None:
    """An unknown modality is a silent 404 as a directory, and described elsewhere."""
    client, _ = store
    answer = await client.get("/modalities/nobody")
    assert (answer.status_code, answer.content) == (404, b"")
    for answer in (
        await client.delete("/modalities/nobody"),
        await client.get("/modalities/nobody/configuration"),
        await client.post("/modalities/nobody/echo", json={}),
        await client.post("/modalities/nobody/store", content=NOBODY),
    ):
        assert (answer.status_code, answer.json()["OrthancStatus"]) == (404, 7)


async def test_wrong_modality(store: Store) -> None:
    """A modality that cannot be is refused."""
    client, _ = store
    for body in (b"junk", b"", b"[]", b'["A","h",0]', b'{"AET":"A"}'):
        assert (await client.put("/modalities/x", content=body)).status_code == 400, body
    assert (await client.put("/modalities/a%20b", json=PACS)).status_code == 400


async def test_peers(store: Store) -> None:
    """Peers are added, listed, shown without their secrets, and forgotten."""
    client, _ = store
    given = {"Url": "http://h/x", "Username": "me", "Password": "secret", "RemoteSelf": "here"}
    assert (await client.put("/peers/two", json=given)).content == b""
    assert (await client.put("/peers/one", json=["http://one/"])).is_success
    assert (await client.get("/peers")).json() == ["one", "two"]
    shown = (await client.get("/peers?expand")).json()["two"]
    assert shown == (await client.get("/peers/two/configuration")).json()
    assert (shown["Url"], shown["Password"], shown["RemoteSelf"]) == ("http://h/x/", None, "here")
    offered = ["configuration", "store", "store-straight", "system"]
    assert (await client.get("/peers/two")).json() == offered
    assert (await client.put("/peers/one", json=["http://one/", "me"])).status_code == 400
    assert (await client.delete("/peers/one")).content == b""
    assert (await client.get("/peers/one")).status_code == 404
    assert (await client.delete("/peers/one")).json()["OrthancStatus"] == 7
    assert (await client.get("/peers/one/configuration")).json()["OrthancStatus"] == 17


async def test_metrics(store: Store) -> None:
    """Orthanc's metrics have values of this moment, one line each with its time."""
    client, _ = store
    await client.get("/system")
    answer = await client.get("/tools/metrics-prometheus")
    lines = [line.split(" ") for line in answer.text.splitlines()]
    assert all(len(line) == 3 for line in lines)
    values = {name: value for name, value, _ in lines}
    assert values["orthanc_count_studies"] == "0"
    assert values["orthanc_jobs_running"] == "0"
    assert values["orthanc_rest_api_active_requests"] == "1"
    assert float(values["orthanc_rest_api_duration_ms"]) > 0
    assert float(values["orthanc_store_dicom_duration_ms"]) >= 0


@asynccontextmanager
async def egress(settings: Settings, echo: Any) -> AsyncIterator[None]:
    async with open_bus(settings) as bus:
        await answer_commands(bus, "egress", {EchoModality: echo})
        yield


async def test_echo(store: Store) -> None:
    """An echo is asked of egress: `{}` when the modality answered, 500 with the reason if not."""
    client, chosen = store
    asked: list[EchoModality] = []

    async def echo(command: EchoModality) -> Done:
        asked.append(command)
        if command.timeout:
            raise RemoteFailure("PACS refused the association")
        return Done()

    await client.put("/modalities/pacs", json=PACS)
    assert (await client.post("/modalities/pacs/echo")).status_code == 503
    async with egress(chosen, echo):
        for body in (b"", b"{}"):
            answer = await client.post("/modalities/pacs/echo", content=body)
            assert (answer.status_code, answer.json()) == (200, {})
        failed = await client.post("/modalities/pacs/echo", json={"Timeout": 5})
        assert failed.status_code == 500
        assert failed.json()["Details"] == "PACS refused the association"
        assert failed.json()["OrthancStatus"] == 9
        assert (await client.post("/modalities/pacs/echo", content=b"x")).status_code == 400
        assert "egress</b>" in (await client.get("/app/home.html")).text
    assert asked == [EchoModality("pacs"), EchoModality("pacs"), EchoModality("pacs", 5.0)]


async def test_echo_of_a_modality_that_is_described(store: Store) -> None:
    """Its object or its array goes to egress; what describes none is a bad request."""
    client, chosen = store
    asked: list[EchoModality] = []

    async def echo(command: EchoModality) -> Done:
        asked.append(command)
        return Done()

    async with egress(chosen, echo):
        for body in (["PACS", "192.0.2.1", "104"], PACS | {"CheckFind": True, "Timeout": 5}):
            answer = await client.post("/tools/dicom-echo", json=body)
            assert (answer.status_code, answer.json()) == (200, {})
        for wrong in ("", "5", "{}", '["PACS", "192.0.2.1"]', "null"):
            answer = await client.post("/tools/dicom-echo", content=wrong)
            assert answer.status_code == 400
    assert [(one.modality, one.timeout) for one in asked] == [("PACS", None), ("PACS", 5.0)]
    assert asked[0].described == Modality("PACS", "192.0.2.1", 104)


async def test_store_of_unknown_resource(store: Store) -> None:
    """What is not in the store cannot be sent, and no job is made of it."""
    client, _ = store
    await client.put("/modalities/pacs", json=PACS)
    for body in (NOBODY.encode(), b'{"Resources":["%s"]}' % NOBODY.encode()):
        answer = await client.post("/modalities/pacs/store", content=body)
        assert answer.status_code == 404
    assert (await client.post("/modalities/pacs/store", json={})).status_code == 400
    assert (await client.get("/jobs")).json() == []


async def submitted(settings: Settings) -> str:
    """A job that no worker takes."""
    async with open_bus(settings) as bus:
        request = JobRequest(job_type="Test", worker="nobody", content={"Description": "REST API"})
        return await Jobs(bus, settings.jobs).submit(request, priority=3)


async def test_jobs(store: Store) -> None:
    """Jobs are listed, shown, paused, resumed, cancelled, resubmitted and forgotten."""
    client, chosen = store
    job_id = await submitted(chosen)

    async def state() -> str:
        shown = (await client.get(f"/jobs/{job_id}")).json()
        return str(shown["State"])

    assert (await client.get("/jobs")).json() == [job_id]
    expanded = (await client.get("/jobs?expand")).json()
    assert (expanded[0]["ID"], expanded[0]["Type"], expanded[0]["Priority"]) == (job_id, "Test", 3)
    for action, then in (
        ("pause", "Paused"),
        ("resume", "Pending"),
        ("cancel", "Failure"),
        ("resubmit", "Pending"),
        ("cancel", "Failure"),
    ):
        answer = await client.post(f"/jobs/{job_id}/{action}")
        assert (answer.status_code, answer.json()) == (200, {})
        assert await state() == then
    deleted = await client.delete(f"/jobs/{job_id}")
    assert (deleted.status_code, deleted.content) == (200, b"")
    assert (await client.get("/jobs")).json() == []


async def test_impossible_actions(store: Store) -> None:
    """An action on no job, or not in its state, is a 400 without a body; a look is a 404."""
    client, chosen = store
    job_id = await submitted(chosen)
    for path in (f"/jobs/{job_id}/resume", f"/jobs/{job_id}/resubmit", "/jobs/x/cancel"):
        answer = await client.post(path)
        assert (answer.status_code, answer.content) == (400, b""), path
    for answer in (
        await client.get("/jobs/x"),
        await client.delete("/jobs/x"),
        await client.delete(f"/jobs/{job_id}"),
    ):
        assert (answer.status_code, answer.content) == (404, b"")
    output = await client.get(f"/jobs/{job_id}/archive")
    assert (output.status_code, output.json()["OrthancStatus"]) == (404, 7)


async def test_end_while_requests_wait(nats: NatsServer, tmp_path: Path) -> None:
    """The gateway ends in order, soon, also while a client keeps its connection."""
    away = DatabaseSettings(url="postgresql://nobody@127.0.0.1:1/nothing")
    chosen = settings(nats, away, tmp_path)
    async with serving(chosen) as client:
        assert (await client.get("/system")).status_code == 200
        started = time.monotonic()
    assert time.monotonic() - started < 9
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", chosen.http.port)

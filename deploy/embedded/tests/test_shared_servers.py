# SPDX-License-Identifier: Apache-2.0
"""Two stores on one PostgreSQL server, one NATS server and one folder stay apart."""

import asyncio
import io
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import nats
import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from pons_embedded.nats import EmbeddedNats
from pons_embedded.postgres import EmbeddedPostgres
from pons_embedded.testing import Store, ending, until

NAMES = ("east", "west")
UIDS = {"east": "1.2.840.99999.1.1", "west": "1.2.840.99999.2.2"}
"""SOP Instance UID that only this store has."""


@dataclass
class Place:
    """The servers and the folder that both stores use."""

    postgres: EmbeddedPostgres
    nats: EmbeddedNats
    objects: Path

    def address(self, store: str, role: str) -> str:
        return self.postgres.dsn(f"{store}{role}", "secret", store)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("shared")
    with (
        EmbeddedPostgres(folder / "postgres", durable=False, connections=200) as postgres,
        EmbeddedNats(folder / "nats") as broker,
    ):
        asyncio.run(make_databases(postgres))
        yield Place(postgres, broker, folder / "objects")


async def make_databases(postgres: EmbeddedPostgres) -> None:
    """A database, an owner and a reader for each store, as an administrator would make them."""
    admin = await asyncpg.connect(postgres.admin_url)
    for name in NAMES:
        await admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'secret'")
        await admin.execute(f"CREATE ROLE {name}_reader LOGIN PASSWORD 'secret'")
        await admin.execute(f"CREATE DATABASE {name} OWNER {name}")
        await admin.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
        await admin.execute(f"GRANT CONNECT ON DATABASE {name} TO {name}_reader")
    await admin.close()


@pytest.fixture(scope="module")
def stores(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Store]]:
    """Both stores, running, with the same patient in each: in each another image."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PONS_")}
    running = {}
    with ExitStack() as stack:
        for name in NAMES:
            environment = inherited | {
                "PONS_STORE_NAME": name,
                "PONS_DATABASE_URL": place.address(name, ""),
                "PONS_DATABASE_READER_URL": place.address(name, "_reader"),
                "PONS_NATS_URL": place.nats.url,
                "PONS_STORAGE_PATH": str(place.objects),
            }
            store = Store(tmp_path_factory.mktemp(name) / "data", environment)
            running[name] = stack.enter_context(ending(store))
            store.up()
        yield running


def file_of(store: str) -> bytes:
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = SecondaryCaptureImageStorage, UIDS[store]
    ds.PatientID, ds.PatientName = "SHARED", "Shared^Patient"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.840.99999.3", "1.2.840.99999.4"
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    written = io.BytesIO()
    ds.save_as(written, enforce_file_format=True)
    return written.getvalue()


def url(store: Store, path: str) -> str:
    return f"http://127.0.0.1:{store.http_port}{path}"


def test_stores_on_shared_servers_see_nothing_of_each_other(
    place: Place, stores: dict[str, Store]
) -> None:
    """One patient in both: REST, subjects, streams, tables and files of each tell only its own."""
    messages = asyncio.run(store_and_listen(place, stores))
    for name, other in (NAMES, NAMES[::-1]):
        [instance] = httpx.get(url(stores[name], "/instances?expand")).json()
        assert instance["MainDicomTags"]["SOPInstanceUID"] == UIDS[name]
        foreign = httpx.get(url(stores[other], "/instances")).json()[0]
        assert httpx.get(url(stores[name], f"/instances/{foreign}")).status_code == 404
        changed = httpx.get(url(stores[name], "/changes?limit=1000")).json()["Changes"]
        assert foreign not in {change["ID"] for change in changed}
        mine = [data for subject, data in messages if subject.startswith(f"pons.{name}.")]
        assert any(UIDS[name].encode() in data for data in mine)
        assert not any(UIDS[other].encode() in data for data in mine)
        assert asyncio.run(uids_in(place, name)) == {UIDS[name]}
    strays = [subject for subject, _data in messages if not belongs(subject)]
    assert strays == []
    assert {path.name for path in place.objects.iterdir()} == set(NAMES)
    assert asyncio.run(streams_of_nobody(place)) == []


def test_a_reader_of_one_store_cannot_connect_to_the_other(
    place: Place, stores: dict[str, Store]
) -> None:
    """Even with the address of the other database, the reading role is refused."""
    address = place.postgres.dsn("east_reader", "secret", "west")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        asyncio.run(asyncpg.connect(address))


def test_deleting_in_one_store_leaves_the_other(stores: dict[str, Store]) -> None:
    """The same patient, and so the same identifier: only the store that was asked forgets it."""
    east, west = stores["east"], stores["west"]
    [patient] = httpx.get(url(east, "/patients")).json()
    assert httpx.get(url(west, "/patients")).json() == [patient]
    assert httpx.delete(url(east, f"/patients/{patient}")).status_code == 200
    assert httpx.get(url(east, "/patients")).json() == []
    [left] = httpx.get(url(west, "/instances")).json()
    assert httpx.get(url(west, f"/instances/{left}/file")).content == file_of("west")


async def store_and_listen(place: Place, stores: dict[str, Store]) -> list[tuple[str, bytes]]:
    """Every message that the NATS server carries while each store receives its image."""
    messages: list[tuple[str, bytes]] = []
    client = await nats.connect(place.nats.url)

    changed = {f"pons.{name}.change": asyncio.Event() for name in NAMES}

    async def hear(message: Any) -> None:
        messages.append((message.subject, message.data))
        if message.subject in changed:
            changed[message.subject].set()

    await client.subscribe(">", cb=hear)
    await client.flush()
    async with httpx.AsyncClient() as http:
        for name, store in stores.items():
            answer = await http.post(url(store, "/instances"), content=file_of(name))
            assert answer.json()["Status"] == "Success"
    async with asyncio.timeout(30):
        for event in changed.values():
            await event.wait()
    await client.close()
    return messages


def belongs(subject: str) -> bool:
    """Whether a subject is a store's, or NATS' own for one connection or stream."""
    words = subject.split(".")
    if words[0] == "$KV":
        return words[1].split("-")[0] in NAMES
    if words[:2] == ["$JS", "EVENT"]:
        return True  # the server's own news of what its clients asked for
    if words[0] == "$JS":
        return any(name in word for word in words for name in NAMES) or words[2] == "INFO"
    return words[0] == "_INBOX" or (words[0] == "pons" and words[1] in NAMES)


async def uids_in(place: Place, store: str) -> set[str]:
    """The SOP Instance UIDs in a store's database."""
    connection = await asyncpg.connect(place.address(store, ""))
    try:
        rows = await connection.fetch("SELECT sop_instance_uid FROM instances")
    finally:
        await connection.close()
    return {row["sop_instance_uid"] for row in rows}


async def streams_of_nobody(place: Place) -> list[str]:
    """Streams whose name does not begin with a store's."""
    client = await nats.connect(place.nats.url)
    try:
        streams = await client.jetstream().streams_info()
    finally:
        await client.close()
    names = [stream.config.name.removeprefix("KV_") for stream in streams]
    assert names
    return [name for name in names if name.split("-")[0] not in NAMES]


def test_the_other_stores_database_is_refused(
    place: Place, stores: dict[str, Store], tmp_path: Path
) -> None:
    """A store that is pointed at another's database by mistake does not start, and says why."""
    environment = stores["east"].environment | {"PONS_STORE_NAME": "north"}
    lost = Store(tmp_path / "data", environment)
    with ending(lost):
        lost.start()
        log = tmp_path / "data" / "log" / "index.log"
        wanted = "The database belongs to the store 'east', not to 'north'"
        until(lambda: log.exists() and wanted in log.read_text(), wanted)
        assert not lost.is_ready()

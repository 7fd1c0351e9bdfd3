# SPDX-License-Identifier: Apache-2.0
"""The gateway on a store of values: what its tests see of the index, and of the services."""

from collections.abc import AsyncIterator, Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from pons.catalog import (
    ChangeFeed,
    ChangesPage,
    ExportsPage,
    Fields,
    LoggedChange,
    LoggedExport,
    Resource,
    Search,
    Statistics,
    StoredHeader,
    StoredObject,
    Totals,
)
from pons.catalog.slices import StoredSlice
from pons.catalog.worklists import KeptWorklist
from pons.dicom.identity import ResourceIds, resource_ids
from pons.errors import InvalidInstance, Unavailable
from pons.health.readiness import Health
from pons.ingest import Stored
from pons.ingest.partial_uploads import PartialUploads
from pons.messages.events import InstanceReceived, Origin
from pons.messages.index import ClearChanges
from pons.messages.services import Done, Present
from pons.objects import Body, FileObjects, Spool
from pons.remotes.live import Live, configured
from pons.settings import LuaSettings, Settings
from pons_gateway.app import create_app
from pons_gateway.backends import Backends
from pons_gateway.lua.scripts import Scripts
from pons_gateway.sessions.sessions import Sessions
from pons_testing.buckets import MemoryBus

PATIENT = "11111111-11111111-11111111-11111111-11111111"
STUDY = "22222222-22222222-22222222-22222222-22222222"
SERIES = "33333333-33333333-33333333-33333333-33333333"
INSTANCE = "44444444-44444444-44444444-44444444-44444444"
NOBODY = "00000000-00000000-00000000-00000000-00000000"
KEY = UUID("0192f0c1-7a3b-7c11-9f6e-2d5c8a4b9e10")
MOMENT = datetime(2024, 1, 2, 11, 12, 13, tzinfo=UTC)

RESOURCES = {
    "Patient": Resource(
        level="Patient",
        id=PATIENT,
        key=1,
        parent="",
        tags={"00100010": "ROE^RICHARD", "00100020": "P1"},
        children=[STUDY],
        last_update=MOMENT,
    ),
    "Study": Resource(
        level="Study",
        id=STUDY,
        key=2,
        parent=PATIENT,
        tags={"00080020": "20240102", "0020000D": "1.2.3"},
        patient_tags={"00100020": "P1"},
        children=[SERIES],
        last_update=MOMENT,
        stable=False,
    ),
    "Series": Resource(
        level="Series",
        id=SERIES,
        key=3,
        parent=STUDY,
        tags={"00080060": "CT"},
        children=[INSTANCE],
        last_update=MOMENT,
        expected=1,
        status="Complete",
    ),
    "Instance": Resource(
        level="Instance",
        id=INSTANCE,
        key=4,
        parent=SERIES,
        tags={"00200013": "1"},
        size=1000,
        object_key=KEY,
        index_in_series=1,
    ),
}


@dataclass
class FakeCatalog:
    """One patient with one instance, and the arguments of the last question about a log."""

    away: bool = False
    pages_of_ids: list[list[str]] | None = None
    header: StoredHeader | None = None
    below: list[list[tuple[str, StoredHeader]]] = field(default_factory=list)
    """Those below each resource, in pages."""
    stored: StoredObject | None = None
    asked: tuple[Any, ...] = ()
    after_a_read: Callable[[], None] = lambda: None
    """Called when the log of changes has been read."""
    searched: Search | None = None
    wanted: Fields | None = None
    kept: list[KeptWorklist] = field(default_factory=list)
    """Worklist entries."""

    @property
    def headers(self) -> Self:
        return self

    @property
    def logs(self) -> Self:
        return self

    @property
    def worklists(self) -> "FakeWorklists":
        return FakeWorklists(self.kept)

    async def find(
        self, level: str, identifier: str, wanted: Fields | None = None
    ) -> Resource | None:
        self._reachable()
        self.wanted = wanted
        found = RESOURCES[level]
        return found if found.id == identifier else None

    async def above(
        self, level: str, of: str, identifier: str, wanted: Fields | None = None
    ) -> Resource | None:
        self.wanted = wanted
        return RESOURCES[level] if RESOURCES[of].id == identifier else None

    async def search(self, search: Search, wanted: Fields) -> AsyncIterator[list[Resource]]:
        self._reachable()
        self.searched, self.wanted = search, wanted
        if self._has(search):
            yield [RESOURCES[search.level]]

    async def search_ids(self, search: Search) -> AsyncIterator[list[str]]:
        self._reachable()
        self.searched, own = search, [[RESOURCES[search.level].id]]
        for page in self.pages_of_ids if self.pages_of_ids is not None else own:
            if self._has(search):
                yield page

    def _has(self, search: Search) -> bool:
        return search.parent is None or RESOURCES[search.parent[0]].id == search.parent[1]

    async def count(self, search: Search) -> int:
        self.searched = search
        return 7

    async def look_up(self, text: str) -> list[tuple[str, str]]:
        return [("Patient", PATIENT), ("Study", STUDY)] if text == "1.2.3" else []

    async def bulk(
        self, identifiers: list[str], level: str | None, wanted: Fields
    ) -> AsyncIterator[list[Resource]]:
        self.asked, self.wanted = (identifiers, level), wanted
        yield [RESOURCES[level or "Instance"]]

    async def statistics(self, level: str, identifier: str) -> Statistics | None:
        if RESOURCES[level].id != identifier:
            return None
        counts = {"studies": 1, "series": 1, "instances": 1}
        below = {"Patient": 0, "Study": 1, "Series": 2, "Instance": 3}[level]
        return Statistics(3_000_000, 2_000_000, **dict(list(counts.items())[below:]))

    async def known(self, identifiers: list[str]) -> set[str]:
        return {resource.id for resource in RESOURCES.values()} & set(identifiers)

    async def totals(self) -> Totals:
        self._reachable()
        return Totals(1, 1, 2, 1200, 5_000_000, 4_000_000)

    async def changes(self, *asked: Any) -> ChangesPage:
        self.asked = asked
        self.after_a_read()
        change = LoggedChange(7, "NewStudy", "Study", STUDY, MOMENT)
        return ChangesPage([change], done=True, last=7)

    async def latest_change(self) -> ChangesPage:
        return ChangesPage([], done=True, last=21)

    async def exports(self, since: int, limit: int) -> ExportsPage:
        self.asked = (since, limit)
        row = LoggedExport(3, "Series", SERIES, "pacs", "P1", "1.2.3", "1.2.3.4", "1.2.5", MOMENT)
        return ExportsPage([row], done=False, last=3)

    async def find_object(self, identifier: str) -> StoredObject | None:
        return self.stored if identifier == INSTANCE else None

    async def read(self, identifier: str, use: Callable[[StoredHeader], Any]) -> Any:
        return use(self.header) if self.header and identifier == INSTANCE else None

    async def meta(self, identifier: str) -> bytes | None:
        return self.header.meta if self.header and identifier == INSTANCE else None

    async def first(self, level: str, identifier: str, use: Callable[[StoredHeader], Any]) -> Any:
        async for page in self.pages(level, identifier, use):
            return page[0][1]
        return None

    @property
    def slices(self) -> "FakeSlices":
        return FakeSlices()

    async def pages(
        self, level: str, identifier: str, use: Callable[[StoredHeader], Any]
    ) -> AsyncIterator[list[tuple[str, Any]]]:
        if RESOURCES[level].id == identifier:
            for page in self.below:
                yield [(one, use(header)) for one, header in page]

    def _reachable(self) -> None:
        if self.away:
            raise Unavailable("The database does not answer")


class FakeSlices:
    """A series of one instance."""

    async def of_series(self, identifier: str) -> list[StoredSlice]:
        return [StoredSlice(INSTANCE, 1, KEY)] if identifier == SERIES else []

    async def middle(self, level: str, identifier: str) -> tuple[str, UUID] | None:
        return (INSTANCE, KEY) if identifier == RESOURCES[level].id else None


@dataclass
class FakeWorklists:
    """Worklist entries, one on each page."""

    kept: list[KeptWorklist]

    async def pages(self) -> AsyncIterator[list[KeptWorklist]]:
        for one in self.kept:
            yield [one]

    async def find(self, worklist_id: UUID) -> KeptWorklist | None:
        return next((one for one in self.kept if one.id == worklist_id), None)


@dataclass
class FakeIngest:
    """Takes what begins with `DICOM`, and keeps what it took; the rest of it is the SOP UID."""

    bodies: list[bytes] = field(default_factory=list)
    spooled: list[int] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)

    async def store(self, body: Body, origin: Origin) -> Stored:
        if isinstance(body, Spool):
            self.spooled.append(body.size)
            content = body.path.read_bytes()[:64]
            body.close()
        else:
            content = bytes(body)
        if not content.startswith(b"DICOM"):
            raise InvalidInstance("This is not a DICOM file")
        repeated = content in self.bodies
        self.bodies.append(content)
        self.origins.append(origin)
        ids = ResourceIds(PATIENT, STUDY, SERIES, resource_ids("", "", "", str(content)).instance)
        return Stored("AlreadyStored" if repeated else "Success", ids, indexed=True)

    async def examine(self, body: Body) -> InstanceReceived:
        content = bytes(body) if not isinstance(body, Spool) else body.path.read_bytes()
        if not content.startswith(b"DICOM"):
            raise InvalidInstance("This is not a DICOM file")
        return InstanceReceived(
            token=0,
            object_key=KEY,
            patient_id="P1",
            study_uid="1.2.3",
            series_uid="1.2.3.4",
            sop_instance_uid="1.2.3.4.5",
            sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
            transfer_syntax="1.2.840.10008.1.2.1",
            size=len(content),
            stored_size=len(content),
            compression="",
            checksum=b"checksum",
            received_at=0.0,
            origin=Origin("Unknown"),
            header=b"",
            header_key=None,
            meta=b"",
            pixel_offset=None,
            pixel_length=None,
            pixel_vr="",
        )


@dataclass
class FakeServices:
    """Answers commands from a table of their types, and remembers them."""

    answers: dict[type, Any] = field(default_factory=dict)
    commands: list[tuple[str, Any]] = field(default_factory=list)
    present: list[Present] = field(default_factory=list)
    """Who answers a roll call."""

    async def call_roll(self) -> list[Present]:
        return self.present

    async def ask(self, service: str, command: Any, answer: type, **_: float) -> Any:
        self.commands.append((service, command))
        result = self.answers.get(type(command), Unavailable(f"{service} is not running"))
        if isinstance(result, Exception):
            raise result
        return result


@dataclass
class FakeLive:
    """Live settings of one process."""

    now: Live = field(default_factory=lambda: configured(Settings()))

    async def put(self, **values: Any) -> None:
        self.now = msgspec.convert(msgspec.to_builtins(self.now) | values, Live)

    async def reset(self) -> None:
        self.now = configured(Settings())


@dataclass
class Store:
    """What a test looks at beside the answers."""

    catalog: FakeCatalog
    ingest: FakeIngest
    services: FakeServices
    backends: Backends


def known_sessions(bus: MemoryBus, settings: Settings, key: bytes = b"k" * 32) -> Sessions:
    """Sessions of a gateway that knows the key."""
    sessions = Sessions(bus, settings, settings.http.users)  # type: ignore[arg-type]
    sessions.take_key(key)
    return sessions


@pytest.fixture
def store(tmp_path: Path) -> Store:
    catalog, ingest, services = FakeCatalog(), FakeIngest(), FakeServices()
    health = Health("gateway")
    health.started = True
    absent: Any = None
    objects = FileObjects(tmp_path, "test", fsync=False)
    nowhere = httpx.AsyncClient(base_url="http://127.0.0.1:1", verify=False, trust_env=False)
    backends = Backends(
        settings=unbuilt(Settings()),
        health=health,
        catalog=catalog,  # type: ignore[arg-type]
        feed=ChangeFeed(catalog.logs, health.stop),
        objects=objects,
        ingest=ingest,  # type: ignore[arg-type]
        partial_uploads=PartialUploads(MemoryBus(), objects),  # type: ignore[arg-type]
        ask=services.ask,
        call_roll=services.call_roll,
        modalities=absent,
        peers=absent,
        routing=absent,
        retention=absent,
        live=FakeLive(),  # type: ignore[arg-type]
        scripts=Scripts(LuaSettings()),
        jobs=absent,
        job_overview=absent,
        commitments=absent,
        queries=absent,
        sessions=known_sessions(MemoryBus(), Settings()),
        render=nowhere,
        archives=nowhere,
    )
    return Store(catalog, ingest, services, backends)


@pytest.fixture
def clearing(store: Store) -> Store:
    """A store whose change log can be cleared: `DELETE /changes`."""
    store.services.answers[ClearChanges] = Done()
    return store


Open = Callable[..., httpx.AsyncClient]


def unbuilt(settings: Settings) -> Settings:
    """The same without a build of Explorer, which a checkout may have, unless they name one."""
    http = settings.http
    if not http.explorer_folder:
        http = http.model_copy(update={"explorer_folder": "/nonexistent"})
    return settings.model_copy(update={"http": http})


def opened_app(backends: Backends) -> FastAPI:
    """The gateway on these backends, as if its lifespan had opened them; tests call it `store`."""
    settings = backends.settings
    if not settings.http.hosts:
        http = settings.http.model_copy(update={"hosts": ["*"]})
        settings = settings.model_copy(update={"http": http})
    app = create_app(settings, lambda: nullcontext(backends))
    app.state.backends = backends
    return app


@pytest.fixture
def open_client(store: Store) -> Open:
    """A client of the gateway, whose settings or backends may be other ones."""

    def client(settings: Settings | None = None, **others: Any) -> httpx.AsyncClient:
        chosen = unbuilt(settings or Settings())
        others.setdefault("sessions", known_sessions(MemoryBus(), chosen))
        backends = replace(store.backends, settings=chosen, constant_answers={}, **others)
        transport = httpx.ASGITransport(opened_app(backends))
        return httpx.AsyncClient(transport=transport, base_url="http://store")

    return client


@pytest.fixture
async def client(open_client: Open) -> AsyncIterator[httpx.AsyncClient]:
    async with open_client() as client:
        yield client

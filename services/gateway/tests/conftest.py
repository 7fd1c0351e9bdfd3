# SPDX-License-Identifier: Apache-2.0
"""The gateway on a store of values: what its tests see of the index, and of the services."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from pons.catalog import ChangeFeed
from pons.dicom.identity import ResourceIds, resource_ids
from pons.errors import InvalidInstance, Unavailable
from pons.health.readiness import Health
from pons.ingest import Stored
from pons.ingest.partial_uploads import PartialUploads
from pons.messages.events import InstanceReceived, Origin
from pons.messages.index import ClearChanges
from pons.messages.services import Done, Present
from pons.objects import Body, FileObjects, Spool
from pons.remotes.contacts import Contacts
from pons.remotes.live import Live, configured
from pons.settings import LuaSettings, Settings
from pons_gateway.app import create_app
from pons_gateway.backends import Backends
from pons_gateway.lua.scripts import Scripts
from pons_gateway.sessions.saved_views import SavedViews
from pons_gateway.sessions.sessions import Sessions
from pons_testing.buckets import MemoryBus
from pons_testing.object_folders import Lend

from .fake_catalog import INSTANCE as INSTANCE
from .fake_catalog import KEY as KEY
from .fake_catalog import MOMENT as MOMENT
from .fake_catalog import NOBODY as NOBODY
from .fake_catalog import PATIENT as PATIENT
from .fake_catalog import RESOURCES as RESOURCES
from .fake_catalog import SERIES as SERIES
from .fake_catalog import STUDY as STUDY
from .fake_catalog import FakeCatalog as FakeCatalog


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


@cache
def defaults() -> Settings:
    """What is set where nothing is. To make it for each test took as long as many a test."""
    return Settings()


@dataclass
class FakeLive:
    """Live settings of one process."""

    now: Live = field(default_factory=lambda: configured(defaults()))

    async def put(self, **values: Any) -> None:
        self.now = msgspec.convert(msgspec.to_builtins(self.now) | values, Live)

    async def reset(self) -> None:
        self.now = configured(defaults())


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
def store(tmp_path: Path, lend_objects: Lend) -> Store:
    catalog, ingest, services = FakeCatalog(), FakeIngest(), FakeServices()
    health = Health("gateway")
    health.started = True
    absent: Any = None
    lend_objects(tmp_path, "test")
    objects = FileObjects(tmp_path, "test", fsync=False)
    nowhere = httpx.AsyncClient(base_url="http://127.0.0.1:1", verify=False, trust_env=False)
    backends = Backends(
        settings=unbuilt(defaults()),
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
        contacts=Contacts(MemoryBus()),  # type: ignore[arg-type]
        routing=absent,
        retention=absent,
        live=FakeLive(),  # type: ignore[arg-type]
        scripts=Scripts(LuaSettings()),
        jobs=absent,
        job_overview=absent,
        commitments=absent,
        queries=absent,
        sessions=known_sessions(MemoryBus(), defaults()),
        views=SavedViews(MemoryBus()),  # type: ignore[arg-type]
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


def http_scope(method: str, path: str, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    """What a server gives an application of a request on its own machine."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": list(headers),
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    """`/openapi.json` of a store without any setting, which takes seconds to make."""
    app = create_app(unbuilt(defaults()), nullcontext)  # type: ignore[arg-type]
    return dict(json.loads(json.dumps(app.openapi())))


@pytest.fixture
def open_client(store: Store) -> Open:
    """A client of the gateway, whose settings or backends may be other ones.

    With `document` the gateway has made its description already.
    """

    def client(
        settings: Settings | None = None, document: dict[str, Any] | None = None, **others: Any
    ) -> httpx.AsyncClient:
        chosen = unbuilt(settings or defaults())
        others.setdefault("sessions", known_sessions(MemoryBus(), chosen))
        backends = replace(store.backends, settings=chosen, constant_answers={}, **others)
        app = opened_app(backends)
        if document is not None:
            app.openapi = lambda: document  # type: ignore[method-assign] # as in document.py
        return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://store")

    return client


@pytest.fixture
async def client(open_client: Open) -> AsyncIterator[httpx.AsyncClient]:
    async with open_client() as client:
        yield client

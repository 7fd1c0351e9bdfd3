# SPDX-License-Identifier: Apache-2.0
"""A DICOM port in a thread of its own, a store that remembers, and a peer that can misbehave."""

import asyncio
import hashlib
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import pytest
import uvloop
from structlog.testing import capture_logs

import pons_testing.wire
from pons.dicom.identity import ResourceIds, resource_ids
from pons.dicom.transfer_syntaxes import TRANSFER_SYNTAXES
from pons.errors import PonsError
from pons.ingest import WrongDataset
from pons.limits import MEGABYTE
from pons.messages.events import Origin, StoreStatus
from pons.messages.modality import Modality
from pons.objects import Body, Spool
from pons.remotes.dicom_tls import certificates_of, speaks_tls
from pons.settings import DicomSettings
from pons_ingress.negotiation import Rules
from pons_ingress.server import DicomServer
from pons_ingress.service_classes import Permission
from pons_ingress.services import Echo, Service, Services
from pons_ingress.store import Store
from pons_ingress.syntaxes import StorageClasses
from pons_testing.pynetdicom_faults import close_every_socket, lose_no_answer
from pons_testing.wire import Peer

close_every_socket()
lose_no_answer()

DEFLATED = b"1.2.840.10008.1.2.1.99"


@dataclass(frozen=True)
class StoredAs:
    status: StoreStatus


IDS = resource_ids("P", "1.2", "1.3", "1.4")


@dataclass(frozen=True)
class KeptAs:
    """Stands in for `pons.ingest.Kept`; is seen once `may_be_seen` is set, if there is one."""

    status: StoreStatus
    may_be_seen: threading.Event | None = None
    refusal: PonsError | None = None
    ids: ResourceIds = IDS

    async def stored(self) -> StoredAs:
        if self.may_be_seen is not None:
            await asyncio.to_thread(self.may_be_seen.wait, 20)
        if self.refusal is not None:
            raise self.refusal
        return StoredAs(self.status)


@dataclass
class RememberingStore:
    """Stands in for `Ingest.keep`: keeps what it is given, fails or waits when told to."""

    kept: list[tuple[bytes, Origin]] = field(default_factory=list)
    spooled: int = 0
    digest_only: bool = False
    digests: list[bytes] = field(default_factory=list)
    failure: Exception | None = None
    status: StoreStatus = "Success"
    entered: threading.Event = field(default_factory=threading.Event)
    gate: threading.Event | None = None
    awaited: list[bool] = field(default_factory=list)
    may_be_seen: threading.Event | None = None
    refusal: PonsError | None = None
    """What the index says of instances that nobody waits for."""

    async def __call__(
        self, body: Body, origin: Origin, *, awaited: bool, announced: tuple[str, str]
    ) -> KeptAs:
        self.entered.set()
        if self.gate is not None:
            await asyncio.to_thread(self.gate.wait, 20)
        if self.failure is not None:
            raise self.failure
        if isinstance(body, Spool):
            self.spooled += 1
            if self.digest_only:
                self.digests.append(await asyncio.to_thread(digest_of_dataset, body.path))
                body.close()
                return KeptAs(self.status)
            content = await asyncio.to_thread(body.path.read_bytes)
            body.close()
        else:
            content = bytes(body)
        refuse_another(content, announced)
        self.kept.append((content, origin))
        self.awaited.append(awaited)
        if awaited:
            return KeptAs(self.status)
        return KeptAs(self.status, self.may_be_seen, self.refusal)


def refuse_another(content: bytes, announced: tuple[str, str]) -> None:
    """As ingest does."""
    start = 144 + int.from_bytes(content[140:144], "little")
    meta, dataset = content[:start], content[start:]
    if DEFLATED in meta:
        dataset = zlib.decompressobj(-zlib.MAX_WBITS).decompress(dataset)
    for name, uid in zip(("SOP Class UID", "SOP Instance UID"), announced, strict=True):
        if uid.encode() not in dataset:
            raise WrongDataset(f"{name} differs between request and dataset")


def digest_of_dataset(path: Path) -> bytes:
    """SHA-256 of what is behind the file meta information, read in pieces."""
    with path.open("rb") as file:
        start = file.read(144)
        file.seek(144 + int.from_bytes(start[140:144], "little"))
        return hashlib.file_digest(file, "sha256").digest()


@dataclass(frozen=True)
class ListedModalities:
    """Stands in for `pons.remotes.modalities.Modalities`."""

    modalities: tuple[Modality, ...] = ()

    def find_by_aet(self, aet: str, strict: bool = False) -> Mapping[str, Modality]:
        def comparable(title: str) -> str:
            return title if strict else title.upper()

        return {
            str(number): one
            for number, one in enumerate(self.modalities)
            if comparable(one.aet) == comparable(aet)
        }


class Port:
    """A DICOM server on a loopback port, on an event loop in another thread."""

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, Any],
        modalities: tuple[Modality, ...],
        grace: float,
        *,
        read_only: bool,
        more_services: Mapping[Permission, Service],
        users: Mapping[str, str],
    ) -> None:
        self.store = RememberingStore()
        self.settings = DicomSettings(**settings)
        self.folder = folder
        self.room: Any = None
        """What a spool file asks for room, if anything."""
        self.warnings: dict[str, str] = {}
        """What the health port would show."""
        self.moved: list[tuple[str, int, str]] = []
        """By whose C-MOVEs instances came."""
        self.unhandled: list[dict[str, Any]] = []
        self.number = 0
        self._read_only = read_only
        self._more_services = more_services
        self._users = users
        self._modalities = ListedModalities(modalities)
        self._grace = grace
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run)

    async def _note_moved(self, originator: str, number: int, instance_id: str) -> None:
        self.moved.append((originator, number, instance_id))

    def start(self) -> Self:
        self._thread.start()
        assert self._ready.wait(60)
        return self

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(60)
        assert not self._thread.is_alive()

    def begin_stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)

    def connect(self, **options: Any) -> Peer:
        return Peer(self.number, **options)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(lambda _, context: self.unhandled.append(context))
        self._stop = asyncio.Event()
        storage = StorageClasses(
            self.settings.accept_unknown_sop_classes,
            self.settings.accepted_sop_classes,
            self.settings.rejected_sop_classes,
        )
        services = Services(
            {
                Permission.ECHO: Echo(),
                Permission.STORE: Store(
                    self.store,
                    lambda: Spool(self.folder, self.room),
                    lambda: storage,
                    max_bytes=self.settings.max_dataset_mb * MEGABYTE,
                    read_only=self._read_only,
                    tell_moved=self._note_moved,
                ),
                **self._more_services,
            }
        )
        rules = Rules(
            self.settings.maximum_pdu_length, storage, TRANSFER_SYNTAXES, services.offered
        )
        certificates = None
        if speaks_tls(self.settings):
            certificates = certificates_of(self.settings, self.warnings)
        async with DicomServer(
            self.settings,
            "127.0.0.1",
            0,
            services,
            self._modalities,
            lambda: rules,
            self._users,
            self._grace,
            certificates,
        ) as server:
            self.number = server.port
            self._ready.set()
            await self._stop.wait()


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[Any]]:
    """What was logged, as dictionaries."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture
def start_port(tmp_path: Path, logs: list[Any]) -> Iterator[Callable[..., Port]]:
    """Starts DICOM ports with given settings; no exception may have gone unhandled in them."""
    ports: list[Port] = []

    def start(
        modalities: tuple[Modality, ...] = (),
        grace: float = 10.0,
        read_only: bool = False,
        more_services: Mapping[Permission, Service] | None = None,
        users: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> Port:
        port = Port(
            tmp_path,
            settings,
            modalities,
            grace,
            read_only=read_only,
            more_services=more_services or {},
            users=users or {},
        )
        ports.append(port.start())
        return ports[-1]

    yield start
    for port in ports:
        if port.store.gate is not None:
            port.store.gate.set()
        port.stop()
    assert [port.unhandled for port in ports] == [[] for _ in ports]
    assert [line for line in logs if line["event"] == "association failed"] == []


@pytest.fixture
def port(start_port: Callable[..., Port]) -> Port:
    """A DICOM port as it is without any setting."""
    return start_port()


@pytest.fixture
def wire() -> ModuleType:
    """The functions that make bytes for the wire."""
    return pons_testing.wire

# SPDX-License-Identifier: Apache-2.0
"""A DICOM port in a thread of its own, a store that remembers, and a peer that can misbehave."""

import asyncio
import hashlib
import select
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import pytest
import uvloop
from structlog.testing import capture_logs

from pons.dicom.transfer_syntaxes import TRANSFER_SYNTAXES
from pons.errors import PonsError
from pons.messages.events import Origin, StoreStatus
from pons.messages.modality import Modality
from pons.objects import Body, Spool
from pons.settings import DicomSettings
from pons_ingress.dimse import C_ECHO_RQ, C_STORE_RQ
from pons_ingress.negotiation import Rules
from pons_ingress.server import DicomServer
from pons_ingress.services import Echo, Service
from pons_ingress.store import Store

CT = "1.2.840.10008.5.1.4.1.1.2"
VERIFICATION = "1.2.840.10008.1.1"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"


@dataclass(frozen=True)
class StoredAs:
    status: StoreStatus


@dataclass(frozen=True)
class KeptAs:
    """Stands in for `pons.ingest.Kept`; is seen once `may_be_seen` is set, if there is one."""

    status: StoreStatus
    may_be_seen: threading.Event | None = None
    refusal: PonsError | None = None

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

    async def __call__(self, body: Body, origin: Origin, *, awaited: bool) -> KeptAs:
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
        self.kept.append((content, origin))
        self.awaited.append(awaited)
        if awaited:
            return KeptAs(self.status)
        return KeptAs(self.status, self.may_be_seen, self.refusal)


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
    ) -> None:
        self.store = RememberingStore()
        self.settings = DicomSettings(**settings)
        self.folder = folder
        self.unhandled: list[dict[str, Any]] = []
        self.number = 0
        self._read_only = read_only
        self._modalities = ListedModalities(modalities)
        self._grace = grace
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(20)
        assert not self._thread.is_alive()

    def begin_stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)

    def connect(self, **options: Any) -> "Peer":
        return Peer(self.number, **options)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(lambda _, context: self.unhandled.append(context))
        self._stop = asyncio.Event()
        unknown = self.settings.accept_unknown_sop_classes
        rules = Rules(self.settings.maximum_pdu_length, unknown, TRANSFER_SYNTAXES)
        services: dict[int, Service] = {
            C_ECHO_RQ: Echo(),
            C_STORE_RQ: Store(
                self.store,
                lambda: Spool(self.folder),
                lambda: unknown,
                read_only=self._read_only,
            ),
        }
        async with DicomServer(
            self.settings, "127.0.0.1", 0, services, self._modalities, lambda: rules, self._grace
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
        **settings: Any,
    ) -> Port:
        port = Port(tmp_path, settings, modalities, grace, read_only=read_only)
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
    """The functions of this module that make bytes for the wire."""
    return sys.modules[__name__]


class Peer:
    """A peer made of a socket: sends any bytes, reads PDU by PDU."""

    def __init__(
        self, port: int, calling: str = "PEER", called: str = "PONS", receive_buffer: int = 0
    ) -> None:
        self.socket = socket.socket()
        self.socket.settimeout(15)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            self.socket.connect(("127.0.0.1", port))
        except OSError:
            self.socket.close()
            raise
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.calling = calling
        self.called = called

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def associate(self, *contexts: tuple[int, str, str], **options: Any) -> Self:
        """Associate, with CT in explicit VR little endian as context 1 when none is given."""
        self.send(self.request(*contexts, **options))
        kind, _ = self.receive()
        assert kind == 2, f"PDU type {kind}"
        return self

    def request(
        self, *contexts: tuple[int, str, str], maximum_length: int = 0, user_items: bytes = b""
    ) -> bytes:
        """An A-ASSOCIATE-RQ."""
        items = item(0x10, b"1.2.840.10008.3.1.1.1")
        for number, abstract, transfer in contexts or (
            (1, CT, EXPLICIT),
            (3, VERIFICATION, IMPLICIT),
        ):
            names = item(0x30, abstract.encode()) + item(0x40, transfer.encode())
            items += item(0x20, bytes((number, 0, 0, 0)) + names)
        length = item(0x51, struct.pack(">I", maximum_length))
        items += item(0x50, length + item(0x52, b"1.2.3.4") + user_items)
        titles = self.called.encode().ljust(16) + self.calling.encode().ljust(16)
        return pdu(1, struct.pack(">HH", 1, 0) + titles + bytes(32) + items)

    def receive(self) -> tuple[int, bytes]:
        """Type and content of the next PDU; type 0 when the connection has ended."""
        header = self._exactly(6)
        if len(header) < 6:
            return 0, b""
        kind, length = struct.unpack(">BxI", header)
        return kind, self._exactly(length)

    def receive_status(self) -> int:
        """The status in the next response."""
        kind, content = self.receive()
        assert kind == 4, f"PDU type {kind}"
        at = content.index(struct.pack("<HHI", 0, 0x0900, 2)) + 8
        return int.from_bytes(content[at : at + 2], "little")

    def drip(self, data: bytes) -> None:
        """Send byte by byte until the other side has something to say, or has closed."""
        for byte in data:
            if select.select([self.socket], [], [], 0.02)[0]:
                return
            self.send(bytes((byte,)))
        raise AssertionError("all was sent and nothing happened")

    def flood(self, data: bytes) -> int:
        """Send without reading; how many bytes went before nothing was taken for half a second."""
        self.socket.settimeout(0.5)
        sent = 0
        try:
            while sent < len(data):
                sent += self.socket.send(data[sent : sent + 100_000])
        except TimeoutError:
            pass
        self.socket.settimeout(15)
        return sent

    def echo(self) -> int:
        """The status of a C-ECHO on context 3."""
        self.send(fragment(3, 3, command(0x30, VERIFICATION, dataset=False)))
        return self.receive_status()

    def at_end(self) -> bool:
        """Whether the other side has closed the connection, with nothing more to read."""
        return self._exactly(1) == b""

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            try:
                piece = self.socket.recv(size - len(data))
            except ConnectionResetError:
                return data
            if not piece:
                return data
            data += piece
        return data


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until `condition` holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


def item(kind: int, content: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(content)) + content


def pdu(kind: int, content: bytes) -> bytes:
    return struct.pack(">BxI", kind, len(content)) + content


def pdv(context: int, control: int, content: bytes) -> bytes:
    return struct.pack(">IBB", len(content) + 2, context, control) + content


def fragment(context: int, control: int, content: bytes) -> bytes:
    """One P-DATA PDU with one fragment; control 3 is a whole command, 2 the end of a dataset."""
    return pdu(4, pdv(context, control, content))


def element(number: int, value: bytes) -> bytes:
    return struct.pack("<HHI", 0, number, len(value)) + value


def command(
    field_number: int,
    sop_class: str = CT,
    instance: str = "",
    dataset: bool = True,
    message_id: int = 7,
) -> bytes:
    """A command set."""

    def uid(text: str) -> bytes:
        return text.encode() + b"\0" * (len(text) % 2)

    content = element(0x0002, uid(sop_class)) + element(0x0100, struct.pack("<H", field_number))
    content += element(0x0110, struct.pack("<H", message_id))
    content += element(0x0800, struct.pack("<H", 1 if dataset else 0x0101))
    if instance:
        content += element(0x1000, uid(instance))
    return element(0, struct.pack("<I", len(content))) + content


def dataset(instance: str = "1.2.3", more: bytes = b"", sop_class: str = CT) -> bytes:
    """A dataset in explicit VR little endian that says which instance it is, and `more`."""

    def ui(number: int, text: str) -> bytes:
        value = text.encode() + b"\0" * (len(text) % 2)
        return struct.pack("<HH2sH", 8, number, b"UI", len(value)) + value

    return ui(0x0016, sop_class) + ui(0x0018, instance) + more


def store(instance: str = "1.2.3", content: bytes | None = None, size: int = 16000) -> bytes:
    """A C-STORE of `content` on context 1 as P-DATA PDUs of `size` bytes of dataset."""
    content = dataset(instance) if content is None else content
    pdus = [fragment(1, 3, command(1, CT, instance))]
    for start in range(0, len(content), size):
        last = start + size >= len(content)
        pdus.append(fragment(1, 2 if last else 0, content[start : start + size]))
    return b"".join(pdus)

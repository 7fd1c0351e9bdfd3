# SPDX-License-Identifier: Apache-2.0
"""A running store as its users see it: a command, an HTTP address, a DICOM port, processes."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.sop_class import Verification

ROOT = Path(__file__).resolve().parents[2]
PONS = ROOT / "pons"
TIMEOUT = 60.0
"""Seconds after which a silent store has failed: longer than it may take to answer."""
TAKEN_OVER = 180.0
"""Seconds in which others have surely ended what a killed process was at: a job waits for the end
of its lease, and then for a process that may have to be started first."""
KINDS = ("ingress", "index", "gateway", "render", "egress", "nats", "postgres")


def eventually(what: str, condition: Callable[[], Any], seconds: float = 120.0) -> Any:
    """The first truthy value of `condition`; fails after `seconds`, naming `what` it waited for."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what} (last: {value!r})"
        time.sleep(0.05)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, below those that outgoing connections take theirs from."""
    ports: list[int] = []
    for port in random.sample(range(10000, 20000), 200):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            ports.append(port)
        if len(ports) == count:
            return ports
    raise OSError("no free ports")


@dataclass
class Store:
    """One store started with `./pons up`, in a data folder of its own."""

    name: str
    data: Path
    environment: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    aet: str = "PONS"
    http_port: int = 0
    dicom_port: int = 0
    _process: "subprocess.Popen[bytes] | None" = None

    def __post_init__(self) -> None:
        self.http_port, self.dicom_port = free_ports(2)
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.http_port}", timeout=60)

    @property
    def pid(self) -> int:
        """The launcher's process, from which all the others descend."""
        assert self._process
        return self._process.pid

    @property
    def log(self) -> Path:
        return self.data.with_name(self.data.name + ".log")

    def command(self, *words: str) -> list[str]:
        return [str(PONS), *words, "--store", self.name, "--data", str(self.data)]

    def start(self) -> None:
        """Start it and return once it is ready."""
        ports = ("--http-port", str(self.http_port), "--dicom-port", str(self.dicom_port))
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self.command("up"), *ports, *self.options],
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.wait_until_ready(240)

    def stop(self) -> int:
        """End it with SIGTERM; its exit code."""
        assert self._process
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(120)

    def crash(self, processes: list[psutil.Process]) -> None:
        """`kill -9` of the launcher and of all `processes`, at once; returns when they are gone."""
        assert self._process
        every = [self._process, *processes]
        for process in every:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait(60)
        psutil.wait_procs(processes, 60)

    def wait_until_ready(self, seconds: float = 120.0) -> None:
        eventually(f"store {self.name} is ready; its log:\n{self.tail()}", self.is_ready, seconds)

    def is_ready(self) -> bool:
        assert self._process
        assert self._process.poll() is None, f"./pons up has ended:\n{self.tail()}"
        try:
            if self.http.get("/health/ready", timeout=5).status_code != 200:
                return False
        except httpx.HTTPError:
            return False
        return self.echo()

    def echo(self) -> bool:
        try:
            with self.association(Verification) as assoc:
                return bool(assoc.send_c_echo().get("Status", 1) == 0)
        except OSError:
            return False

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""

    @contextmanager
    def association(self, *contexts: Any) -> Iterator[Association]:
        """An association with this store; each context an abstract syntax, or one with syntaxes."""
        # pynetdicom would drop the socket of a refused connection without closing it.
        socket.create_connection(("127.0.0.1", self.dicom_port), TIMEOUT).close()
        ae = AE("TESTER")
        for context in contexts:
            ae.add_requested_context(*(context if isinstance(context, tuple) else (context,)))
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = TIMEOUT
        assoc = ae.associate("127.0.0.1", self.dicom_port, ae_title=self.aet)
        if not assoc.is_established:
            raise ConnectionError(f"no association with {self.name}")
        try:
            yield assoc
        finally:
            if assoc.is_established:
                assoc.release()

    def c_store(self, *datasets: Dataset) -> list[int | None]:
        """The status of each C-STORE over one association; None when there was no answer."""
        contexts = sorted({(str(ds.SOPClassUID), syntax_of(ds)) for ds in datasets})
        with self.association(*contexts) as assoc:
            return [assoc.send_c_store(ds).get("Status") for ds in datasets]

    def get(self, path: str, **parameters: Any) -> Any:
        response = self.http.get(path, params=parameters or None)  # httpx takes {} for "no query"
        assert response.status_code == 200, f"GET {path}: {response.status_code} {response.text}"
        return response.json()

    def processes(self, kind: str) -> list[psutil.Process]:
        """The running processes of one kind, main processes first (see `KINDS`)."""
        assert self._process
        try:
            family = psutil.Process(self._process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []
        parents = {}
        for process in family:
            if _kind(process) == kind:
                with contextlib.suppress(psutil.NoSuchProcess):  # it may end meanwhile
                    parents[process] = process.ppid()
        pids = {process.pid for process in parents}
        return [process for process, parent in parents.items() if parent not in pids]

    def kill(self, kind: str) -> None:
        """`kill -9` of the processes of one kind; the launcher starts them again."""
        eventually(f"{kind} runs", lambda: self.processes(kind))
        for process in self.processes(kind):
            process.kill()

    def kill_launcher(self) -> list[psutil.Process]:
        """`kill -9` of the launcher itself; what it ran until then."""
        assert self._process
        family = psutil.Process(self._process.pid).children(recursive=True)
        self._process.kill()
        self._process.wait()
        return family

    def objects(self) -> list[Path]:
        """The objects in the folder object store."""
        return [path for path in (self.data / "objects").glob("*/??/??/*") if path.is_file()]

    def object_of(self, content: bytes) -> Path:
        """The object that contains these bytes; others may be collected meanwhile."""
        found = []
        for path in self.objects():
            with contextlib.suppress(FileNotFoundError):
                if content in path.read_bytes():
                    found.append(path)
        assert len(found) == 1, found
        return found[0]


class PeakMemory:
    """The largest resident size of a kind of process while the block runs."""

    def __init__(self, store: Store, kind: str) -> None:
        self._processes = store.processes(kind)
        self._done = threading.Event()
        self._watcher = threading.Thread(target=self._watch)
        self.bytes = 0

    def __enter__(self) -> "PeakMemory":
        assert self._processes
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._watcher.join()

    def _watch(self) -> None:
        while not self._done.wait(0.02):
            for process in self._processes:
                try:
                    self.bytes = max(self.bytes, process.memory_info().rss)
                except psutil.NoSuchProcess:
                    return


def _kind(process: psutil.Process) -> str:
    try:
        words = process.cmdline()
    except psutil.Error:
        return ""
    for kind in KINDS[:5]:
        if f"pons_{kind}" in words:
            return kind
    program = Path(words[0]).name if words else ""
    return {"nats-server": "nats", "postgres": "postgres"}.get(program, "")


@contextmanager
def running(store: Store) -> Iterator[Store]:
    """The store, started, and ended afterwards."""
    try:
        store.start()
        yield store
    finally:
        store.stop()
        store.http.close()


def syntax_of(ds: Dataset) -> str:
    return str(ds.file_meta.TransferSyntaxUID)


def image(patient_id: str = "P1", study_uid: str = "", number: int = 1, rows: int = 16) -> Dataset:
    """A small CT image of a new study, or of the one named."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.SOPClassUID = CTImageStorage
    ds.SOPInstanceUID = generate_uid()
    ds.PatientID, ds.PatientName = patient_id, "Test^Patient"
    ds.StudyInstanceUID = study_uid or generate_uid()
    ds.SeriesInstanceUID = f"{ds.StudyInstanceUID[:60]}.1"
    ds.StudyDate, ds.Modality, ds.InstanceNumber = "20240102", "CT", number
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows = ds.Columns = rows
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    period, size = bytes((number * 7 + index) % 251 % 16 for index in range(251)), rows * rows * 2
    ds.PixelData = (period * (size // 251 + 1))[:size]
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    return ds

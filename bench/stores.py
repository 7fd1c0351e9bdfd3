# SPDX-License-Identifier: Apache-2.0
"""Stores to measure, what their processes cost: a fresh Pons, Orthanc with equal durability."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from pons_embedded.explorer import FOLDER, BuildFailed, build
from pons_embedded.folder import CHECKOUT
from pons_embedded.ports import free_port

ROOT = Path(__file__).resolve().parent.parent
START_DEADLINE = 120.0
WARM_UP_BYTES = 3 * 1024**3


@dataclass(frozen=True)
class RunningStore:
    """A store on loopback, and the process from which all its processes descend."""

    name: str
    aet: str
    http_port: int
    dicom_port: int
    pid: int

    def get(self, path: str) -> object:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=30) as got:
            return json.load(got)

    def wait_for_instances(self, count: int) -> None:
        """Return once `count` instances are indexed."""
        deadline = time.monotonic() + 120
        while self.get("/statistics")["CountInstances"] < count:  # type: ignore[index]
            if time.monotonic() > deadline:
                raise SystemExit(f"{self.name} has not indexed {count} instances after 120 s")
            time.sleep(0.05)


@dataclass
class Usage:
    """CPU seconds and peak memory of a store's processes while a block runs, by kind of process."""

    cpu_seconds: dict[str, float] = field(default_factory=dict)
    peak_mb: float = 0.0
    """Largest sum of PSS seen; RSS where the platform has no PSS."""


@contextmanager
def fresh_pons(
    folder: Path, environment: dict[str, str] | None = None, checkout: Path | None = None
) -> Iterator[RunningStore]:
    """A Pons with empty data in `folder`, of this checkout or of another that is set up."""
    _build_explorer(checkout or ROOT)
    http_port, dicom_port = free_port(), free_port()
    python = str(checkout / ".venv" / "bin" / "python") if checkout else sys.executable
    command = [
        *(python, "-m", "pons_embedded", "up", "--store", "bench"),
        *("--data", str(folder / "pons")),
        *("--http-port", str(http_port), "--dicom-port", str(dicom_port)),
    ]
    with _running(command, folder / "pons.log", environment or {}, checkout or ROOT) as pid:
        store = RunningStore("Pons", "PONS", http_port, dicom_port, pid)
        _wait_until_up(store, folder / "pons.log")
        yield store


@contextmanager
def fresh_orthanc(folder: Path) -> Iterator[RunningStore]:
    """An Orthanc with SQLite and fsync of each file, as Debian packages it."""
    http_port, dicom_port = free_port(), free_port()
    data = folder / "orthanc"
    data.mkdir()
    configuration = {
        "Name": "bench",
        "StorageDirectory": str(data),
        "IndexDirectory": str(data),
        "SyncStorageArea": True,
        "HttpPort": http_port,
        "DicomPort": dicom_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomThreadsCount": 16,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowMove": True,
        "Plugins": [],
    }
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    command = ["Orthanc", str(folder / "orthanc.json")]
    with _running(command, folder / "orthanc.log", {"TCP_NODELAY": "1"}) as pid:
        store = RunningStore("Orthanc", "ORTHANC", http_port, dicom_port, pid)
        _wait_until_up(store, folder / "orthanc.log")
        yield store


def fresh_stores(
    folder: Path, environment: dict[str, str] | None = None, *, orthanc: bool = True
) -> Iterator[AbstractContextManager[RunningStore]]:
    """A Pons, and an Orthanc where there is one, each in a place of its own; none runs yet."""
    for name in ("Pons", "Orthanc") if orthanc and orthanc_is_installed() else ("Pons",):
        place = folder / name
        place.mkdir(mode=0o755, parents=True)
        yield fresh_pons(place, environment) if name == "Pons" else fresh_orthanc(place)


def orthanc_is_installed() -> bool:
    return shutil.which("Orthanc") is not None


@contextmanager
def measured_usage(store: RunningStore) -> Iterator[Usage]:
    """What the store's processes use while the block runs."""
    usage = Usage()
    before = _cpu_seconds(store.pid)
    done = threading.Event()

    def sample() -> None:
        while not done.wait(0.25):
            usage.peak_mb = max(usage.peak_mb, memory_mb(store.pid))

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield usage
    finally:
        done.set()
        sampler.join()
    after = _cpu_seconds(store.pid)
    usage.cpu_seconds = {
        kind: seconds - before.get(kind, 0.0)
        for kind, seconds in after.items()
        if seconds - before.get(kind, 0.0) > 0.005
    }


@contextmanager
def work_folder() -> Iterator[Path]:
    """A folder on a real disk, removed afterwards: a memory file system has no fsync to measure."""
    base = os.environ.get("PONS_BENCH_DIR", "/var/tmp")
    folder = Path(tempfile.mkdtemp(prefix="pons-bench-", dir=base if os.path.isdir(base) else None))
    folder.chmod(0o755)
    try:
        _touch_memory(folder / "warm-up")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _touch_memory(file: Path) -> None:
    """Fill and free the page cache: a virtual machine's first store would pay for its pages."""
    piece = bytes(16 * 1024 * 1024)
    with file.open("wb") as output:
        for _ in range(WARM_UP_BYTES // len(piece)):
            output.write(piece)
    file.unlink()


def _build_explorer(checkout: Path) -> None:
    """Build the page that a checkout lacks: a store would do so beside what is measured, and the
    next one again where it has ended before."""

    def say(line: str) -> None:
        print(line, file=sys.stderr)

    try:
        build(say, checkout / FOLDER.relative_to(CHECKOUT))
    except BuildFailed as failure:
        say(f"Explorer cannot be built, which the store tries while it is measured: {failure}")


def memory_mb(pid: int) -> float:
    return sum(used for _, used in memory_by_kind(pid).values())


def memory_by_kind(pid: int) -> dict[str, tuple[int, float]]:
    """How many processes of each kind there are, and the MB that they take together."""
    found: dict[str, tuple[int, float]] = {}
    for process in _family(pid):
        try:
            memory, kind = process.memory_full_info(), _kind(process)
        except psutil.Error:
            continue
        count, used = found.get(kind, (0, 0.0))
        found[kind] = (count + 1, used + getattr(memory, "pss", memory.rss) / 1e6)
    return found


def _cpu_seconds(pid: int) -> dict[str, float]:
    seconds: dict[str, float] = {}
    for process in _family(pid):
        try:
            times, kind = process.cpu_times(), _kind(process)
        except psutil.Error:
            continue
        seconds[kind] = seconds.get(kind, 0.0) + times.user + times.system
    return seconds


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.Error:
        return []


def _kind(process: psutil.Process) -> str:
    words = process.cmdline()
    for module in ("pons_ingress", "pons_index", "pons_gateway", "pons_render", "pons_egress"):
        if module in words:
            return module.removeprefix("pons_")
    return "launcher" if "pons_embedded" in words else str(process.name()).split(":")[0]


@contextmanager
def _running(
    command: list[str], log: Path, environment: dict[str, str], folder: Path = ROOT
) -> Iterator[int]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_up(store: RunningStore, log: Path) -> None:
    deadline = time.monotonic() + START_DEADLINE
    while time.monotonic() < deadline:
        if not psutil.pid_exists(store.pid) or psutil.Process(store.pid).status() == "zombie":
            break
        try:
            store.get("/system")
            socket.create_connection(("127.0.0.1", store.dicom_port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"{store.name} did not start:\n{log.read_text(errors='replace')[-2000:]}")

# SPDX-License-Identifier: Apache-2.0
"""DCMTK's servers as the other side of the tests of running stores."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from outside import eventually, free_ports

ARCHIVE, WORKLIST = shutil.which("dcmqrscp"), shutil.which("wlmscpfs")
ARCHIVE_AET = "ARCHIVE"

needs_dcmtk = pytest.mark.skipif(
    ARCHIVE is None or WORKLIST is None, reason="needs DCMTK (apt-get install dcmtk)"
)


@contextmanager
def running_archive(folder: Path, known: dict[str, int]) -> Iterator[int]:
    """The port of an empty dcmqrscp called ARCHIVE; `known` are ports by their AE titles."""
    (folder / "files").mkdir(parents=True)
    (port,) = free_ports(1)
    hosts = "\n".join(
        f"host{number} = ({aet}, 127.0.0.1, {at})" for number, (aet, at) in enumerate(known.items())
    )
    (folder / "config").write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
        f"HostTable BEGIN\n{hosts}\nHostTable END\n"
        "VendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\n{ARCHIVE_AET} {folder / 'files'} RW (200, 1024mb) ANY\nAETable END\n"
    )
    with listening(folder, str(ARCHIVE), "-c", str(folder / "config"), port=port):
        yield port


@contextmanager
def running_worklist(folder: Path, entries: list[Dataset]) -> Iterator[int]:
    """The port of a wlmscpfs, which has these entries below the AE title WORKLIST."""
    files = folder / "WORKLIST"
    files.mkdir(parents=True)
    (files / "lockfile").touch()
    write_entries(files, entries)
    (port,) = free_ports(1)
    with listening(folder, str(WORKLIST), "-dfp", str(folder), str(port), port=port):
        yield port


def write_entries(folder: Path, entries: list[Dataset]) -> None:
    """Worklist entries as files, for wlmscpfs, and for an Orthanc."""
    for number, entry in enumerate(entries):
        entry.file_meta = FileMetaDataset()
        entry.file_meta.MediaStorageSOPClassUID = "1.2.276.0.7230010.3.1.0.1"
        entry.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        entry.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        entry.save_as(folder / f"{number}.wl", enforce_file_format=True)


@contextmanager
def running_receiver(folder: Path) -> Iterator[int]:
    """The port of a storescp that takes several associations at once, and writes to `files`."""
    (folder / "files").mkdir(parents=True)
    (port,) = free_ports(1)
    with listening(
        folder, "storescp", "--fork", "-od", str(folder / "files"), str(port), port=port
    ):
        yield port


@contextmanager
def listening(folder: Path, *command: str, port: int) -> Iterator[None]:
    """A server, once it listens at `port`; its log is in the folder."""
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)

    def listens() -> bool:
        assert process.poll() is None, log.read_text(errors="replace")[-3000:]
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        eventually(f"{command[0]} listens", listens)
        yield
    finally:
        process.terminate()
        process.wait(60)

# SPDX-License-Identifier: Apache-2.0
"""Retrieving from DCMTK's dcmqrscp: another implementation of the other side."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.data import get_testdata_file

from pons.bus import Bus
from pons.dicom.identity import resource_ids
from pons_embedded.ports import free_port

DCMQRSCP, STORESCU, STORESCP = map(shutil.which, ("dcmqrscp", "storescu", "storescp"))

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(
        None in (DCMQRSCP, STORESCU, STORESCP), reason="needs DCMTK (apt-get install dcmtk)"
    ),
]

CONFIGURATION = """
NetworkTCPPort = {port}
MaxPDUSize = 16384
MaxAssociations = 16
HostTable BEGIN
pons = (PONS, 127.0.0.1, {back})
HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
PEER {folder} RW (200, 1024mb) ANY
AETable END
"""


@contextmanager
def started(command: list[str], port: int, log: Path) -> Iterator[None]:
    """A server of DCMTK, once it listens."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def archive(folder: Path, *names: str, back: int = 1) -> Iterator[int]:
    """dcmqrscp on a free port, with these files of pydicom's; `back` is where it moves to."""
    (folder / "db").mkdir(parents=True)
    port = free_port()
    configuration = folder / "dcmqrscp.cfg"
    text = CONFIGURATION.format(port=port, back=back, folder=folder / "db")
    configuration.write_text(text)
    command = [str(DCMQRSCP), "-c", str(configuration)]
    with started(command, port, folder / "archive.log"):
        for name in names:
            given = [str(STORESCU), "-aec", "PEER", "127.0.0.1", str(port), path_of(name)]
            subprocess.run(given, check=True, capture_output=True)
        yield port


def path_of(name: str) -> str:
    path = get_testdata_file(name)
    assert isinstance(path, str)
    return path


def archived(folder: Path) -> list[bytes]:
    """The data sets that the archive has, which it has encoded anew."""
    files = (folder / "db").glob("*.dcm")
    return sorted(dataset_of(file.read_bytes()) for file in files)


def dataset_of(file: bytes) -> bytes:
    return file[144 + int.from_bytes(file[140:144], "little") :]


def study_of(name: str) -> dict[str, str]:
    uid = pydicom.dcmread(path_of(name), stop_before_pixels=True).StudyInstanceUID
    return {"00080052": "STUDY", "0020000D": str(uid)}


async def test_get(bus: Bus, retrieving: Any, tmp_path: Path) -> None:
    """Two studies come over C-GET as the archive has them, and each instance is named."""
    names = ("CT_small.dcm", "MR_small.dcm")
    with archive(tmp_path / "a", *names) as port:
        async with retrieving(bus, port) as retriever:
            job = await retriever.get(*map(study_of, names))
    assert (job.document.state, job.document.error_details) == ("Success", "")
    assert job.document.progress == 1.0
    assert sorted(map(dataset_of, retriever.kept)) == archived(tmp_path / "a")
    details = job.content["Details"]
    assert [one["DimseErrorStatus"] for one in details] == [0, 0]
    for one, name in zip(details, names, strict=True):
        dataset = pydicom.dcmread(path_of(name))
        uids = (dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID)
        assert one["ReceivedInstancesIds"] == [resource_ids(dataset.PatientID, *uids).instance]
    assert job.content["NumberOfCompletedSuboperations"] == 2
    [origin] = set(retriever.origins)
    assert (origin.kind, origin.remote_ip) == ("DicomProtocol", "127.0.0.1")
    assert (origin.remote_aet, origin.called_aet) == ("PEER", "PONS")


async def test_get_of_a_patient(bus: Bus, retrieving: Any, tmp_path: Path) -> None:
    """A patient is asked for by the model that has patients."""
    with archive(tmp_path / "a", "CT_small.dcm", "MR_small.dcm") as port:
        async with retrieving(bus, port) as retriever:
            job = await retriever.get({"00080052": "PATIENT", "00100020": "1CT1"})
    assert job.document.state == "Success"
    assert len(retriever.kept) == 1


async def test_get_of_nothing(bus: Bus, retrieving: Any, tmp_path: Path) -> None:
    """What the archive does not have brings nothing, which is no failure of the archive's."""
    with archive(tmp_path / "a", "CT_small.dcm") as port:
        async with retrieving(bus, port) as retriever:
            job = await retriever.get({"00080052": "STUDY", "0020000D": "1.2.3"})
    assert job.document.state == "Success"
    assert job.content["Details"][0]["ReceivedInstancesIds"] == []


async def test_move(bus: Bus, retrieving: Any, tmp_path: Path) -> None:
    """A study goes to the storescp that is its destination."""
    (tmp_path / "out").mkdir()
    back = free_port()
    command = [str(STORESCP), "-od", str(tmp_path / "out"), str(back)]
    with (
        archive(tmp_path / "a", "CT_small.dcm", "MR_small.dcm", back=back) as port,
        started(command, back, tmp_path / "storescp.log"),
    ):
        async with retrieving(bus, port) as retriever:
            job = await retriever.move("PONS", study_of("CT_small.dcm"))
    assert (job.document.state, job.document.error_details) == ("Success", "")
    assert len(list((tmp_path / "out").iterdir())) == 1
    assert job.content["Details"] == [
        {
            "Query": {
                "0008,0052": "STUDY",
                "0020,000d": study_of("CT_small.dcm")["0020000D"],
            },
            "DimseErrorStatus": 0,
        }
    ]
    assert job.content["NumberOfCompletedSuboperations"] == 1


async def test_move_to_nobody(bus: Bus, retrieving: Any, tmp_path: Path) -> None:
    """A destination that the archive does not know is told as such."""
    with archive(tmp_path / "a", "CT_small.dcm") as port:
        async with retrieving(bus, port) as retriever:
            job = await retriever.move("NOBODY", study_of("CT_small.dcm"))
    assert (job.document.state, job.document.error_code) == ("Failure", 9)
    assert "answered C-MOVE with status 0xA801: Move destination" in job.document.error_details
    [told] = job.content["Details"]
    assert told["DimseErrorStatus"] == 0xA801


async def test_nobody_there(bus: Bus, retrieving: Any) -> None:
    """A modality that is down is named, and the job fails."""
    async with retrieving(bus, free_port()) as retriever:
        job = await retriever.get({"00080052": "STUDY", "0020000D": "1.2.3"})
    assert (job.document.state, job.document.error_code) == ("Failure", 9)
    assert "connection refused by 127.0.0.1" in job.document.error_details

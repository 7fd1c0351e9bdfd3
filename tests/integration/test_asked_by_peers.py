# SPDX-License-Identifier: Apache-2.0
"""Every service of the DICOM port, asked for by every peer that can, plain and with TLS."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import generate_uid

from clients import AET, LEVEL, Clients, OrthancClient, Pynetdicom, pynetdicom_applications
from dcmtk import needs_dcmtk
from matrix import Case, cases, matrix
from orthanc import needs_orthanc, running_orthanc
from outside import Store, eventually, free_ports, image
from pons_testing.documents import table
from retrieving import admitted
from scanner import PUSH
from secured import Channel, Pki

PLAIN, TLS, MUTUAL = Channel
UNIQUE = {
    "PATIENT": "PatientID",
    "STUDY": "StudyInstanceUID",
    "SERIES": "SeriesInstanceUID",
    "IMAGE": "SOPInstanceUID",
}
COUNTS = {"PATIENT": 1, "STUDY": 2, "SERIES": 3, "IMAGE": 4}
"""Of the patient."""
LEVELS = {
    "patient root": ("PATIENT", "STUDY", "SERIES", "IMAGE"),
    "study root": ("STUDY", "SERIES", "IMAGE"),
    "patient/study only": ("PATIENT", "STUDY"),
}
FINDS, MOVES, GETS = (
    [f"{service}, {model}" for model in LEVELS] for service in ("C-FIND", "C-MOVE", "C-GET")
)
WORKLIST = "C-FIND, worklist"
SINGLE = ["C-ECHO", "C-STORE"]
COMMITMENT = "Storage commitment"
CASES: list[Case] = [
    *cases([*SINGLE, *FINDS, WORKLIST], "DCMTK", Channel),
    *cases([*MOVES, *GETS], "DCMTK", [PLAIN]),  # movescu and getscu have no TLS
    *cases([*SINGLE, *FINDS, WORKLIST, *MOVES, *GETS, COMMITMENT], "pynetdicom", Channel),
    # It shows its certificate whoever asks, and has no third model and no C-GET.
    *cases([*SINGLE, *FINDS[:2], WORKLIST, *MOVES[:2], COMMITMENT], "Orthanc", [PLAIN, MUTUAL]),
]


@dataclass(frozen=True)
class Asked:
    """A store that has what is asked for."""

    store: Store
    images: dict[str, Dataset]
    """By SOP Instance UID."""


def keep(store: Store, ds: Dataset) -> None:
    content = BytesIO()
    ds.save_as(content, enforce_file_format=True)
    assert store.http.post("/instances", content=content.getvalue()).status_code == 200


@pytest.fixture(scope="module")
def asked(store: Store, secure_store: Store) -> Iterator[Callable[[Channel], Asked]]:
    """Of each kind a store that has two studies of a patient, and an entry of the worklist."""
    studies = [generate_uid(), generate_uid()]
    found = {}
    for number, study in enumerate([studies[0], studies[0], studies[0], studies[1]]):
        ds = image("ASKED", study, number + 1)
        ds.SeriesInstanceUID = f"{study[:58]}.{number // 2}"
        found[str(ds.SOPInstanceUID)] = ds
    entry = {
        "PatientID": "SCHEDULED",
        "PatientName": "Test^Patient",
        "ScheduledProcedureStepSequence": [
            {"Modality": "CT", "ScheduledProcedureStepStartDate": "29990101"}
        ],
    }
    entries = []
    for one in (store, secure_store):
        for ds in found.values():
            keep(one, ds)
        made = one.http.post("/worklists/create", json={"Tags": entry})
        assert made.status_code == 200, made.text
        entries.append((one, made.json()["Path"]))
    yield lambda channel: Asked(store if channel == PLAIN else secure_store, found)
    for one, path in entries:
        one.http.delete(path)
        one.http.delete("/modalities/peer")


@pytest.fixture(scope="module")
def orthanc(
    asked: Any, pki: Pki, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Channel], OrthancClient]]:
    """Starts Orthancs that know the store, when they are needed."""
    with ExitStack() as stack:

        @cache
        def start(channel: Channel) -> OrthancClient:
            port = asked(channel).store.dicom_port
            known = {"AET": "PONS", "Host": "127.0.0.1", "Port": port}
            options = {
                "DicomAet": AET,
                "DicomModalities": {"pons": known | {"UseDicomTls": channel != PLAIN}},
                **pki.orthanc(channel),
            }
            folder = tmp_path_factory.mktemp("orthanc") / "files"
            return OrthancClient(stack.enter_context(running_orthanc(folder, **options)))

        yield start


@pytest.fixture
def client(
    request: pytest.FixtureRequest, case: Case, asked: Any, orthanc: Any, pki: Pki, tmp_path: Path
) -> tuple[Any, int]:
    """The peer, and the port where it receives; the store knows it."""
    service, peer, channel = case
    store = asked(channel).store
    (port,) = free_ports(1)
    client: Any
    if peer == "Orthanc":
        client = orthanc(channel)
        port = client.orthanc.dicom_port
    elif peer == "pynetdicom" and (channel != PLAIN or service == COMMITMENT):
        contexts = pki.requestor(channel), pki.acceptor(channel)
        client = Pynetdicom(*contexts, store.aet, store.dicom_port)
    else:
        program = pynetdicom_applications() if peer == "pynetdicom" else []
        options = pki.dcmtk_requestor(channel)
        client = Clients(program, options, store.aet, store.dicom_port, tmp_path)
    described = {"AET": AET, "Host": "127.0.0.1", "Port": port, "UseDicomTls": channel != PLAIN}
    assert store.http.put("/modalities/peer", json=described).status_code == 200
    tls = pki.requestor(channel)
    eventually("the peer is known", lambda: admitted(store, AET, PUSH, tls))
    return client, port


def parameter(case: Case) -> Any:
    service, peer, channel = case
    marks = {"DCMTK": [needs_dcmtk], "Orthanc": [needs_orthanc]}.get(peer, [])
    return pytest.param(case, id=f"{service}-{peer}-{channel}", marks=marks)


@pytest.mark.parametrize("case", [parameter(case) for case in CASES])
def test_service(case: Case, client: tuple[Any, int], asked: Any, tmp_path: Path) -> None:
    """What the peer asks for it gets, to the last pixel."""
    service, _, channel = case
    peer, port = client
    there: Asked = asked(channel)
    operation, _, model = service.partition(", ")
    if operation == "C-ECHO":
        peer.echo()
    elif operation == "C-STORE":
        check_store(peer, there, tmp_path / "sent")
    elif service == WORKLIST:
        keys = {"PatientID": "", "PatientName": "Test*"}
        found = peer.find_worklist({**keys, "ScheduledProcedureStepSequence": ""})
        assert [one.PatientID for one in found] == ["SCHEDULED"]
    elif service == COMMITMENT:
        check_commitment(peer, there, port)
    elif operation == "C-FIND":
        check_find(peer, there, model)
    else:
        check_retrieval(peer, there, operation, model, port)


def check_store(peer: Any, there: Asked, folder: Path) -> None:
    ds = image("ASKED-TO-KEEP")
    ds.save_as(folder, enforce_file_format=True)
    peer.store(folder)
    (found,) = there.store.http.post("/tools/lookup", content=str(ds.SOPInstanceUID)).json()[-1:]
    assert found["Type"] == "Instance"
    kept = dcmread(BytesIO(there.store.http.get(f"{found['Path']}/file").content))
    assert kept.PixelData == ds.PixelData


def check_find(peer: Any, there: Asked, model: str) -> None:
    for level in levels_asked(peer, model):
        keys = {LEVEL: level, UNIQUE[level]: "", "PatientID": "ASKED"}
        found = {one[UNIQUE[level]].value for one in peer.find(model, keys)}
        known = {str(ds[UNIQUE[level]].value) for ds in there.images.values()}
        assert (found, len(found)) == (known, COUNTS[level]), level


def levels_asked(peer: Any, model: str) -> tuple[str, ...]:
    levels = LEVELS[model]
    if isinstance(peer, OrthancClient):  # it asks for patients alone at patient root
        return levels[:1] if model == "patient root" else levels
    if isinstance(peer, Clients) and peer.program:  # each is a Python that starts
        return levels[-1:]
    return levels


def check_commitment(peer: Any, there: Asked, port: int) -> None:
    missing = generate_uid()
    instances = [(str(ds.SOPClassUID), uid) for uid, ds in there.images.items()]
    told = peer.commit([*instances, (instances[0][0], missing)], port)
    assert told == (set(there.images), {missing: 0x0112})


def check_retrieval(peer: Any, there: Asked, operation: str, model: str, port: int) -> None:
    ds = next(iter(there.images.values()))
    level = LEVELS[model][0]
    keys = {LEVEL: level, UNIQUE[level]: str(ds[UNIQUE[level]].value)}
    arrived = peer.move(model, keys, port) if operation == "C-MOVE" else peer.get(model, keys)
    expected = {
        uid: one.PixelData
        for uid, one in there.images.items()
        if one[UNIQUE[level]].value == ds[UNIQUE[level]].value
    }
    assert {one.SOPInstanceUID: one.PixelData for one in arrived} == expected


def test_the_table_of_peers() -> None:
    """docs/conformance.md names what is tested here."""
    assert table("peers that ask") == matrix(CASES)

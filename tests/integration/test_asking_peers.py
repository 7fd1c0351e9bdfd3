# SPDX-License-Identifier: Apache-2.0
"""Every service that a store asks for, asked of every peer that can, plain and with TLS."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.misc import is_dicom
from pydicom.uid import CTImageStorage, generate_uid

from dcmtk import ARCHIVE_AET, needs_dcmtk, running_archive, running_worklist, write_entries
from matrix import Case, cases, matrix
from orthanc import needs_orthanc, running_orthanc
from outside import Store, eventually, image
from pons_testing.documents import table
from secured import Channel, Pki
from servers import Archive, pynetdicom_storescp, qrscp, storescp
from test_worklists import STEPS, entry

PLAIN, TLS, MUTUAL = Channel
SINGLE = ["C-ECHO", "C-STORE"]
LEVELS = {"patient": "PatientID", "study": "StudyInstanceUID"}
LEVELS |= {"series": "SeriesInstanceUID", "instance": "SOPInstanceUID"}
FINDS = [f"C-FIND, {level}" for level in LEVELS]
WORKLIST = "C-FIND, worklist"
RETRIEVALS = [
    f"{method}, {root}" for method in ("C-MOVE", "C-GET") for root in ("patient", "study")
]
EVERY = [*SINGLE, *FINDS, WORKLIST, *RETRIEVALS]
COMMITMENT = "Storage commitment"
CASES: list[Case] = [
    *cases(EVERY, "DCMTK", [PLAIN]),
    *cases(SINGLE, "DCMTK", [TLS, MUTUAL]),  # of its servers, storescp alone has TLS
    *cases([*EVERY, COMMITMENT], "pynetdicom", Channel),
    *cases([*EVERY, COMMITMENT], "Orthanc", Channel),
]
WORKLISTS = Path("/usr/share/orthanc/plugins/libModalityWorklists.so")
"""Orthanc's plugin."""


@dataclass(frozen=True)
class Peer:
    """One that listens, and what has come there, by SOP Instance UID."""

    aet: str
    port: int
    received: Callable[[], dict[str, Dataset]]


def files_in(folder: Path) -> dict[str, Dataset]:
    found = [dcmread(path) for path in folder.rglob("*") if path.is_file() and is_dicom(path)]
    return {str(ds.SOPInstanceUID): ds for ds in found}


class Peers:
    """Starts peers when they are needed."""

    def __init__(self, stores: dict[Channel, Store], pki: Pki, new_folder: Any) -> None:
        self._stores = stores
        self._pki = pki
        self._new_folder = new_folder
        self.stack = ExitStack()
        self.storescp = cache(self._storescp)
        self.dcmqrscp = cache(self._dcmqrscp)
        self.wlmscpfs = cache(self._wlmscpfs)
        self.application = cache(self._application)
        self.qrscp = cache(self._qrscp)
        self.archive = cache(self._archive)
        self.orthanc = cache(self._orthanc)

    def of(self, case: Case) -> Peer:
        service, peer, channel = case
        if peer == "Orthanc":
            return self.orthanc(channel)
        if peer == "pynetdicom":
            if channel != PLAIN or service in (
                WORKLIST,
                COMMITMENT,
            ):  # which its applications do not have
                return self.archive(channel)
            return self.application() if service in SINGLE else self.qrscp()
        if service in SINGLE:
            return self.storescp(channel)
        return self.wlmscpfs() if service == WORKLIST else self.dcmqrscp()

    def _storescp(self, channel: Channel) -> Peer:
        folder = self._new_folder("storescp") / "files"
        port = self.stack.enter_context(storescp(folder, self._pki.dcmtk_acceptor(channel)))
        return Peer("STORESCP", port, lambda: files_in(folder))

    def _dcmqrscp(self) -> Peer:
        folder = self._new_folder("dcmqrscp")
        known = {"PONS": self._stores[PLAIN].dicom_port}
        port = self.stack.enter_context(running_archive(folder, known))
        return Peer(ARCHIVE_AET, port, lambda: files_in(folder))

    def _wlmscpfs(self) -> Peer:
        entries = [entry(*step) for step in STEPS]
        folder = self._new_folder("wlmscpfs")
        port = self.stack.enter_context(running_worklist(folder, entries))
        return Peer("WORKLIST", port, dict)

    def _application(self) -> Peer:
        folder = self._new_folder("application") / "files"
        port = self.stack.enter_context(pynetdicom_storescp(folder))
        return Peer("STORESCP", port, lambda: files_in(folder))

    def _qrscp(self) -> Peer:
        folder = self._new_folder("qrscp") / "files"
        port = self.stack.enter_context(qrscp(folder, self._stores[PLAIN].dicom_port))
        return Peer(ARCHIVE_AET, port, lambda: files_in(folder / "files"))

    def _archive(self, channel: Channel) -> Peer:
        store = self._stores[channel]
        patients = [patient for patient, *_ in STEPS]
        archive = Archive(store.dicom_port, self._pki.requestor(channel), patients)
        port = self.stack.enter_context(archive.serving(self._pki.acceptor(channel)))
        return Peer(ARCHIVE_AET, port, lambda: archive.kept)

    def _orthanc(self, channel: Channel) -> Peer:
        folder = self._new_folder("orthanc")
        write_entries(folder, [entry(*step) for step in STEPS])
        known = {"AET": "PONS", "Host": "127.0.0.1", "Port": self._stores[channel].dicom_port}
        options = {
            "DicomAet": ARCHIVE_AET,
            "DicomModalities": {"pons": known | {"UseDicomTls": channel != PLAIN}},
            "Plugins": [str(WORKLISTS)],
            "Worklists": {"Enable": True, "Database": str(folder)},
            **self._pki.orthanc(channel),
        }
        orthanc = self.stack.enter_context(running_orthanc(folder / "orthanc", **options))

        def received() -> dict[str, Dataset]:
            paths = [f"/instances/{one}/file" for one in orthanc.http.get("/instances").json()]
            found = [dcmread(BytesIO(orthanc.http.get(path).content)) for path in paths]
            return {str(ds.SOPInstanceUID): ds for ds in found}

        return Peer(ARCHIVE_AET, orthanc.dicom_port, received)


@pytest.fixture(scope="module")
def peers(
    store: Store, secure_store: Store, pki: Pki, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Peers]:
    peers = Peers(
        {PLAIN: store, TLS: secure_store, MUTUAL: secure_store}, pki, tmp_path_factory.mktemp
    )
    with peers.stack:
        yield peers
    for one in (store, secure_store):
        one.http.delete("/modalities/asked")


@pytest.fixture
def asking(store: Store, secure_store: Store, case: Case, peers: Peers) -> tuple[Store, Peer]:
    """A store that knows the peer as `asked`."""
    channel = case[2]
    asking, peer = store if channel == PLAIN else secure_store, peers.of(case)
    described = {"AET": peer.aet, "Host": "127.0.0.1", "Port": peer.port}
    described["UseDicomTls"] = channel != PLAIN
    assert asking.http.put("/modalities/asked", json=described).status_code == 200
    return asking, peer


def ask(store: Store, verb: str, body: Any) -> Any:
    answer = store.http.post(f"/modalities/asked/{verb}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def sent(store: Store) -> tuple[str, dict[str, Dataset]]:
    """A patient of the store whose three images the peer has got, too."""
    study = generate_uid()
    images = [image(f"ASKING-{study[-12:]}", study, number + 1) for number in range(3)]
    images[2].SeriesInstanceUID = f"{study[:58]}.9"
    for ds in images:
        content = BytesIO()
        ds.save_as(content, enforce_file_format=True)
        kept = store.http.post("/instances", content=content.getvalue()).json()
    ask(store, "store", kept["ParentPatient"])
    return kept["ParentPatient"], {str(ds.SOPInstanceUID): ds for ds in images}


def pixels(images: dict[str, Dataset]) -> dict[str, bytes]:
    return {uid: ds.PixelData for uid, ds in images.items()}


def parameter(case: Case) -> Any:
    service, peer, channel = case
    marks = {"DCMTK": [needs_dcmtk], "Orthanc": [needs_orthanc]}.get(peer, [])
    return pytest.param(case, id=f"{service}-{peer}-{channel}", marks=marks)


@pytest.mark.parametrize("case", [parameter(case) for case in CASES])
def test_service(case: Case, asking: tuple[Store, Peer]) -> None:
    """The peer understands what it is asked, and all that it has comes, to the last pixel."""
    store, peer = asking
    operation, _, level = case[0].partition(", ")
    if operation == "C-ECHO":
        ask(store, "echo", {})
    elif operation == "C-STORE":
        _, images = sent(store)
        received = eventually("all are there", lambda: arrived(peer, images))
        assert pixels(received) == pixels(images)
    elif operation == COMMITMENT:
        check_commitment(store)
    elif level == "worklist":
        found = ask(store, "find-worklist", {"PatientID": ""})
        assert sorted(one["PatientID"] for one in found) == [patient for patient, *_ in STEPS]
    elif operation == "C-FIND":
        check_find(store, level)
    else:
        check_retrieval(store, operation, level)


def arrived(peer: Peer, images: dict[str, Dataset]) -> dict[str, Dataset]:
    found = {uid: ds for uid, ds in peer.received().items() if uid in images}
    return found if found.keys() == images.keys() else {}


def check_find(store: Store, level: str) -> None:
    """What is below one resource of the level above; of patients, the one."""
    _, images = sent(store)
    first, *_, last = images.values()
    above = list(LEVELS.values())[: max(list(LEVELS).index(level), 1)]
    query = {keyword: str(first[keyword].value) for keyword in above}
    asked = ask(store, "query", {"Level": level.capitalize(), "Query": query})
    found = store.get(f"{asked['Path']}/answers", expand="", simplify="")
    known = {str(ds[LEVELS[level]].value) for ds in images.values()}
    if level == "instance":
        known.remove(str(last.SOPInstanceUID))  # which is of another series
    # pynetdicom's archive answers once for each instance, at whatever level.
    assert {one[LEVELS[level]] for one in found} == known


def check_commitment(store: Store) -> None:
    patient, images = sent(store)
    missing = [str(CTImageStorage), generate_uid()]
    body = {"Resources": [patient], "DicomInstances": [missing]}
    path = ask(store, "storage-commitment", body)["Path"]
    eventually("a report comes", lambda: store.get(path)["Status"] != "Pending")
    told = store.get(path)
    assert {one["SOPInstanceUID"] for one in told["Success"]} == images.keys()
    [failure] = told["Failures"]
    assert (failure["SOPInstanceUID"], failure["FailureReason"]) == (missing[1], 0x0112)


def check_retrieval(store: Store, operation: str, level: str) -> None:
    patient, images = sent(store)
    keyword = LEVELS[level]
    resource = {keyword: str(next(iter(images.values()))[keyword].value)}
    assert store.http.delete(f"/patients/{patient}").status_code == 200
    body = {"Level": level.capitalize(), "Resources": [resource]}
    ask(store, operation.removeprefix("C-").lower(), body)
    ids = store.get(f"/patients/{patient}/instances")
    found = [store.http.get(f"/instances/{one['ID']}/file").content for one in ids]
    back = {str(ds.SOPInstanceUID): ds for ds in (dcmread(BytesIO(one)) for one in found)}
    assert pixels(back) == pixels(images)


def test_the_table_of_peers() -> None:
    """docs/conformance.md names what is tested here."""
    assert table("peers that are asked") == matrix(CASES)

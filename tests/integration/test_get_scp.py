# SPDX-License-Identifier: Apache-2.0
"""C-GET on the DICOM port, asked by pynetdicom and by DCMTK's getscu."""

import shutil
import subprocess
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.encaps import encapsulate
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    RLELossless,
    generate_uid,
)
from pynetdicom import AE, build_role, evt
from pynetdicom.association import Association
from pynetdicom.events import Event
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelGet

from outside import Store, image
from retrieving import identifier, known_modality

GET = StudyRootQueryRetrieveInformationModelGet
PENDING, SUCCESS, SOME_FAILED, NOTHING_SENT, CANCELLED = 0xFF00, 0x0000, 0xB000, 0xA702, 0xFE00


@pytest.fixture
def study(store: Store) -> Iterator[list[Dataset]]:
    """Four stored images of a study; the store knows the AE title GETTER."""
    study_uid = generate_uid()
    images = [image(f"GET-{study_uid[-12:]}", study_uid, n + 1) for n in range(4)]
    assert store.c_store(*images) == [SUCCESS] * 4
    with known_modality(store, "getter", "GETTER", GET):
        yield images


class Getter:
    """One association that takes CT images in the transfer syntaxes of a test."""

    def __init__(self, store: Store, *syntaxes: str, scp: bool = True) -> None:
        self.received: list[Dataset] = []
        self.statuses: dict[str, int] = {}
        """What a C-STORE is answered with, by SOP Instance UID; 0 for others."""
        entity = AE("GETTER")
        entity.add_requested_context(GET)
        for syntax in syntaxes:
            entity.add_requested_context(CTImageStorage, syntax)
        roles = [build_role(CTImageStorage, scp_role=True)] if scp else []
        self.assoc: Association = entity.associate(
            "127.0.0.1",
            store.dicom_port,
            ext_neg=roles,  # type: ignore[arg-type]
            evt_handlers=[(evt.EVT_C_STORE, self._take)],
        )
        assert self.assoc.is_established

    def _take(self, event: Event) -> int:
        ds, request = event.dataset, event.request
        ds.file_meta = event.file_meta
        status = self.statuses.get(str(request.AffectedSOPInstanceUID), 0)  # type: ignore[union-attr]
        if status == 0:
            self.received.append(ds)
        return status

    def get(self, query: Dataset) -> list[tuple[Dataset, Dataset | None]]:
        """All responses; the association is released."""
        try:
            return list(self.assoc.send_c_get(query, GET, msg_id=9))
        finally:
            self.assoc.release()


def numbers(response: Dataset) -> tuple[int, int, int]:
    """Of sub-operations: completed, failed, with a warning."""
    return (
        response.NumberOfCompletedSuboperations,
        response.NumberOfFailedSuboperations,
        response.NumberOfWarningSuboperations,
    )


def of_study(study: list[Dataset]) -> Dataset:
    return identifier("STUDY", StudyInstanceUID=study[0].StudyInstanceUID)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_a_study(store: Store, study: list[Dataset], syntax: str) -> None:
    """All of it comes as it was stored, re-encoded where the peer takes another encoding only."""
    getter = Getter(store, syntax)
    responses = getter.get(of_study(study))
    statuses = [status.Status for status, _ in responses]
    assert statuses == [PENDING] * 4 + [SUCCESS]
    assert [one.NumberOfRemainingSuboperations for one, _ in responses[:4]] == [3, 2, 1, 0]
    assert numbers(responses[-1][0]) == (4, 0, 0)
    assert {ds.file_meta.TransferSyntaxUID for ds in getter.received} == {syntax}
    received = {ds.SOPInstanceUID: ds for ds in getter.received}
    assert received.keys() == {ds.SOPInstanceUID for ds in study}
    for ds in study:
        assert received[ds.SOPInstanceUID].PixelData == ds.PixelData
        assert received[ds.SOPInstanceUID].PatientID == ds.PatientID


def test_instances_that_the_peer_refuses(store: Store, study: list[Dataset]) -> None:
    """Warnings count apart, and refused instances are named in the last response."""
    getter = Getter(store, ExplicitVRLittleEndian)
    refused, warned = study[1].SOPInstanceUID, study[2].SOPInstanceUID
    getter.statuses = {refused: 0xA700, warned: 0xB007}
    response, failures = getter.get(of_study(study))[-1]
    assert response.Status == SOME_FAILED
    assert numbers(response) == (2, 1, 1)
    assert failures is not None
    assert failures.FailedSOPInstanceUIDList == refused


@pytest.mark.parametrize("options", [{"scp": False}, {"syntaxes": [JPEGBaseline8Bit]}])
def test_a_peer_that_takes_nothing(
    store: Store, study: list[Dataset], options: dict[str, Any]
) -> None:
    """Without the role of the SCP, or a syntax that will do, nothing is sent and all is named."""
    syntaxes = options.pop("syntaxes", [ExplicitVRLittleEndian])
    getter = Getter(store, *syntaxes, **options)
    response, failures = getter.get(of_study(study))[-1]
    assert response.Status == NOTHING_SENT
    assert numbers(response) == (0, 4, 0)
    assert "CT Image Storage" in response.ErrorComment
    assert failures is not None
    assert set(failures.FailedSOPInstanceUIDList) == {ds.SOPInstanceUID for ds in study}
    assert getter.received == []


def test_compressed_instances(store: Store, study: list[Dataset]) -> None:
    """A compressed instance goes as it is, next to others, each in a context of its own."""
    compressed = image(study[0].PatientID, study[0].StudyInstanceUID, 9)
    compressed.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    compressed.PixelData = b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0\4\0\0\0\xff\xd8\xff\xd9"
    compressed["PixelData"].VR = "OB"
    compressed["PixelData"].is_undefined_length = True
    buffer = BytesIO()
    dcmwrite(buffer, compressed, enforce_file_format=True)
    assert store.http.post("/instances", content=buffer.getvalue()).status_code == 200
    getter = Getter(store, ExplicitVRLittleEndian, JPEGBaseline8Bit)
    assert numbers(getter.get(of_study(study))[-1][0]) == (5, 0, 0)
    by_uid = {ds.SOPInstanceUID: ds for ds in getter.received}
    assert by_uid[compressed.SOPInstanceUID].PixelData == compressed.PixelData
    meta = by_uid[compressed.SOPInstanceUID].file_meta
    assert meta.TransferSyntaxUID == JPEGBaseline8Bit


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_pixels_are_decompressed_for_a_peer_that_takes_no_others(
    store: Store, study: list[Dataset], syntax: str
) -> None:
    """Every sample arrives that was compressed, under the same UIDs; what cannot be decoded fails
    alone, and the association goes on."""
    compressed, damaged = (
        image(study[0].PatientID, study[0].StudyInstanceUID, number) for number in (8, 9)
    )
    pixels = compressed.PixelData
    for one in (compressed, damaged):
        one.compress(RLELossless, generate_instance_uid=False)
    damaged.PixelData = encapsulate([b"this is no RLE"])
    for one in (compressed, damaged):
        buffer = BytesIO()
        dcmwrite(buffer, one, enforce_file_format=True)
        assert store.http.post("/instances", content=buffer.getvalue()).status_code == 200
    getter = Getter(store, syntax)
    response, failures = getter.get(of_study(study))[-1]
    assert (response.Status, numbers(response)) == (SOME_FAILED, (5, 1, 0))
    assert failures is not None
    assert failures.FailedSOPInstanceUIDList == damaged.SOPInstanceUID
    received = {ds.SOPInstanceUID: ds for ds in getter.received}[compressed.SOPInstanceUID]
    assert received.file_meta.TransferSyntaxUID == syntax
    assert received.PixelData == pixels
    assert received.PatientID == compressed.PatientID


def test_cancel(store: Store, study: list[Dataset]) -> None:
    """After C-CANCEL nothing more is sent, and the response tells what was left."""
    getter = Getter(store, ExplicitVRLittleEndian)
    responses = []
    for status, _ in getter.assoc.send_c_get(of_study(study), GET, msg_id=9):
        responses.append(status)
        if len(responses) == 1:
            getter.assoc.send_c_cancel(9, query_model=GET)
    getter.assoc.release()
    assert responses[-1].Status == CANCELLED
    assert responses[-1].NumberOfRemainingSuboperations == 4 - len(getter.received)
    assert len(getter.received) < 4


@pytest.mark.parametrize(
    ("query", "status"),
    [
        (identifier("", StudyInstanceUID="1.2"), 0xA900),
        (identifier("STUDY", AccessionNumber="*"), 0xA900),
        (identifier("STUDY", StudyInstanceUID="1.2.3.9.9"), 0xC000),
    ],
)
def test_what_cannot_be_got(
    store: Store, study: list[Dataset], query: Dataset, status: int
) -> None:
    """A request that names no level, too much or nothing is answered with a status."""
    getter = Getter(store, ExplicitVRLittleEndian)
    ((response, _),) = getter.get(query)
    assert response.Status == status
    assert numbers(response) == (0, 0, 0)
    assert getter.received == []


@pytest.mark.skipif(
    shutil.which("getscu") is None, reason="needs DCMTK (Debian: apt-get install dcmtk)"
)
def test_getscu(store: Store, study: list[Dataset], tmp_path: Path) -> None:
    """DCMTK's getscu gets a study."""
    done = subprocess.run(
        [
            *("getscu", "-v", "-S", "-aet", "GETTER", "-aec", store.aet, "-od", str(tmp_path)),
            *("-k", "QueryRetrieveLevel=STUDY"),
            *("-k", f"StudyInstanceUID={study[0].StudyInstanceUID}"),
            *("127.0.0.1", str(store.dicom_port)),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    received = {dcmread(path).SOPInstanceUID for path in tmp_path.iterdir()}
    assert received == {ds.SOPInstanceUID for ds in study}

# SPDX-License-Identifier: Apache-2.0
"""C-MOVE on the DICOM port, asked by pynetdicom and by DCMTK's movescu."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import generate_uid
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.sop_class import (
    PatientRootQueryRetrieveInformationModelMove,
    StudyRootQueryRetrieveInformationModelMove,
)

from outside import Store, eventually, free_ports, image
from retrieving import Receiver, identifier, known_modality, receiving

MOVE = StudyRootQueryRetrieveInformationModelMove
PENDING, SUCCESS, SOME_FAILED, NOTHING_SENT = 0xFF00, 0x0000, 0xB000, 0xA702
CANCELLED, UNKNOWN_DESTINATION = 0xFE00, 0xA801


@pytest.fixture
def study() -> list[Dataset]:
    """Four images of a study of a patient of its own, in two series."""
    study_uid = generate_uid()
    images = [image(f"MOVE-{study_uid[-12:]}", study_uid, n + 1) for n in range(4)]
    for number, ds in enumerate(images):
        ds.SeriesInstanceUID = f"{study_uid[:60]}.{number // 2}"
        ds.AccessionNumber = study_uid[-16:]
    return images


@pytest.fixture
def receiver(store: Store, study: list[Dataset]) -> Iterator[Receiver]:
    assert store.c_store(*study) == [SUCCESS] * 4
    with receiving(store) as receiver:
        yield receiver


def associate(store: Store, title: str = "MOVER", model: str = MOVE) -> Association:
    entity = AE(title)
    entity.add_requested_context(model)
    assoc = entity.associate("127.0.0.1", store.dicom_port)
    assert assoc.is_established
    return assoc


def move(
    store: Store, query: Dataset, to: str = "RECEIVER", model: str = MOVE
) -> list[tuple[Dataset, Dataset | None]]:
    """All responses."""
    assoc = associate(store, model=model)
    try:
        return list(assoc.send_c_move(query, to, model, msg_id=4711))
    finally:
        assoc.release()


def numbers(response: Dataset) -> tuple[int, int, int]:
    """Of sub-operations: completed, failed, with a warning."""
    return (
        response.NumberOfCompletedSuboperations,
        response.NumberOfFailedSuboperations,
        response.NumberOfWarningSuboperations,
    )


def test_a_study(store: Store, study: list[Dataset], receiver: Receiver) -> None:
    """All of it arrives, in whose name it was asked for; the peer hears how far it is."""
    jobs = set(store.get("/jobs"))
    responses = move(store, identifier("STUDY", StudyInstanceUID=study[0].StudyInstanceUID))
    statuses = [status.Status for status, _ in responses]
    assert statuses == [PENDING] * (len(statuses) - 1) + [SUCCESS]
    assert responses[0][0].NumberOfRemainingSuboperations == 4
    assert numbers(responses[-1][0]) == (4, 0, 0)
    assert "NumberOfRemainingSuboperations" not in responses[-1][0]
    uids = {ds.SOPInstanceUID for ds in receiver.received}
    assert uids == {ds.SOPInstanceUID for ds in study}
    assert set(receiver.originators) == {("MOVER", 4711)}
    (job,) = set(store.get("/jobs")) - jobs
    content = store.get(f"/jobs/{job}")["Content"]
    assert content["Description"] == "C-MOVE"
    assert (content["MoveOriginatorAET"], content["MoveOriginatorID"]) == ("MOVER", 4711)


@pytest.mark.parametrize(
    ("level", "keyword", "count"),
    [
        ("PATIENT", "PatientID", 4),
        ("STUDY", "AccessionNumber", 4),
        ("SERIES", "SeriesInstanceUID", 2),
        ("IMAGE", "SOPInstanceUID", 1),
        ("", "SeriesInstanceUID", 2),
    ],
)
def test_levels(
    store: Store, study: list[Dataset], receiver: Receiver, level: str, keyword: str, count: int
) -> None:
    """What the unique key of a level names is sent; without a level, of the lowest one named."""
    query = identifier(level, StudyInstanceUID="", **{keyword: study[0][keyword].value})
    model = PatientRootQueryRetrieveInformationModelMove
    assert move(store, query, model=model)[-1][0].Status == SUCCESS
    assert len(receiver.received) == count


def test_a_study_that_is_named_twice(
    store: Store, study: list[Dataset], receiver: Receiver
) -> None:
    """AccessionNumber and UID have to fit the same study: else another patient's might be sent."""
    number, uid = study[0].AccessionNumber, study[0].StudyInstanceUID
    for wrong in ({"StudyInstanceUID": "1.2.3.9.9"}, {"AccessionNumber": "of another"}):
        named = {"AccessionNumber": number, "StudyInstanceUID": uid} | wrong
        ((response, _),) = move(store, identifier("STUDY", **named))
        assert (response.Status, receiver.received) == (0xC000, [])
    both = identifier("STUDY", AccessionNumber=number, StudyInstanceUID=uid)
    assert move(store, both)[-1][0].Status == SUCCESS
    assert len(receiver.received) == 4


def test_lists_of_uids(store: Store, study: list[Dataset], receiver: Receiver) -> None:
    """Several UIDs move what each of them names, once."""
    uids = [study[0].SOPInstanceUID, study[3].SOPInstanceUID, study[0].SOPInstanceUID]
    assert move(store, identifier("IMAGE", SOPInstanceUID=uids))[-1][0].Status == SUCCESS
    assert sorted(ds.SOPInstanceUID for ds in receiver.received) == sorted(set(uids))


def test_instances_that_are_not_there(
    store: Store, study: list[Dataset], receiver: Receiver
) -> None:
    """Who names an instance hears that it did not come; what is there arrives."""
    uids = [study[0].SOPInstanceUID, "1.2.3.9.9", study[3].SOPInstanceUID]
    response, failures = move(store, identifier("IMAGE", SOPInstanceUID=uids))[-1]
    assert response.Status == SOME_FAILED
    assert numbers(response) == (2, 1, 0)
    assert "1 of those named" in response.ErrorComment
    assert failures is not None
    assert failures.FailedSOPInstanceUIDList == "1.2.3.9.9"
    assert {ds.SOPInstanceUID for ds in receiver.received} == {uids[0], uids[2]}


def test_keys_of_the_levels_above(store: Store, study: list[Dataset], receiver: Receiver) -> None:
    """A series is sent when it is of the patient and the study that are named, else it is not."""
    fits = {key: study[0][key].value for key in ("PatientID", "StudyInstanceUID")}
    series = study[0].SeriesInstanceUID
    for wrong in ({"PatientID": "SOMEBODY"}, {"StudyInstanceUID": "1.2.3.9.9"}):
        query = identifier("SERIES", **fits | wrong, SeriesInstanceUID=series)
        ((response, _),) = move(store, query)
        assert (response.Status, receiver.received) == (0xC000, [])
    assert move(store, identifier("SERIES", **fits, SeriesInstanceUID=series))[-1][0].Status == 0
    assert len(receiver.received) == 2


@pytest.mark.parametrize(
    ("query", "to", "status", "comment"),
    [
        (identifier("STUDY", StudyInstanceUID="1.2"), "NOBODY", UNKNOWN_DESTINATION, "NOBODY"),
        (identifier("STUDY", StudyInstanceUID="1.2.3.9.9"), "RECEIVER", 0xC000, "no such study"),
        (identifier("STUDY", StudyInstanceUID=""), "RECEIVER", 0xA900, "StudyInstanceUID"),
        (identifier("STUDY", PatientID="A"), "RECEIVER", 0xA900, "StudyInstanceUID"),
        (identifier("PATIENT", PatientID="*"), "RECEIVER", 0xA900, "Wildcards"),
        (identifier("STUDY", AccessionNumber="A?"), "RECEIVER", 0xA900, "Wildcards"),
        (identifier("EVERYTHING", PatientID="A"), "RECEIVER", 0xA900, "EVERYTHING"),
        (identifier("", PatientName="A"), "RECEIVER", 0xA900, "QueryRetrieveLevel"),
    ],
)
def test_what_cannot_be_moved(
    store: Store, receiver: Receiver, query: Dataset, to: str, status: int, comment: str
) -> None:
    """A request that names no destination, nothing or too much has a status and the reason."""
    ((response, _),) = move(store, query, to)
    assert response.Status == status
    assert numbers(response) == (0, 0, 0)
    assert comment in response.ErrorComment
    assert receiver.received == []


def test_instances_that_are_refused(store: Store, study: list[Dataset], receiver: Receiver) -> None:
    """The others arrive all the same; the last response counts and names those that did not."""
    refused = study[1].SOPInstanceUID
    receiver.status = {refused: 0xC000}
    response, failures = move(
        store, identifier("STUDY", StudyInstanceUID=study[0].StudyInstanceUID)
    )[-1]
    assert response.Status == SOME_FAILED
    assert numbers(response) == (3, 1, 0)
    assert failures is not None
    assert failures.FailedSOPInstanceUIDList == refused
    assert len(receiver.received) == 3


@pytest.mark.parametrize("warning", [0xB000, 0xB006, 0xB007])
def test_warnings_of_the_destination(
    store: Store, study: list[Dataset], receiver: Receiver, warning: int
) -> None:
    """What arrives with a warning is counted so, and the move ends with one (PS3.4 C.4.2)."""
    receiver.status = {study[1].SOPInstanceUID: warning, study[2].SOPInstanceUID: warning}
    query = identifier("STUDY", StudyInstanceUID=study[0].StudyInstanceUID)
    response, failures = move(store, query)[-1]
    assert response.Status == SOME_FAILED
    assert numbers(response) == (2, 0, 2)
    assert failures is None or "FailedSOPInstanceUIDList" not in failures


def test_a_destination_that_is_down(store: Store, study: list[Dataset]) -> None:
    """Where nothing can be sent, the move fails and names all instances."""
    assert store.c_store(*study) == [SUCCESS] * 4
    with receiving(store, listening=False):
        query = identifier("STUDY", StudyInstanceUID=study[0].StudyInstanceUID)
        response, failures = move(store, query)[-1]
    assert response.Status == NOTHING_SENT
    assert numbers(response) == (0, 4, 0)
    assert "connection" in response.ErrorComment
    assert failures is not None
    assert set(failures.FailedSOPInstanceUIDList) == {ds.SOPInstanceUID for ds in study}


def ended_by_cancel(store: Store, before: set[str]) -> bool:
    jobs = [store.get(f"/jobs/{job}") for job in set(store.get("/jobs")) - before]
    return [job["ErrorCode"] for job in jobs] == [37]


def test_cancel(store: Store, study: list[Dataset], receiver: Receiver) -> None:
    """C-CANCEL ends the job, and the response tells what had been sent."""
    receiver.stops, before = True, set(store.get("/jobs"))
    assoc = associate(store)
    responses = []
    query = identifier("STUDY", StudyInstanceUID=study[0].StudyInstanceUID)
    for status, _ in assoc.send_c_move(query, "RECEIVER", MOVE, msg_id=7):
        responses.append(status)
        if receiver.first.is_set():
            assoc.send_c_cancel(7, query_model=MOVE)
    assoc.release()
    assert responses[-1].Status == CANCELLED
    assert responses[-1].NumberOfRemainingSuboperations > 0
    eventually("the job has ended", lambda: ended_by_cancel(store, before))
    assert len(receiver.received) < 4


def test_a_peer_that_leaves(store: Store, study: list[Dataset], receiver: Receiver) -> None:
    """When the peer aborts, its job is cancelled: nobody waits for what it asked."""
    receiver.stops, before = True, set(store.get("/jobs"))
    assoc = associate(store)
    query = identifier("STUDY", StudyInstanceUID=study[0].StudyInstanceUID)
    responses = assoc.send_c_move(query, "RECEIVER", MOVE)
    next(responses)
    assert receiver.first.wait(60)
    assoc.abort()
    eventually("the job is cancelled", lambda: ended_by_cancel(store, before))


@pytest.mark.skipif(
    shutil.which("movescu") is None, reason="needs DCMTK (Debian: apt-get install dcmtk)"
)
def test_movescu(store: Store, study: list[Dataset], tmp_path: Path) -> None:
    """DCMTK's movescu has a study sent to itself."""
    assert store.c_store(*study) == [SUCCESS] * 4
    (port,) = free_ports(1)
    with known_modality(store, "movescu", "MOVESCU", MOVE, port):
        done = subprocess.run(
            [
                *("movescu", "-v", "-S", "-aet", "MOVESCU", "-aec", store.aet, "+P", str(port)),
                *("-aem", "MOVESCU", "-od", str(tmp_path)),
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

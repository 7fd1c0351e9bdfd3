# SPDX-License-Identifier: Apache-2.0
"""Asking other systems by C-FIND: DCMTK's archive and worklist, an Orthanc, one that never ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined] # made when it is imported
    CTImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
)

from dcmtk import ARCHIVE_AET, needs_dcmtk, running_archive, running_worklist
from orthanc import needs_orthanc, running_orthanc
from outside import PeakMemory, Store, eventually, image
from pons_testing.scp import serving

MEGABYTE = 2**20


def put_modality(store: Store, name: str, aet: str, port: int, **more: Any) -> None:
    body = {"AET": aet, "Host": "127.0.0.1", "Port": port, **more}
    answer = store.http.put(f"/modalities/{name}", json=body)
    assert answer.status_code == 200, answer.text


def ask(store: Store, modality: str, level: str, **query: str) -> str:
    """The path of a query that has been answered."""
    body = {"Level": level, "Query": query}
    answer = store.http.post(f"/modalities/{modality}/query", json=body)
    assert answer.status_code == 200, answer.text
    path: str = answer.json()["Path"]
    return path


def answers(store: Store, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = store.get(f"{path}/answers", expand="", simplify="")
    return found


def send(port: int, aet: str, *datasets: Dataset) -> None:
    """Put instances into an archive."""
    entity = AE("SENDER")
    entity.add_requested_context(CTImageStorage)
    association = entity.associate("127.0.0.1", port, ae_title=aet)
    assert association.is_established
    for ds in datasets:
        assert association.send_c_store(ds).Status == 0
    association.release()


@pytest.fixture(scope="module")
def studies() -> list[Dataset]:
    """Two patients, the first with two instances of a study, the second with a name in Latin 1."""
    first, second = generate_uid(), generate_uid()
    datasets = [image("Q1", first, 1), image("Q1", first, 2), image("Q2", second)]
    series = datasets[0].SeriesInstanceUID
    for ds in datasets[:2]:
        ds.SeriesInstanceUID = series
        ds.PatientName = "ROE^RICHARD"
    datasets[2].SpecificCharacterSet = "ISO_IR 100"
    datasets[2].PatientName = "MÜLLER^JÜRGEN"
    for ds in datasets:
        ds.StudyDate, ds.Modality, ds.StudyID = "20240102", "CT", "S1"
    return datasets


@needs_dcmtk
def test_dcmtks_archive(store: Store, studies: list[Dataset], tmp_path: Path) -> None:
    """Every level of dcmqrscp is asked, and what is below an answer."""
    with running_archive(tmp_path / "archive", {"PONS": store.dicom_port}) as port:
        send(port, ARCHIVE_AET, *studies)
        put_modality(store, "archive", ARCHIVE_AET, port)
        patients = ask(store, "archive", "Patient", PatientName="ROE*")
        assert [one["PatientID"] for one in answers(store, patients)] == ["Q1"]
        path = ask(store, "archive", "Study", StudyDate="20240101-20240103", PatientName="")
        found = {one["StudyInstanceUID"]: one for one in answers(store, path)}
        assert found.keys() == {ds.StudyInstanceUID for ds in studies}
        assert found[studies[2].StudyInstanceUID]["PatientName"] == "MÜLLER^JÜRGEN"
        assert {one["RetrieveAETitle"] for one in found.values()} == {ARCHIVE_AET}
        instances = ask(store, "archive", "Instance", StudyInstanceUID=studies[0].StudyInstanceUID)
        assert len(answers(store, instances)) == 2

        below = store.http.post(f"{patients}/answers/0/query-studies", json={})
        studies_path = below.json()["Path"]
        assert [one["StudyInstanceUID"] for one in answers(store, studies_path)] == [
            studies[0].StudyInstanceUID
        ]
        below = store.http.post(
            f"{studies_path}/answers/0/query-series", json={"Query": {"Modality": ""}}
        )
        series_path = below.json()["Path"]
        assert [one["Modality"] for one in answers(store, series_path)] == ["CT"]
        below = store.http.post(f"{series_path}/answers/0/query-instances", json={})
        assert len(answers(store, below.json()["Path"])) == 2

        tree = store.http.post("/modalities/archive/find", json={"PatientID": "Q1"}).json()
        assert [len(one["Studies"][0]["Series"]) for one in tree] == [1]
    answer = store.http.post("/modalities/archive/query", json={"Level": "Study"})
    assert answer.status_code == 500
    assert f"connection refused by 127.0.0.1:{port}" in answer.json()["Details"]
    assert len(answers(store, path)) == 2  # of a modality that is not there any more


def instances(store: Store, study_uid: str) -> set[str]:
    """The SOP instance UIDs of a study that the store has."""
    query = {"Level": "Instance", "Query": {"StudyInstanceUID": study_uid}, "Expand": True}
    found = store.http.post("/tools/find", json=query).json()
    return {one["MainDicomTags"]["SOPInstanceUID"] for one in found}


@needs_dcmtk
@pytest.mark.parametrize("method", ["C-MOVE", "C-GET"])
def test_retrieving_from_dcmtks_archive(store: Store, tmp_path: Path, method: str) -> None:
    """What answers tell of comes here: one instance, and then all that the query has found."""
    study = generate_uid()
    datasets = [image("QR", study, number) for number in (1, 2, 3)]
    uids = {ds.SOPInstanceUID for ds in datasets}
    with running_archive(tmp_path / "archive", {"PONS": store.dicom_port}) as port:
        send(port, ARCHIVE_AET, *datasets)
        put_modality(store, "source", ARCHIVE_AET, port, RetrieveMethod=method)
        one = ask(store, "source", "Instance", SOPInstanceUID=datasets[1].SOPInstanceUID)
        (shown,) = answers(store, one)
        assert shown["SOPInstanceUID"] == datasets[1].SOPInstanceUID
        body = b"PONS" if method == "C-MOVE" else b""
        retrieved = store.http.post(f"{one}/answers/0/retrieve", content=body)
        assert retrieved.status_code == 200, retrieved.text
        content = retrieved.json()
        assert (content["RemoteAet"], content["NumberOfCompletedSuboperations"]) == (ARCHIVE_AET, 1)
        assert content["Query"][0]["0008,0018"] == datasets[1].SOPInstanceUID
        eventually("the instance is here", lambda: len(instances(store, study)) == 1)

        path = ask(store, "source", "Study", StudyInstanceUID=study)
        started = store.http.post(f"{path}/retrieve", json={"Asynchronous": True}).json()
        states = ("Success", "Failure")
        job = eventually(
            "the job ends",
            lambda: (found := store.get(started["Path"]))["State"] in states and found,
        )
        assert job["State"] == "Success", job
        assert job["Type"] == {"C-MOVE": "DicomMoveScu", "C-GET": "DicomGetScu"}[method]
        eventually("the study is here", lambda: instances(store, study) == uids)


@needs_dcmtk
def test_an_archive_that_does_not_know_the_target(
    store: Store, studies: list[Dataset], tmp_path: Path
) -> None:
    """The modality's refusal is told with its status."""
    with running_archive(tmp_path / "archive", {}) as port:
        send(port, ARCHIVE_AET, *studies)
        put_modality(store, "stubborn", ARCHIVE_AET, port)
        path = ask(store, "stubborn", "Study", StudyInstanceUID=studies[0].StudyInstanceUID)
        refused = store.http.post(f"{path}/retrieve", content=b"NOBODY")
        assert (refused.status_code, refused.json()["OrthancStatus"]) == (500, 9)
        assert "0xA801" in refused.json()["Details"]


@needs_dcmtk
def test_dcmtks_worklist(store: Store, tmp_path: Path) -> None:
    """Entries of wlmscpfs are found by what is inside of their steps."""
    entries = [entry("Q3", "CT", "20240102"), entry("Q4", "MR", "20240103")]
    with running_worklist(tmp_path / "worklist", entries) as port:
        put_modality(store, "worklist", "WORKLIST", port)
        step = {"Modality": "MR", "ScheduledProcedureStepStartDate": ""}
        query = {"PatientID": "", "ScheduledProcedureStepSequence": [step]}
        answer = store.http.post("/modalities/worklist/find-worklist", json=query)
        assert answer.status_code == 200, answer.text
        (found,) = answer.json()
        assert found["PatientID"] == "Q4"
        (step_found,) = found["ScheduledProcedureStepSequence"]
        assert step_found["ScheduledProcedureStepStartDate"] == "20240103"
        everything = store.http.post("/modalities/worklist/find-worklist", json={"PatientID": ""})
        assert sorted(one["PatientID"] for one in everything.json()) == ["Q3", "Q4"]


def entry(patient_id: str, modality: str, date: str) -> Dataset:
    """An entry of a worklist that has all that wlmscpfs wants."""
    ds, step = Dataset(), Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.AccessionNumber, ds.ReferringPhysicianName = "A1", "R"
    ds.PatientName, ds.PatientID = "ROE^RICHARD", patient_id
    ds.PatientBirthDate, ds.PatientSex = "19700101", "M"
    ds.StudyInstanceUID = generate_uid()
    ds.RequestingPhysician, ds.RequestedProcedureDescription = "Q", "EXAM"
    ds.RequestedProcedureID, ds.RequestedProcedurePriority = "RP1", "LOW"
    step.Modality, step.ScheduledStationAETitle = modality, "STATION"
    step.ScheduledProcedureStepStartDate, step.ScheduledProcedureStepStartTime = date, "101112"
    step.ScheduledPerformingPhysicianName, step.ScheduledProcedureStepDescription = "X", "EXAM"
    step.ScheduledProcedureStepID, step.ScheduledStationName = "S1", "ST"
    step.ScheduledProcedureStepLocation = "L"
    ds.ScheduledProcedureStepSequence = [step]
    return ds


@needs_orthanc
def test_orthanc(store: Store, studies: list[Dataset], tmp_path: Path) -> None:
    """An Orthanc answers as it answers its own kind: counters, names, and what it cannot take."""
    known = {"DicomModalities": {"pons": ["PONS", "127.0.0.1", store.dicom_port]}}
    with running_orthanc(tmp_path / "orthanc", DicomAet="ORTHANC", **known) as orthanc:
        send(orthanc.dicom_port, "ORTHANC", *studies)
        put_modality(store, "orthanc", "ORTHANC", orthanc.dicom_port)
        counters = {"NumberOfStudyRelatedInstances": "", "ModalitiesInStudy": ""}
        path = ask(store, "orthanc", "Study", PatientID="Q*", PatientName="", **counters)
        found = {one["PatientID"]: one for one in answers(store, path)}
        assert found["Q1"]["NumberOfStudyRelatedInstances"] == "2"
        assert found["Q1"]["ModalitiesInStudy"] == "CT"
        assert found["Q2"]["PatientName"] == "MÜLLER^JÜRGEN"
        found_studies = store.http.post("/modalities/orthanc/find-study", json={"PatientID": "Q1*"})
        assert found_studies.status_code == 200, found_studies.text
        put_modality(store, "stranger", "ORTHANC", orthanc.dicom_port, LocalAet="STRANGER")
        refused = store.http.post("/modalities/stranger/query", json={"Level": "Study"})
        assert (refused.status_code, refused.json()["OrthancStatus"]) == (500, 9)


@contextmanager
def endless_archive() -> Iterator[int]:
    """The port of an archive that has answers without end."""

    def endless(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        ds = Dataset()
        ds.QueryRetrieveLevel, ds.StudyComments = "STUDY", "x" * 9000
        while not event.is_cancelled and event.assoc.is_established:
            yield 0xFF00, ds

    entity = AE("ENDLESS")
    entity.add_supported_context(StudyRootQueryRetrieveInformationModelFind)
    with serving(entity, (evt.EVT_C_FIND, endless)) as port:
        yield port


def test_answers_without_end(store: Store) -> None:
    """They are broken off at the bound, and meanwhile take no memory."""
    ask_all = {"Level": "Study"}
    with endless_archive() as port:
        put_modality(store, "endless", "ENDLESS", port)
        kept = store.get("/queries")
        with PeakMemory(store, "egress") as egress, PeakMemory(store, "gateway") as gateway:
            answer = store.http.post("/modalities/endless/query", json=ask_all, timeout=300)
    assert answer.status_code == 500
    assert "answers with more than 64 MB" in answer.json()["Details"]
    assert store.get("/queries") == kept
    assert egress.bytes < 250 * MEGABYTE
    assert gateway.bytes < 250 * MEGABYTE

# SPDX-License-Identifier: Apache-2.0
"""C-FIND on the DICOM port, asked by DCMTK's findscu and by pynetdicom."""

import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.sop_class import (
    CTImageStorage,
    PatientRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelFind,
)

from outside import Store, image
from retrieving import known_modality

needs_dcmtk = pytest.mark.skipif(
    shutil.which("findscu") is None, reason="needs DCMTK (Debian: apt-get install dcmtk)"
)
PATIENT = "FIND-SCP"
STUDIES = generate_uid(), generate_uid()
PENDING, SUCCESS = 0xFF00, 0x0000


def stored_images() -> list[Dataset]:
    """Two studies of one patient: of CT and PT, in 2023, and of CT, in 2024."""
    found = []
    for number, (study, modality, date) in enumerate(
        [
            (STUDIES[0], "CT", "20230115"),
            (STUDIES[0], "PT", "20230115"),
            (STUDIES[0], "PT", "20230115"),
            (STUDIES[1], "CT", "20240102"),
        ]
    ):
        ds = image(PATIENT, study, number + 1)
        ds.SeriesInstanceUID = f"{study[:58]}.{len(modality) + ord(modality[0])}"
        ds.PatientName, ds.Modality, ds.StudyDate = "Müller^Anna", modality, date
        ds.AccessionNumber, ds.StudyTime = f"ACC{date}", "101500"
        ds.SecondaryCaptureDeviceID = f"DEVICE{number}"
        reference = Dataset()
        reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = CTImageStorage, "1.2"
        ds.ReferencedStudySequence = Sequence([reference])
        found.append(ds)
    return found


@pytest.fixture(scope="module")
def searched(store: Store) -> Iterator[Store]:
    """The store, which knows the AE title FINDER, with what is searched."""
    assert store.c_store(*stored_images()) == [0] * 4
    with known_modality(store, "finder", "FINDER", StudyRootQueryRetrieveInformationModelFind):
        yield store


def associate(store: Store, model: str, title: str = "FINDER", **options: Any) -> Association:
    entity = AE(title)
    entity.add_requested_context(model)
    entity.add_requested_context(CTImageStorage)
    assoc = entity.associate("127.0.0.1", store.dicom_port, **options)
    assert assoc.is_established
    return assoc


def ask(
    store: Store,
    level: str,
    model: str = StudyRootQueryRetrieveInformationModelFind,
    **keys: Any,
) -> list[Dataset]:
    """The answers about the patient."""
    ds = Dataset()
    ds.QueryRetrieveLevel, ds.PatientID = level, PATIENT
    for keyword, value in keys.items():
        setattr(ds, keyword, value)
    assoc = associate(store, model)
    try:
        responses = list(assoc.send_c_find(ds, model))
    finally:
        assoc.release()
    assert [status.Status for status, _ in responses] == [PENDING] * (len(responses) - 1) + [0]
    return [found for _, found in responses if found is not None]


@pytest.mark.parametrize(
    ("level", "keys", "count"),
    [
        ("PATIENT", {}, 1),
        ("STUDY", {}, 2),
        ("SERIES", {}, 3),
        ("IMAGE", {}, 4),
        ("STUDY", {"PatientName": "mül*"}, 2),
        ("STUDY", {"PatientName": "MÜLLER^?NNA"}, 2),
        ("STUDY", {"PatientName": "Muller*"}, 0),
        ("STUDY", {"StudyDate": "20230101-20231231"}, 1),
        ("STUDY", {"StudyDate": "20240101-"}, 1),
        ("STUDY", {"StudyTime": "100000-110000"}, 2),
        ("STUDY", {"AccessionNumber": "ACC2023*"}, 1),
        ("STUDY", {"AccessionNumber": "acc2023*"}, 0),
        ("STUDY", {"StudyInstanceUID": list(STUDIES)}, 2),
        ("STUDY", {"StudyInstanceUID": [STUDIES[1], "1.2.3"]}, 1),
        ("STUDY", {"ModalitiesInStudy": "PT"}, 1),
        ("STUDY", {"ModalitiesInStudy": ["MR", "CT"]}, 2),
        ("SERIES", {"StudyInstanceUID": STUDIES[0], "Modality": "PT"}, 1),
        ("IMAGE", {"StudyInstanceUID": STUDIES[0], "Modality": "PT"}, 2),
        ("IMAGE", {"SecondaryCaptureDeviceID": "DEVICE2"}, 1),
    ],
)
def test_matching(searched: Store, level: str, keys: dict[str, Any], count: int) -> None:
    """Wildcards, ranges, lists and attributes of headers find what they should (PS3.4 C.2.2.2)."""
    assert len(ask(searched, level, **keys)) == count


def test_what_is_answered(searched: Store) -> None:
    """Counts, a sequence and an attribute of the header, in the store's character set."""
    (study,) = ask(
        searched,
        "STUDY",
        StudyDate="20230115",
        PatientName="",
        ModalitiesInStudy="",
        SOPClassesInStudy="",
        NumberOfStudyRelatedSeries=None,
        NumberOfStudyRelatedInstances=None,
        ReferencedStudySequence=[],
        BodyPartExamined="",
    )
    assert str(study.PatientName) == "Müller^Anna"
    assert study.SpecificCharacterSet == "ISO_IR 100"
    assert list(study.ModalitiesInStudy) == ["CT", "PT"]
    assert study.SOPClassesInStudy == CTImageStorage
    assert (study.NumberOfStudyRelatedSeries, study.NumberOfStudyRelatedInstances) == (2, 3)
    assert study.ReferencedStudySequence[0].ReferencedSOPInstanceUID == "1.2"
    assert (study.BodyPartExamined, study.RetrieveAETitle) == ("", searched.aet)
    (patient,) = ask(
        searched,
        "PATIENT",
        PatientRootQueryRetrieveInformationModelFind,
        NumberOfPatientRelatedStudies=None,
        NumberOfPatientRelatedInstances=None,
    )
    counts = patient.NumberOfPatientRelatedStudies, patient.NumberOfPatientRelatedInstances
    assert counts == (2, 4)
    assert "PatientName" not in patient


def test_character_set_by_setting(searched: Store) -> None:
    """The setting that REST changes holds for the next answers."""
    for name, term in (("Utf8", "ISO_IR 192"), ("Chinese", "GB18030"), ("Latin1", "ISO_IR 100")):
        assert searched.http.put("/tools/default-encoding", content=name).status_code == 200
        found = ask(
            searched, "PATIENT", PatientRootQueryRetrieveInformationModelFind, PatientName=""
        )
        assert [one.SpecificCharacterSet for one in found] == [term]
        assert [str(one.PatientName) for one in found] == ["Müller^Anna"]


def test_sees_what_it_stored(searched: Store) -> None:
    """What an association has stored, it finds."""
    model = StudyRootQueryRetrieveInformationModelFind
    study = generate_uid()
    assoc = associate(searched, model)
    query = Dataset()
    query.QueryRetrieveLevel, query.StudyInstanceUID = "IMAGE", study
    for number in range(1, 31):
        assert assoc.send_c_store(image("FIND-OWN", study, number)).Status == 0
    assert len(list(assoc.send_c_find(query, model))) == 31
    assoc.release()


def test_permissions(searched: Store) -> None:
    """Who is not known may not ask, though it may store."""
    assoc = associate(searched, StudyRootQueryRetrieveInformationModelFind, "STRANGER")
    assert [str(one.abstract_syntax) for one in assoc.accepted_contexts] == [CTImageStorage]
    assoc.release()


def test_many_at_once(searched: Store) -> None:
    """Finders at once have all the right answers."""
    wrong: list[int] = []

    def find() -> None:
        for _ in range(10):
            found = ask(searched, "IMAGE", SOPInstanceUID="", SeriesInstanceUID="")
            if len(found) != 4:
                wrong.append(len(found))

    finders = [threading.Thread(target=find) for _ in range(8)]
    for finder in finders:
        finder.start()
    for finder in finders:
        finder.join()
    assert wrong == []


@needs_dcmtk
@pytest.mark.parametrize("model", ["-P", "-S"])
@pytest.mark.parametrize("syntax", ["-x=", "-xi"])
def test_findscu(searched: Store, model: str, syntax: str) -> None:
    """DCMTK's client understands the answers, in explicit and in implicit VR."""
    keys = ["QueryRetrieveLevel=STUDY", f"PatientID={PATIENT}", "StudyDate=20230101-20230201"]
    keys += ["NumberOfStudyRelatedInstances", "ModalitiesInStudy", "0008,0000=80", "0002,0002"]
    words = ["findscu", model, syntax, "-aet", "FINDER", "127.0.0.1", str(searched.dicom_port)]
    for key in keys:
        words += ["-k", key]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert re.findall(r"\(0020,1208\).*?\[(.*?)\]", output) == ["3 "]
    assert re.findall(r"\(0008,0061\).*?\[(.*?)\]", output) == ["CT\\PT "]
    assert "(0002,0002)" not in output
    assert "Find Response: 2" not in output


@needs_dcmtk
def test_findscu_with_a_bad_query(searched: Store) -> None:
    """A query that cannot be answered has a status and a comment, and no abort."""
    words = ["findscu", "-v", "-S", "-aet", "FINDER", "127.0.0.1", str(searched.dicom_port)]
    words += ["-k", "QueryRetrieveLevel=STUDY", "-k", "StudyDate=2023*"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    output = done.stdout + done.stderr
    assert "Error: DataSetDoesNotMatchSOPClass" in output, output
    assert "Releasing Association" in output

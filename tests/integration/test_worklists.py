# SPDX-License-Identifier: Apache-2.0
"""Modality worklist: entries made over REST are found by DCMTK's findscu, and survive; files are
answered as DCMTK's own wlmscpfs answers them."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from pydicom import Dataset
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.uid import generate_uid
from pynetdicom import AE
from pynetdicom.sop_class import (  # type: ignore[attr-defined] # made when it is imported
    ModalityWorklistInformationFind,
)

from dcmtk import needs_dcmtk, running_worklist
from outside import Store

STEPS = [
    ("W1", "Doe^Jane", "CT", "CT1", "20240104", "180000"),
    ("W2", "Doe^John", "CT", "CT1", "20240105", "090000"),
    ("W3", "Roe^Jane", "MR", "MR1", "20240105", "143000"),
    ("W4", "Roe^Richard", "MR", "MR2", "20240106", "060000"),
    ("W5", "Smith^Anna", "CT", "CT2", "20240107", "100000"),
]
QUERIES: list[tuple[dict[str, str], dict[str, str]]] = [
    ({}, {}),
    ({"PatientName": "Doe*"}, {}),
    ({"PatientName": "*Jane"}, {}),
    ({"PatientName": "Roe^J?ne"}, {}),
    ({"PatientID": "W5"}, {}),
    ({"PatientID": "W6"}, {}),
    ({}, {"Modality": "MR"}),
    ({}, {"ScheduledStationAETitle": "CT1"}),
    ({}, {"ScheduledProcedureStepStartDate": "20240105"}),
    ({}, {"ScheduledProcedureStepStartDate": "20240105-20240106"}),
    ({}, {"ScheduledProcedureStepStartDate": "20240106-"}),
    ({}, {"ScheduledProcedureStepStartDate": "-20240104"}),
    ({}, {"ScheduledProcedureStepStartTime": "090000-120000"}),
    (
        {},
        {
            "ScheduledProcedureStepStartDate": "20240105",
            "ScheduledProcedureStepStartTime": "120000-",
        },
    ),
    (
        {},
        {
            "ScheduledProcedureStepStartDate": "20240104-20240106",
            "ScheduledProcedureStepStartTime": "170000-070000",
        },
    ),
    (
        {"PatientName": "*Jane"},
        {"Modality": "CT", "ScheduledProcedureStepStartDate": "20240101-20240131"},
    ),
]


def entry(patient: str, name: str, modality: str, station: str, day: str, time: str) -> Dataset:
    """With all that wlmscpfs wants of a file."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.PatientID, ds.PatientName, ds.AccessionNumber = patient, name, f"A{patient}"
    ds.PatientBirthDate, ds.PatientSex = "19800102", "O"
    ds.StudyInstanceUID = generate_uid()
    ds.RequestedProcedureID, ds.RequestedProcedureDescription = f"R{patient}", "Head"
    step = Dataset()
    step.Modality, step.ScheduledStationAETitle = modality, station
    step.ScheduledProcedureStepStartDate, step.ScheduledProcedureStepStartTime = day, time
    step.ScheduledProcedureStepID, step.ScheduledProcedureStepDescription = f"S{patient}", "Head"
    step.ScheduledPerformingPhysicianName = "House^Gregory"
    ds.ScheduledProcedureStepSequence = [step]
    return ds


def add(ds: Dataset, keys: dict[str, str]) -> Dataset:
    for keyword, value in keys.items():
        tag = tag_for_keyword(keyword) or 0
        ds.add(DataElement(tag, dictionary_VR(tag), value, validation_mode=IGNORE))
    return ds


def ask(port: int, keys: dict[str, str], step: dict[str, str]) -> list[tuple[Any, ...]]:
    """What the answers say of patient and step, sorted."""
    shown = dict.fromkeys(("Modality", "ScheduledProcedureStepStartDate"), "")
    asked = add(Dataset(), {"PatientID": "", "PatientName": "", "AccessionNumber": "", **keys})
    asked.ScheduledProcedureStepSequence = [add(Dataset(), {**shown, **step})]
    entity = AE("FINDER")
    entity.add_requested_context(ModalityWorklistInformationFind)
    assoc = entity.associate("127.0.0.1", port, ae_title="WORKLIST")
    assert assoc.is_established
    responses = list(assoc.send_c_find(asked, ModalityWorklistInformationFind))
    assoc.release()
    assert responses[-1][0].Status == 0
    found = [one for _, one in responses if one is not None]
    return sorted(
        (
            one.PatientID,
            str(one.PatientName),
            one.AccessionNumber,
            *(
                (part.Modality, part.ScheduledProcedureStepStartDate)
                for part in one.ScheduledProcedureStepSequence
            ),
        )
        for one in found
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "worklists").mkdir()
    return tmp_path / "worklists"


@pytest.fixture
def scheduling(fresh_store: Callable[..., Store], folder: Path) -> Store:
    """A store whose worklist is open to all, with a folder of files."""
    settings = {
        "PONS_DICOM_ALWAYS_ALLOW_FIND_WORKLIST": "true",
        "PONS_WORKLISTS_FOLDER": str(folder),
    }
    return fresh_store("scheduling", **settings)


@needs_dcmtk
def test_files_are_answered_as_dcmtk_does(scheduling: Store, folder: Path) -> None:
    """The same folder and the same queries, by wlmscpfs and by the store."""
    with running_worklist(folder, [entry(*step) for step in STEPS]) as port:
        for keys, step in QUERIES:
            expected = ask(port, keys, step)
            assert ask(scheduling.dicom_port, keys, step) == expected, (keys, step)
        assert len(ask(port, {}, {})) == len(STEPS)


@needs_dcmtk
def test_entries_made_over_rest(scheduling: Store) -> None:
    """Found by findscu, replaced, still there when everything has been killed, ended."""
    tags = {
        "PatientID": "R1",
        "PatientName": "Müller^Anna",
        "ScheduledProcedureStepSequence": [
            {"Modality": "CT", "ScheduledProcedureStepStartDate": "29990101"}
        ],
    }
    made = scheduling.http.post("/worklists/create", json={"Tags": tags})
    assert made.status_code == 200, made.text
    path = made.json()["Path"]
    assert scheduling.get(path)["Tags"]["PatientName"] == "Müller^Anna"
    assert findscu(scheduling, "PatientName=m*", "PatientID") == ["R1"]
    assert findscu(scheduling, "PatientID", STEP_MODALITY + "=MR") == []
    assert findscu(scheduling, "PatientID", STEP_DATE + "=29990101-") == ["R1"]
    assert findscu(scheduling, "PatientID", STEP_DATE + "=-29981231") == []
    replaced = scheduling.http.put(path, json={"Tags": tags | {"PatientID": "R2"}})
    assert replaced.status_code == 200, replaced.text
    assert findscu(scheduling, "PatientID") == ["R2"]
    family = scheduling.kill_launcher()
    _, left = psutil.wait_procs(family, 90)  # they answer until they end
    assert left == []
    scheduling.start()
    assert findscu(scheduling, "PatientID") == ["R2"]
    assert scheduling.http.delete(path).status_code == 200
    assert findscu(scheduling, "PatientID") == []
    assert scheduling.http.get(path).status_code == 404


STEP_MODALITY = "ScheduledProcedureStepSequence[0].Modality"
STEP_DATE = "ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartDate"


def findscu(store: Store, *keys: str) -> list[str]:
    """The PatientID of each answer."""
    words = ["findscu", "-W", "-aet", "FINDER", "127.0.0.1", str(store.dicom_port)]
    for key in keys:
        words += ["-k", key]
    done = subprocess.run(words, capture_output=True, encoding="latin-1", timeout=60)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    return [one.strip() for one in re.findall(r"\(0010,0020\).*?\[(.*?)\]", output)]

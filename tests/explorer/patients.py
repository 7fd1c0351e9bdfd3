# SPDX-License-Identifier: Apache-2.0
"""The patients of the store that the browser looks at."""

from io import BytesIO

from pydicom import Dataset

from outside import Store, image

FAMILIES = ("Müller", "Schneider", "Dubois", "Weiß", "Okafor", "Sørensen")
GIVEN = ("Anna", "Jörg", "Claire", "Tarou")
STUDIES = 240


def scan(number: int, name: str, patient_id: str, date: str, description: str = "") -> Dataset:
    """One image of a study of its own."""
    ds = image(patient_id, f"1.2.826.0.1.3680043.8.498.77.{number}", number)
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName, ds.StudyDate, ds.StudyTime = name, date, f"{8 + number % 12:02}1500"
    ds.PatientBirthDate, ds.PatientSex = f"19{40 + number % 60:02}0312", "FM"[number % 2]
    ds.StudyDescription, ds.AccessionNumber = description, f"A{number:05}"
    ds.Modality = ("CT", "MR", "RTDOSE")[number % 3]
    return ds


def encoded(ds: Dataset) -> bytes:
    buffer = BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def send(store: Store, ds: Dataset) -> str:
    """The identifier of the study."""
    answer = store.http.post("/instances", content=encoded(ds))
    assert answer.status_code == 200, answer.text
    study: str = answer.json()["ParentStudy"]
    return study


def fill(store: Store) -> None:
    """Send STUDIES studies; the newest is of Okafor, of the last day of November."""
    for number in range(STUDIES):
        family, given = FAMILIES[number % 6], GIVEN[number % 4]
        date = f"2026{number % 11 + 1:02}{number % 28 + 1:02}"
        ds = scan(number, f"{family}^{given}", f"P{number:04}", date, "Thorax")
        if number == 4:
            ds.StudyDate, ds.StudyDescription = "20261130", "Newest"
        send(store, ds)

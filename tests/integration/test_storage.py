# SPDX-License-Identifier: Apache-2.0
"""A store that compresses, that is full, and that reads its files again."""

import io
from collections.abc import Callable
from typing import Any

from pydicom import Dataset

from outside import Store, eventually, image
from pons_testing.folders import take_away


def file_of(ds: Dataset) -> bytes:
    written = io.BytesIO()
    ds.save_as(written, enforce_file_format=True)
    return written.getvalue()


def upload(store: Store, ds: Dataset) -> dict[str, Any]:
    answer = store.http.post("/instances", content=file_of(ds))
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


def patient_ids(store: Store) -> list[str]:
    patients = store.get("/patients", expand="")
    return sorted(patient["MainDicomTags"]["PatientID"] for patient in patients)


def test_a_compressing_store_gives_files_back(fresh_store: Callable[..., Store]) -> None:
    """Objects are smaller than files; files, pictures and tags are those of any other store."""
    store = fresh_store("packed", PONS_STORAGE_COMPRESSION="true")
    ds = image(rows=256)
    identifier = upload(store, ds)["ID"]
    assert store.http.get(f"/instances/{identifier}/file").content == file_of(ds)
    assert store.http.get(f"/instances/{identifier}/preview").status_code == 200
    assert store.get(f"/instances/{identifier}/tags", whole="", simplify="")["PatientID"] == "P1"
    statistics = store.get(f"/instances/{identifier}/statistics")
    assert statistics["DicomUncompressedSize"] == str(len(file_of(ds)))
    assert int(statistics["DicomDiskSize"]) == sum(path.stat().st_size for path in store.objects())
    assert int(statistics["DicomDiskSize"]) < len(file_of(ds)) / 2
    assert store.http.post("/tools/reconstruct", json={"ReconstructFiles": True}).content == b""
    assert store.http.get(f"/instances/{identifier}/file").content == file_of(ds)


def test_a_full_store_recycles_or_refuses(fresh_store: Callable[..., Store]) -> None:
    """The oldest patient makes room for another; when all are protected, newcomers hear it, over
    HTTP and DICOM, and what is there stays."""
    store = fresh_store("full", PONS_STORAGE_MAXIMUM_PATIENTS="2")
    for name in ("A", "B", "C"):
        upload(store, image(name))
    assert patient_ids(store) == ["B", "C"]
    for identifier in store.get("/patients"):
        answer = store.http.put(f"/patients/{identifier}/protected", content="1")
        assert (answer.status_code, answer.content) == (200, b"")
    refused = store.http.post("/instances", content=file_of(image("D")))
    assert (refused.status_code, refused.json()["OrthancStatus"]) == (507, 19)
    assert store.c_store(image("E"), image("C")) == [0xA700, 0x0000]
    assert patient_ids(store) == ["B", "C"]
    assert store.http.post("/tools/bulk-delete", json={"Resources": store.get("/studies")})
    assert patient_ids(store) == []


def test_a_folder_of_objects_that_is_away_and_comes_back(fresh_store: Callable[..., Store]) -> None:
    """Meanwhile nothing is acknowledged, though the index starts anew and makes an empty folder."""
    store = fresh_store("away")
    kept = {upload(store, image(f"P{number}"))["ID"] for number in range(3)}
    objects, away = store.data / "objects", store.data / "away"
    objects.rename(away)
    store.kill("index")
    eventually("an empty folder is made", (objects / "away" / "ff").is_dir)
    for _ in range(3):
        assert store.http.post("/instances", content=file_of(image("LOST"))).status_code == 503
        assert store.http.get(f"/instances/{min(kept)}/file").status_code == 503
    assert store.http.get("/health/ready").status_code == 503
    assert store.objects() == []
    take_away(objects)
    away.rename(objects)
    store.wait_until_ready()
    kept.add(upload(store, image("AFTER"))["ID"])
    assert set(store.get("/instances")) == kept
    for identifier in kept:
        assert store.http.get(f"/instances/{identifier}/file").status_code == 200

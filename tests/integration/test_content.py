# SPDX-License-Identifier: Apache-2.0
"""What is inside files, of a store that compresses them: raw values, JSON, order, copies."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian

from outside import Store, image


def upload(store: Store, ds: Dataset) -> str:
    file = BytesIO()
    ds.save_as(file, enforce_file_format=True)
    identifier: str = store.http.post("/instances", content=file.getvalue()).json()["ID"]
    return identifier


def test_inside_of_files(fresh_store: Callable[..., Store], tmp_path: Path) -> None:
    """Values come as written, also of deflated files, and slices in the order of their places."""
    store = fresh_store("inside", PONS_STORAGE_COMPRESSION="true", PONS_HTTP_ALLOW_EXPORT="true")
    first = image("INSIDE", rows=64)
    second = image("INSIDE", first.StudyInstanceUID, 2, rows=64)
    second.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    for ds, place in ((first, 5), (second, -5)):
        ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        ds.ImagePositionPatient = [0, 0, place]
    one, other = upload(store, first), upload(store, second)
    for identifier, ds in ((one, first), (other, second)):
        content = f"/instances/{identifier}/content"
        assert store.http.get(f"{content}/0010-0020").content == b"INSIDE"
        assert store.http.get(f"{content}/PixelData/0").content == ds.PixelData
        assert store.get(f"{content}/7fe0-0010") == ["0"]
        assert store.http.get(f"{content}/0008-1115/0").status_code == 404
        accept = {"accept": "application/dicom+json"}
        model = store.http.get(f"/instances/{identifier}/file", headers=accept).json()
        assert Dataset.from_json(model).PixelData == ds.PixelData
    series = store.get(f"/instances/{one}/series")["ID"]
    ordered = store.get(f"/series/{series}/ordered-slices")
    assert (ordered["Type"], [short[0] for short in ordered["SlicesShort"]]) == (
        "Volume",
        [other, one],
    )
    target = tmp_path / "copy.dcm"
    assert store.http.post(f"/instances/{one}/export", content=str(target)).status_code == 200
    assert dcmread(target).SOPInstanceUID == first.SOPInstanceUID

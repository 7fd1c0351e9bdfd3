# SPDX-License-Identifier: Apache-2.0
"""A whole store on S3 instead of a folder: the same ways in and out."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from pydicom import dcmread, dcmwrite

from outside import Store, eventually, image


def test_a_store_on_s3_receives_shows_and_forgets(
    fresh_store: Callable[..., Store], s3_server: dict[str, str], tmp_path: Path
) -> None:
    """C-STORE and REST end in the bucket, come back whole, and leave it when deleted."""
    store = fresh_store("s3", PONS_STORAGE_COLLECT_INTERVAL="1", **s3_server)
    sent = [image("S3", number=number) for number in range(1, 9)]
    assert store.c_store(*sent[:6]) == [0] * 6
    for ds in sent[6:]:
        file = BytesIO()
        dcmwrite(file, ds, enforce_file_format=True)
        assert store.http.post("/instances", content=file.getvalue()).json()["Status"] == "Success"
    pixels = {ds.SOPInstanceUID: ds.PixelData for ds in sent}
    identifiers = eventually("they are listed", lambda: eight(store))
    assert len(in_bucket(tmp_path)) == 8
    for identifier in identifiers:
        ds = dcmread(BytesIO(store.http.get(f"/instances/{identifier}/file").content))
        assert ds.PixelData == pixels[ds.SOPInstanceUID]
        assert store.http.get(f"/instances/{identifier}/preview").status_code == 200
        assert store.http.get(f"/instances/{identifier}/frames/0/raw").content == ds.PixelData
    for patient in store.get("/patients"):
        store.http.delete(f"/patients/{patient}")
    eventually("the bucket is empty", lambda: not in_bucket(tmp_path))


def eight(store: Store) -> list[str] | None:
    identifiers: list[str] = store.get("/instances")
    return identifiers if len(identifiers) == 8 else None


def in_bucket(folder: Path) -> list[Path]:
    return list((folder / "buckets" / "images").glob("*/??/??/*"))

# SPDX-License-Identifier: Apache-2.0
"""A whole store on S3 instead of a folder: the same ways in and out."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread, dcmwrite

from outside import Store, eventually, image


@pytest.fixture
def s3_server(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Settings for a bucket on an S3 server of this test's own; its files are in `s3`."""
    program = shutil.which("rclone", path=os.path.dirname(sys.executable)) or "rclone"
    log = tmp_path / "rclone.log"
    (tmp_path / "buckets").mkdir()
    command = [program, "serve", "s3", "--config", "", "--addr", "127.0.0.1:0"]
    command += ["--auth-key", "integration,integration-secret", "--vfs-read-wait", "0"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, str(tmp_path / "buckets")], stdout=output, stderr=subprocess.STDOUT
        )
    try:
        address = eventually(
            "the S3 server listens",
            lambda: re.search(r"http://(127\.0\.0\.1:\d+)", log.read_text(errors="replace")),
        )
        yield {
            "PONS_STORAGE_KIND": "s3",
            "PONS_STORAGE_S3_ENDPOINT": address[1],
            "PONS_STORAGE_S3_BUCKET": "images",
            "PONS_STORAGE_S3_ACCESS_KEY": "integration",
            "PONS_STORAGE_S3_SECRET_KEY": "integration-secret",
            "PONS_STORAGE_S3_SECURE": "false",
            "PONS_STORAGE_S3_REGION": "us-east-1",
        }
    finally:
        process.terminate()
        process.wait(10)


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
    return [path for path in (folder / "buckets" / "images").rglob("*") if path.is_file()]

# SPDX-License-Identifier: Apache-2.0
"""The store as a network drive, through rclone: browse, download, upload, delete."""

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import httpx
from pydicom import dcmread, dcmwrite

from outside import Store, eventually, image

RCLONE = shutil.which("rclone", path=sysconfig.get_path("scripts")) or "rclone"


def rclone(store: Store, *words: str) -> str:
    """What rclone prints; `drive:` is the share of the store."""
    url = f"http://127.0.0.1:{store.http_port}/webdav/"
    drive = {"RCLONE_CONFIG_DRIVE_TYPE": "webdav", "RCLONE_CONFIG_DRIVE_URL": url}
    done = subprocess.run(
        [RCLONE, "--config", os.devnull, "--retries", "1", *words],
        env={**os.environ, **drive},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_folder_is_uploaded_and_downloaded(
    fresh_store: Callable[..., Store], tmp_path: Path
) -> None:
    """What goes in through `uploads` is found in every folder, byte by byte; then it is deleted."""
    store = fresh_store("drive", PONS_WEBDAV_ALLOW_DELETE="true")
    first = image("DRIVE/1")
    folder = tmp_path / "in" / "deeper"
    folder.mkdir(parents=True)
    for number in range(1, 6):
        ds = image("DRIVE/1", first.StudyInstanceUID, number)
        dcmwrite(folder / f"{number}.dcm", ds, enforce_file_format=True)
    (folder / "readme.txt").write_text("not DICOM")
    rclone(store, "copy", str(tmp_path / "in"), "drive:uploads")
    assert store.get("/statistics")["CountInstances"] == 5

    wanted = sorted(path.read_bytes() for path in folder.glob("*.dcm"))
    names = rclone(store, "lsf", "drive:by-patients").splitlines()
    assert names == ["DRIVE／1 - Test Patient/"]
    for number, way in enumerate(
        (
            "by-patients/DRIVE／1 - Test Patient/20240102",
            "by-studies/DRIVE／1 - Test Patient",
            "by-dates/2024/2024-01",
            f"by-uids/{first.StudyInstanceUID}",
        )
    ):
        target = tmp_path / f"out{number}"
        rclone(store, "copy", f"drive:{way}", str(target))
        assert sorted(path.read_bytes() for path in target.rglob("*.dcm")) == wanted
    assert (tmp_path / "out3" / "study.json").is_file()
    rclone(store, "purge", f"drive:by-uids/{first.StudyInstanceUID}")
    eventually("all of it is gone", lambda: store.get("/statistics")["CountInstances"] == 0)


def test_a_zip_is_unpacked(store: Store, tmp_path: Path) -> None:
    """A ZIP that is dropped is stored file by file."""
    inside = tmp_path / "inside"
    inside.mkdir()
    for number in (1, 2):
        ds = image("DROPPED", number=number)
        dcmwrite(inside / f"{number}.dcm", ds, enforce_file_format=True)
    archive = shutil.make_archive(str(tmp_path / "two"), "zip", inside)
    rclone(store, "copy", archive, "drive:uploads")
    found = rclone(store, "lsf", "-R", "--files-only", "drive:by-patients/DROPPED - Test Patient")
    files = found.splitlines()
    assert len(files) == 2
    answer = httpx.get(
        f"http://127.0.0.1:{store.http_port}/webdav/by-patients/DROPPED - Test Patient/{files[0]}"
    )
    assert dcmread(BytesIO(answer.content)).PatientID == "DROPPED"

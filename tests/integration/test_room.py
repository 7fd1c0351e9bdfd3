# SPDX-License-Identifier: Apache-2.0
"""A store on a small disk of its own, which others fill."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from pydicom import Dataset, dcmwrite

from outside import Store, eventually, image, running

SIZE = "500m"
MOUNT = f'mount -t tmpfs -o size={SIZE} none "$0" && exec "$@"'


def on_small_disk(folder: Path) -> list[str] | None:
    """Words before a command that run it with a disk of 500 MB at `folder`, if possible."""
    for options in (["--mount"], ["--user", "--map-root-user", "--mount"]):
        command = ["unshare", *options, "sh", "-c", MOUNT, str(folder)]
        if (
            shutil.which("unshare")
            and not subprocess.run([*command, "true"], capture_output=True).returncode
        ):
            return command
    return None


def as_file(ds: Dataset) -> bytes:
    file = BytesIO()
    dcmwrite(file, ds, enforce_file_format=True)
    return file.getvalue()


@dataclass
class SmallStore(Store):
    """A store whose data folder is on a disk that only its processes see."""

    def command(self, *words: str) -> list[str]:
        prefix = on_small_disk(self.data.parent) if words == ("up",) else []
        return [*(prefix or []), *super().command(*words)]

    @property
    def disk(self) -> Path:
        """The disk as this process reaches it."""
        return Path(f"/proc/{self.pid}/root{self.data.parent}")

    def fill(self) -> None:
        """Take all that is left, and a little more often."""
        with (self.disk / "filler").open("ab", buffering=0) as filler, suppress(OSError):
            for size in (1 << 20, 4096):
                with suppress(OSError):
                    while True:
                        filler.write(bytes(size))

    def free(self) -> int:
        return shutil.disk_usage(self.disk).free


def answers(store: Store) -> bool:
    """Whether the index does, which may take longer than anybody waits while its disk is full."""
    try:
        return store.http.get("/patients").status_code == 200
    except httpx.HTTPError:
        return False


def takes(store: Store, ds: Dataset) -> bool:
    try:
        return store.c_store(ds) == [0]
    except OSError:
        return False


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallStore]:
    """Started for the first time, with 500 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if on_small_disk(disk) is None:
        pytest.skip("needs a disk of its own: run as root, or allow user namespaces")
    with running(SmallStore("small", disk / "data")) as store:
        yield store


def test_a_full_disk_still_deletes(small: SmallStore) -> None:
    """It starts on a small disk, refuses what is new when that is full, and deletes."""
    assert "has 499 MB free, a new store should have 1024 MB" in small.tail()
    kept, gone = image("KEPT"), image("GONE", rows=1000)
    assert small.c_store(kept, gone) == [0, 0]
    (patient,) = small.http.post(
        "/tools/find", json={"Level": "Patient", "Query": {"PatientID": "GONE"}}
    ).json()
    reserve = small.disk / "data" / "reserve"
    eventually("the reserve is there", reserve.exists)
    small.fill()
    refused = small.http.post("/instances", content=as_file(image("NEW")))
    assert refused.status_code == 507
    assert "MB free, 32 MB are needed" in refused.json()["Details"]
    assert small.c_store(image("NEW")) == [0xA700]
    # What the file system says is good for a second at most.
    eventually("health says so", lambda: small.get("/health/ready").get("shortages"))
    assert small.http.delete(f"/patients/{patient}").status_code == 200
    assert not reserve.exists()
    assert small.free() > 30 << 20
    assert small.http.post("/instances", content=as_file(image("NEW"))).status_code == 507
    (small.disk / "filler").unlink()
    eventually("the reserve is there again", reserve.exists)
    assert small.c_store(image("NEW")) == [0]
    assert small.get("/statistics")["CountPatients"] == 2


def test_a_store_that_was_crowded_out_comes_back(small: SmallStore) -> None:
    """Servers that could not write, and such that died, work again without anybody's help."""
    assert small.c_store(image("FIRST")) == [0]
    eventually("the reserve is there", (small.disk / "data" / "reserve").exists)
    small.fill()
    for kind in ("nats", "postgres", "index"):
        small.kill(kind)
    eventually("the index answers", lambda: answers(small))
    small.fill()
    (small.disk / "filler").unlink()
    eventually("it is taken", lambda: takes(small, image("SECOND")))
    eventually("both are there", lambda: small.get("/statistics")["CountPatients"] == 2)

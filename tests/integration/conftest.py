# SPDX-License-Identifier: Apache-2.0
"""Stores for the integration tests: one shared by most, fresh ones where a test needs its own."""

import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from outside import Store, eventually, running
from pons_testing.pynetdicom_faults import close_every_socket, lose_no_answer
from secured import Pki, SecureStore

logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)  # a refused connection is no news here
close_every_socket()
lose_no_answer()


@pytest.fixture(scope="package")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store that stays up for all tests of this folder; they use patients of their own."""
    with running(Store("main", tmp_path_factory.mktemp("main") / "data")) as started:
        yield started


@pytest.fixture
def fresh_store(tmp_path: Path) -> Iterator[Callable[..., Store]]:
    """Starts stores of a test's own: `fresh_store("nm", PONS_INDEX_STABLE_AGE="1")`."""
    with ExitStack() as stack:

        def start(name: str = "fresh", *options: str, **environment: str) -> Store:
            store = Store(name, tmp_path / name / "data", environment, options)
            store.data.parent.mkdir()
            return stack.enter_context(running(store))

        yield start


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
        process.wait(60)


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki.issued(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="package")
def secure_store(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store that speaks TLS alone; peers may show a certificate, and need not."""
    data = tmp_path_factory.mktemp("secure") / "data"
    with running(SecureStore("secure", data, pki.settings())) as started:
        yield started

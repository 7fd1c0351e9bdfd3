# SPDX-License-Identifier: Apache-2.0
"""Debian's Orthanc as the other side of the tests of running stores."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from outside import eventually, free_ports

ORTHANC = shutil.which("Orthanc", path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")

needs_orthanc = pytest.mark.skipif(
    ORTHANC is None, reason="needs Orthanc (apt-get install orthanc)"
)


@dataclass
class Orthanc:
    """One that runs: its REST API and its DICOM port."""

    http: httpx.Client
    http_port: int
    dicom_port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}/"


@contextmanager
def running_orthanc(folder: Path, **options: Any) -> Iterator[Orthanc]:
    """An empty Orthanc on loopback without users; `options` of its configuration file win."""
    assert ORTHANC
    folder.mkdir()
    http_port, dicom_port = free_ports(2)
    configuration = {
        "StorageDirectory": str(folder / "data"),
        "IndexDirectory": str(folder / "data"),
        "HttpPort": http_port,
        "DicomPort": dicom_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "Plugins": [],
        **options,
    }
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    users = configuration.get("RegisteredUsers", {})
    log = folder / "orthanc.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [ORTHANC, str(folder / "orthanc.json")], stdout=output, stderr=subprocess.STDOUT
        )
    with httpx.Client(
        base_url=f"http://127.0.0.1:{http_port}",
        auth=next(iter(users.items()), None),
        timeout=60,
        limits=httpx.Limits(max_keepalive_connections=0),  # it ends them as a request may come
    ) as http:

        def answers() -> bool:
            assert process.poll() is None, log.read_text(errors="replace")[-3000:]
            try:
                return http.get("/system").status_code == 200
            except httpx.TransportError:
                return False

        try:
            eventually("Orthanc answers", answers)
            yield Orthanc(http, http_port, dicom_port)
        finally:
            process.terminate()
            process.wait(60)

# SPDX-License-Identifier: Apache-2.0
"""DICOM TLS between a store that reads Orthanc's options and Debian's Orthanc, in both roles."""

import json
import subprocess
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import generate_uid

from orthanc import needs_orthanc, running_orthanc
from outside import image, running
from secured import SecureStore

ISSUED = (
    "openssl req -newkey rsa:2048 -nodes -subj /CN={name} -keyout {name}.key -out {name}.csr",
    "openssl x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -days 2 -out {name}.crt",
)


def issue(folder: Path, name: str) -> dict[str, Any]:
    """Orthanc's options for one side, whose certificate the authority in `folder` signs."""
    authority = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca -keyout ca.key"
    commands = [f"{authority} -out ca.crt"] if not (folder / "ca.crt").exists() else []
    for command in [*commands, *(one.format(name=name) for one in ISSUED)]:
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    return {
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": str(folder / f"{name}.crt"),
        "DicomTlsPrivateKey": str(folder / f"{name}.key"),
        "DicomTlsTrustedCertificates": str(folder / "ca.crt"),
    }


@needs_orthanc
@pytest.mark.timeout(180)
def test_orthanc_in_both_roles(tmp_path: Path) -> None:
    """Each sends an instance to the other and asks for it; without TLS neither answers."""
    ours, theirs = issue(tmp_path, "pons"), issue(tmp_path, "orthanc")
    (tmp_path / "pons.json").write_text(json.dumps(ours | {"DicomAet": "PONS"}))
    options = ("--orthanc-config", str(tmp_path / "pons.json"))
    with running(SecureStore("tls", tmp_path / "data", options=options)) as store:
        known = {"DicomAet": "ORTHANC", "DicomAlwaysAllowFind": True, **theirs}
        with running_orthanc(tmp_path / "orthanc", **known) as orthanc:
            there = {"AET": "ORTHANC", "Host": "127.0.0.1", "Port": orthanc.dicom_port}
            here = {"AET": "PONS", "Host": "127.0.0.1", "Port": store.dicom_port}
            for http, described in ((store.http, there), (orthanc.http, here)):
                for name, tls in (("secure", True), ("plain", False)):
                    body = described | {"UseDicomTls": tls}
                    assert http.put(f"/modalities/{name}", json=body).status_code == 200
                assert http.post("/modalities/secure/echo", json={}).status_code == 200
                assert http.post("/modalities/plain/echo", json={}).status_code != 200
            for source, target in ((store.http, orthanc.http), (orthanc.http, store.http)):
                ds = image("TLS", generate_uid())
                file = BytesIO()
                ds.save_as(file, enforce_file_format=True)
                sent = source.post("/instances", content=file.getvalue()).json()["ID"]
                done = source.post("/modalities/secure/store", json=[sent])
                assert done.status_code == 200, done.text
                assert target.get(f"/instances/{sent}").status_code == 200
                query = {"Level": "Study", "Query": {"StudyInstanceUID": ds.StudyInstanceUID}}
                if source is store.http:
                    asked = source.post("/modalities/secure/query", json=query)
                    assert asked.status_code == 200, asked.text
                    assert len(source.get(asked.json()["Path"] + "/answers").json()) == 1

# SPDX-License-Identifier: Apache-2.0
"""Retrieving from other archives, sending straight to them, and what they keep for good."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom import Dataset
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from dcmtk import ARCHIVE_AET, needs_dcmtk, running_archive
from orthanc import Orthanc, needs_orthanc, running_orthanc
from outside import TAKEN_OVER, Store, eventually, image

FILES = ("CT_small.dcm", "MR_small.dcm", "JPEG2000.dcm")


def put_modality(store: Store, name: str, aet: str, port: int) -> None:
    body = {"AET": aet, "Host": "127.0.0.1", "Port": port}
    assert store.http.put(f"/modalities/{name}", json=body).status_code == 200


def post(store: Store, path: str, body: Any) -> Any:
    answer = store.http.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def file_of(dataset: Dataset) -> bytes:
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def example(name: str) -> bytes:
    path = get_testdata_file(name)
    assert isinstance(path, str)
    return Path(path).read_bytes()


@pytest.fixture
def orthanc(store: Store, tmp_path: Path) -> Iterator[Orthanc]:
    """An Orthanc that knows the store as `pons`, and which the store knows as `orthanc`."""
    known = {"pons": ["PONS", "127.0.0.1", store.dicom_port]}
    with running_orthanc(
        tmp_path / "orthanc", DicomAet="ARCHIVE", DicomModalities=known
    ) as running:
        put_modality(store, "orthanc", "ARCHIVE", running.dicom_port)
        yield running
        store.http.delete("/modalities/orthanc")


@needs_orthanc
@pytest.mark.parametrize("method", ["get", "move"])
def test_retrieval_from_orthanc(store: Store, orthanc: Orthanc, method: str) -> None:
    """Studies come with their pixels as the archive has them, compressed ones too."""
    for name in FILES:
        assert orthanc.http.post("/instances", content=example(name)).status_code == 200
    datasets = [pydicom.dcmread(BytesIO(example(name))) for name in FILES]
    resources = [{"StudyInstanceUID": str(ds.StudyInstanceUID)} for ds in datasets]
    told = post(store, f"/modalities/orthanc/{method}", {"Level": "Study", "Resources": resources})
    assert [one["DimseErrorStatus"] for one in told["Details"]] == [0] * len(FILES)
    for ds, one in zip(datasets, told["Details"], strict=True):
        [found] = store.http.post("/tools/lookup", content=str(ds.SOPInstanceUID)).json()
        assert one["ReceivedInstancesIds"] == [found["ID"]]
        got = pydicom.dcmread(BytesIO(store.http.get(f"{found['Path']}/file").content))
        assert got.PixelData == ds.PixelData
        assert got.file_meta.TransferSyntaxUID == ds.file_meta.TransferSyntaxUID
        assert store.get(f"{found['Path']}/metadata", expand="")["RemoteAET"] == "ARCHIVE"
        store.http.delete(found["Path"])


@needs_orthanc
def test_what_orthanc_keeps_for_good(store: Store, orthanc: Orthanc) -> None:
    """It reports what it has got, after which that can be removed here; not what it has not."""
    ds = image("KEPT", generate_uid())
    sent = store.http.post("/instances", content=file_of(ds)).json()["ID"]
    body = {"Resources": [sent], "StorageCommitment": True}
    told = post(store, "/modalities/orthanc/store", body)
    path = f"/storage-commitment/{told['StorageCommitmentTransactionUID']}"
    eventually("the report comes", lambda: store.get(path)["Status"] != "Pending")
    reference = {"SOPClassUID": str(ds.SOPClassUID), "SOPInstanceUID": str(ds.SOPInstanceUID)}
    assert store.get(path) == {
        "RemoteAET": "ARCHIVE",
        "Status": "Success",
        "Success": [reference],
        "Failures": [],
    }
    missing = [str(ds.SOPClassUID), generate_uid()]
    body = {"Resources": [sent], "DicomInstances": [missing]}
    asked = post(store, "/modalities/orthanc/storage-commitment", body)["Path"]
    eventually("the report comes", lambda: store.get(asked)["Status"] != "Pending")
    report = store.get(asked)
    assert (report["Status"], report["Success"]) == ("Failure", [reference])
    [failure] = report["Failures"]
    assert (failure["SOPInstanceUID"], failure["FailureReason"]) == (missing[1], 0x0112)
    assert store.http.post(f"{asked}/remove").status_code == 409
    assert store.http.get(f"/instances/{sent}").status_code == 200
    assert post(store, f"{path}/remove", {}) == {}
    assert store.http.get(f"/instances/{sent}").status_code == 404
    assert orthanc.http.get("/statistics").json()["CountInstances"] == 1


@needs_orthanc
def test_a_file_goes_straight_to_orthanc(store: Store, orthanc: Orthanc) -> None:
    """It arrives there, and nothing of it stays here."""
    before = store.get("/statistics")["CountInstances"]
    ds = image("STRAIGHT", generate_uid())
    answer = store.http.post("/modalities/orthanc/store-straight", content=file_of(ds))
    assert answer.json() == {
        "SOPClassUID": str(ds.SOPClassUID),
        "SOPInstanceUID": str(ds.SOPInstanceUID),
    }
    assert orthanc.http.get("/statistics").json()["CountInstances"] == 1
    assert store.get("/statistics")["CountInstances"] == before
    refused = store.http.post("/modalities/orthanc/store-straight", content=b"nope")
    assert refused.status_code == 400


@needs_dcmtk
def test_egress_dies_while_it_retrieves(store: Store, tmp_path: Path) -> None:
    """The job goes on in the next egress, and every study has come in the end."""
    datasets = [image(f"R{number}", generate_uid()) for number in range(40)]
    with running_archive(tmp_path / "archive", {"PONS": store.dicom_port}) as port:
        put_modality(store, "archive", ARCHIVE_AET, port)
        for ds in datasets:
            answer = store.http.post("/modalities/archive/store-straight", content=file_of(ds))
            assert answer.status_code == 200, answer.text
        resources = [{"StudyInstanceUID": str(ds.StudyInstanceUID)} for ds in datasets]
        body = {"Level": "Study", "Resources": resources, "Asynchronous": True}
        path = post(store, "/modalities/archive/get", body)["Path"]
        eventually("some have come", lambda: store.get(path)["Progress"] > 5)
        store.kill("egress")
        eventually(
            "the job has ended",
            lambda: store.get(path)["State"] in ("Success", "Failure"),
            TAKEN_OVER,
        )
    job = store.get(path)
    assert (job["State"], job["ErrorDetails"]) == ("Success", "")
    assert len(job["Content"]["Details"]) == len(datasets)
    for ds in datasets:
        found = store.http.post("/tools/lookup", content=str(ds.SOPInstanceUID)).json()
        assert [one["Type"] for one in found] == ["Instance"]
    store.http.delete("/modalities/archive")

# SPDX-License-Identifier: Apache-2.0
"""Every DICOM file of pydicom's test data, sent as it is: stored or refused with a reason."""

import hashlib
import json
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import UID
from pynetdicom import AE

from outside import Store, eventually

pytestmark = pytest.mark.filterwarnings(
    # What pydicom says of its own odd files is no finding about the store.
    "ignore::UserWarning"
)

FOLDER = Path(pydicom.__file__).parent / "data" / "test_files"
CUT_SHORT = {
    "MR_truncated.dcm",
    "rtplan_truncated.dcm",
    "emri_small_jpeg_2k_lossless_too_short.dcm",
}
"""Files that pydicom reads as far as they go, and that a store must not take for whole ones."""


def dicom_files() -> list[Path]:
    """Files that begin as DICOM files do, or that pydicom reads as bare datasets."""
    files = [path for path in sorted(FOLDER.rglob("*")) if path.is_file()]
    return [
        path for path in files if path.suffix in {".dcm", ""} or b"DICM" in path.read_bytes()[:132]
    ]


@pytest.fixture(scope="module")
def uploads(store: Store) -> Iterator[dict[Path, Any]]:
    """The answer to the upload of each file over REST."""
    answers = {}
    for path in dicom_files():
        response = store.http.post("/instances", content=path.read_bytes())
        answers[path] = (response.status_code, json.loads(response.text or "{}"))
    yield answers
    for identifier in {answer["ID"] for status, answer in answers.values() if status == 200}:
        store.http.delete(f"/instances/{identifier}")


def test_each_file_is_stored_or_refused_with_a_reason(uploads: dict[Path, Any]) -> None:
    """A file with the identifiers of an instance is stored; any other is refused in words."""
    assert len(uploads) > 100
    for path, (status, answer) in uploads.items():
        if status == 200:
            assert answer["Status"] in {"Success", "AlreadyStored"}, path.name
        else:
            assert status == 400, f"{path.name}: {status} {answer}"
            assert answer["OrthancStatus"] == 15
            assert len(answer["Details"]) > 10 or len(answer["Message"]) > 10, path.name
    stored = [path for path, (status, _) in uploads.items() if status == 200]
    assert len(stored) > 90


def test_what_pydicom_reads_with_identifiers_is_stored(uploads: dict[Path, Any]) -> None:
    """No whole file that names its study, series and instance is turned away."""
    for path, (status, answer) in uploads.items():
        ds = readable(path)
        if ds is None or "DirectoryRecordSequence" in ds:
            continue
        if path.name in CUT_SHORT:
            assert status == 400, f"{path.name}: {answer}"
            continue
        if ds.get("StudyInstanceUID") and ds.get("SeriesInstanceUID") and ds.get("SOPInstanceUID"):
            assert status == 200, f"{path.name}: {answer}"


def test_stored_files_come_back_byte_for_byte(store: Store, uploads: dict[Path, Any]) -> None:
    """What REST stored, REST returns unchanged."""
    first: dict[str, Path] = {}
    for path, (status, answer) in uploads.items():
        if status == 200 and answer["Status"] == "Success":
            first.setdefault(answer["ID"], path)
    for identifier, path in first.items():
        content = store.http.get(f"/instances/{identifier}/file").content
        assert hashlib.sha1(content).digest() == hashlib.sha1(path.read_bytes()).digest(), path.name


def test_listed_tags_agree_with_pydicom(store: Store, uploads: dict[Path, Any]) -> None:
    """Each stored file is listed, and its simple tags are those that pydicom reads."""
    identifiers = set(store.get("/instances"))
    checked = 0
    for path, (status, answer) in uploads.items():
        if status != 200 or answer["Status"] != "Success":
            continue
        assert answer["ID"] in identifiers
        ds = readable(path)
        tags = store.get(f"/instances/{answer['ID']}/tags")
        for keyword in ("Modality", "StudyInstanceUID", "Rows", "PatientID", "StudyDate"):
            if ds is None or keyword not in ds or ds[keyword].value in (None, ""):
                continue
            element = ds[keyword]
            shown = tags[f"{element.tag.group:04x},{element.tag.element:04x}"]
            assert shown["Name"] == keyword
            assert shown["Value"].strip() == str(element.value).strip(), f"{path.name} {keyword}"
            checked += 1
    assert checked > 300


def test_c_store_keeps_each_dataset(fresh_store: Callable[..., Store]) -> None:
    """What C-STORE delivered is dataset-identical when REST returns it."""
    store = fresh_store("datasets")
    kept = 0
    for path in dicom_files():
        ds = readable(path)
        if ds is None or not sendable(ds):
            continue
        status = send(store, ds)
        if status != 0:
            assert status in {0xA900, 0xC000}, f"{path.name}: {status}"
            continue
        identifier = eventually("it is listed", lambda ds=ds: find(store, ds))
        returned = dcmread(BytesIO(store.http.get(f"/instances/{identifier}/file").content))
        assert returned.file_meta.TransferSyntaxUID == ds.file_meta.TransferSyntaxUID, path.name
        assert elements(returned) == elements(ds), path.name
        store.http.delete(f"/instances/{identifier}")
        kept += 1
    assert kept > 60


def elements(ds: Dataset) -> dict[str, Any]:
    """The dataset as DICOM JSON, without the group lengths that pynetdicom does not send."""
    return {tag: value for tag, value in ds.to_json_dict().items() if not tag.endswith("0000")}


def readable(path: Path) -> Dataset | None:
    try:
        ds = dcmread(path, force=True)
        ds.to_json_dict()
    except Exception:  # pydicom's test data holds files that break pydicom in its own ways
        return None
    return ds if len(ds) else None


def sendable(ds: Dataset) -> bool:
    meta = getattr(ds, "file_meta", {})
    named = ds.get("SOPClassUID") and ds.get("SOPInstanceUID") and ds.get("StudyInstanceUID")
    return bool(named and ds.get("SeriesInstanceUID") and meta.get("TransferSyntaxUID"))


def send(store: Store, ds: Dataset) -> int | None:
    ae = AE("TESTER")
    ae.add_requested_context(UID(ds.SOPClassUID), ds.file_meta.TransferSyntaxUID)
    assoc = ae.associate("127.0.0.1", store.dicom_port, ae_title=store.aet)
    assert assoc.is_established
    try:
        return assoc.send_c_store(ds).get("Status")
    finally:
        assoc.release()


def find(store: Store, ds: Dataset) -> str | None:
    for one in store.get("/instances", expand=""):
        if one["MainDicomTags"]["SOPInstanceUID"] == ds.SOPInstanceUID:
            return str(one["ID"])
    return None

# SPDX-License-Identifier: Apache-2.0
"""What clients hang on resources, in a running store."""

from collections.abc import Callable
from io import BytesIO

from pydicom import dcmwrite

from outside import Store, eventually, image


def test_attachments_live_and_die_with_their_resource(
    fresh_store: Callable[..., Store],
) -> None:
    """Attachments and a file's form outlive a killed index; deletion leaves nothing of them."""
    store = fresh_store("hung", PONS_STORAGE_COLLECT_INTERVAL="0.2")
    empty = store.get("/statistics")["TotalDiskSize"]
    buffer = BytesIO()
    dcmwrite(buffer, image("HUNG", rows=256), enforce_file_format=True)
    file = buffer.getvalue()
    instance = store.http.post("/instances", content=file).json()
    study, path = f"/studies/{instance['ParentStudy']}", instance["Path"]

    notes = b"some notes " * 1000
    assert store.http.put(f"{study}/attachments/1024", content=notes).status_code == 200
    assert store.http.put(f"{study}/labels/checked").status_code == 200
    assert store.http.post(f"{path}/attachments/dicom/compress").json() == {}
    store.kill("index")
    eventually("the index is back", store.is_ready)
    assert store.http.get(f"{path}/attachments/dicom/is-compressed").text == "1"
    assert store.http.post(f"{path}/attachments/dicom/verify-md5").json() == {}
    assert store.http.get(f"{path}/file").content == file
    assert store.http.get(f"{study}/attachments/1024/data").content == notes
    assert store.get("/statistics")["TotalUncompressedSize"] == str(len(file) + len(notes))

    # A new version; the old one becomes garbage, as the uncompressed file has.
    eventually(
        "writes are answered again",
        lambda: store.http.put(f"{study}/labels/again").status_code == 200,
    )
    assert store.http.put(f"{study}/attachments/1024", content=b"new").status_code == 200
    eventually("what was replaced is collected", lambda: len(store.objects()) == 2)
    assert store.http.delete(study).status_code == 200
    assert store.get("/tools/labels") == []
    assert store.get("/statistics")["TotalDiskSize"] == empty
    eventually("no object is left", lambda: not store.objects())

# SPDX-License-Identifier: Apache-2.0
"""A store that is made read-only: what is in it is read as before, and nothing is changed."""

import dataclasses
from pathlib import Path

from outside import Store, image, running


def test_a_store_that_was_filled_is_frozen(tmp_path: Path) -> None:
    """Every door refuses in its own words; searches, frames and archives go on."""
    filled = Store("frozen", tmp_path / "data")
    ds = image("FROZEN")
    with running(filled):
        assert filled.c_store(ds) == [0]
    frozen = dataclasses.replace(
        filled, environment={"PONS_STORE_READ_ONLY": "true", "PONS_STORE_PATIENT_LEVEL": "false"}
    )
    with running(frozen) as store:
        assert store.echo()
        assert store.c_store(image("FROZEN", number=2)) == [0x0124]
        [study] = store.get("/studies")
        [instance] = store.get("/instances")
        http = store.http
        assert http.post("/instances", content=b"any").status_code == 405
        assert http.delete(f"/studies/{study}").status_code == 405
        assert http.post("/tools/bulk-delete", json={"Resources": [study]}).status_code == 404
        assert http.put("/webdav/uploads/x", content=b"any").status_code == 403
        for answer in (
            http.put(f"/studies/{study}/metadata/1024", content=b"x"),
            http.delete("/changes"),
        ):
            assert (answer.status_code, answer.json()["OrthancStatus"]) == (500, 22)
        assert http.get("/patients").status_code == 404
        assert store.get("/statistics")["CountInstances"] == 1
        assert len(store.get("/changes")["Changes"]) >= 4
        assert store.get("/system")["ReadOnly"] is True
        assert http.get(f"/studies/{study}/archive").content[:2] == b"PK"
        assert http.get(f"/instances/{instance}/matlab").text.startswith("double([ ")
        assert http.get(f"/instances/{instance}/frames/0/raw.gz").content[:2] == b"\x1f\x8b"
        job = http.post(f"/studies/{study}/archive", json={"Asynchronous": True}).json()["ID"]
        assert store.get(f"/jobs/{job}")["Type"] == "Archive"

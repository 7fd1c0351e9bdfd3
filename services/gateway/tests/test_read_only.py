# SPDX-License-Identifier: Apache-2.0
"""A store that is read-only, and one without a level of patients: which routes are left."""

import httpx
import pytest

from pons.errors import ReadOnly
from pons.messages.index import PutMetadata
from pons.settings import Settings, StoreSettings, WebDavSettings

from .conftest import INSTANCE, PATIENT, STUDY, Open, Store

pytestmark = pytest.mark.anyio

READ_ONLY = Settings(
    store=StoreSettings(read_only=True),
    webdav=WebDavSettings(allow_upload=True, allow_delete=True),
)
NO_PATIENTS = Settings(store=StoreSettings(patient_level=False))


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/instances", "GET"),
        ("DELETE", f"/patients/{PATIENT}", "GET"),
        ("DELETE", f"/studies/{STUDY}", "GET"),
        ("DELETE", f"/instances/{INSTANCE}", "GET"),
        ("PUT", f"/patients/{PATIENT}/protected", "GET"),
        ("PUT", f"/studies/{STUDY}/labels/x", "GET"),
        ("DELETE", f"/studies/{STUDY}/labels/x", "GET"),
        ("PUT", f"/studies/{STUDY}/attachments/1024", "GET"),
        ("DELETE", f"/studies/{STUDY}/attachments/1024", "GET"),
    ],
)
async def test_what_can_still_be_read_refuses_to_be_written(
    open_client: Open, store: Store, method: str, path: str, allow: str
) -> None:
    """The path is there, the method is not: 405 with those that are, and nothing is asked."""
    async with open_client(READ_ONLY) as client:
        answer = await client.request(method, path, content=b"1")
    assert (answer.status_code, answer.content) == (405, b"")
    assert answer.headers["allow"] == allow
    assert store.services.commands == []
    assert store.ingest.bodies == []


@pytest.mark.parametrize(
    "path",
    [
        "/tools/bulk-delete",
        "/explorer/api/labels",
        "/tools/reconstruct",
        "/tools/invalidate-tags",
        f"/studies/{STUDY}/reconstruct",
        f"/instances/{INSTANCE}/attachments/dicom/compress",
        f"/instances/{INSTANCE}/attachments/dicom/uncompress",
    ],
)
async def test_what_only_writes_is_not_there(open_client: Open, store: Store, path: str) -> None:
    """No method is left of the path: 404, as for one that never was."""
    async with open_client(READ_ONLY) as client:
        answer = await client.post(path, content=b"{}")
        assert (answer.status_code, answer.json()["OrthancStatus"]) == (404, 17)
        assert "bulk-delete" not in (await client.get("/tools")).json()
    assert store.services.commands == []


async def test_metadata_fail_as_in_orthanc(open_client: Open, store: Store) -> None:
    """Their routes stay; the index refuses, in Orthanc's words."""
    store.services.answers[PutMetadata] = ReadOnly()
    async with open_client(READ_ONLY) as client:
        answer = await client.put(f"/studies/{STUDY}/metadata/1024", content=b"x")
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (500, 22)
    assert "store.read_only" in answer.json()["Details"]


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/webdav/uploads/x"), ("DELETE", "/webdav/by-uids/1.2")]
)
async def test_the_share_is_read_only_too(
    open_client: Open, store: Store, method: str, path: str
) -> None:
    """Whatever the settings of the share allow."""
    async with open_client(READ_ONLY) as client:
        answer = await client.request(method, path, content=b"DICOM 1")
    assert answer.status_code == 403
    assert store.ingest.bodies == []
    assert store.services.commands == []


async def test_what_is_told(open_client: Open) -> None:
    """Clients, readers of the documentation and people see what the store is."""
    async with open_client(READ_ONLY) as client:
        assert (await client.get("/system")).json()["ReadOnly"] is True
        paths = (await client.get("/openapi.json")).json()["paths"]
        assert "/tools/bulk-delete" not in paths
        assert list(paths["/studies/{id}"]) == ["get"]
        assert "store.read_only" in (await client.get("/app/explorer.html")).text
        assert "bulk-delete" not in (await client.get("/docs")).text


async def test_no_level_of_patients(open_client: Open, client: httpx.AsyncClient) -> None:
    """`/patients` and all below it are gone; the rest, also of what is above a study, stays."""
    async with open_client(NO_PATIENTS) as without:
        for path in ("/patients", f"/patients/{PATIENT}", f"/patients/{PATIENT}/archive"):
            answer = await without.get(path)
            assert (answer.status_code, answer.json()["OrthancStatus"]) == (404, 17)
        assert (await without.get(f"/studies/{STUDY}/patient")).status_code == 200
        assert (await without.get("/system")).json()["PatientLevelEnabled"] is False
        assert "patients?expand" not in (await without.get("/app/explorer.html")).text
    assert "patients?expand" in (await client.get("/app/explorer.html")).text
    assert (await client.get("/system")).json()["PatientLevelEnabled"] is True

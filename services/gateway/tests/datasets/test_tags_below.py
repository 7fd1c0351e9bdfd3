# SPDX-License-Identifier: Apache-2.0
"""Tags of modules, of all instances of a resource, and what these share."""

import httpx
import orjson
import pytest

from pons.catalog import StoredHeader

from ..conftest import INSTANCE, NOBODY, PATIENT, SERIES, STUDY, Store

pytestmark = pytest.mark.anyio

META = (
    b'{"00020001":{"vr":"OB","InlineBinary":"AAE="},'
    b'"00020010":{"vr":"UI","Value":["1.2.840.10008.1.2.1"]}}'
)


def header(**values: str) -> StoredHeader:
    """Patient's name and number, study date, modality, and what differs."""
    elements = {
        "00080020": {"vr": "DA", "Value": ["20240102"]},
        "00080060": {"vr": "CS", "Value": ["CT"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "ROE^RICHARD"}]},
        "00100020": {"vr": "LO", "Value": ["P1"]},
        "00400275": {"vr": "SQ", "Value": []},
    } | {tag.removeprefix("t"): {"vr": "LO", "Value": [text]} for tag, text in values.items()}
    return StoredHeader(orjson.dumps(dict(sorted(elements.items()))), META, "OW")


@pytest.fixture
def three(store: Store) -> None:
    """Three instances in two pages; one of them has a tag less."""
    first, second = header(t00181020="1", t00081030="A"), header(t00181020="1", t00081030="B")
    store.catalog.below = [
        [("one", first), ("two", second)],
        [("three", header(t00081030="A"))],
    ]
    store.catalog.header = first


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("path", [f"/patients/{PATIENT}", f"/studies/{STUDY}", f"/series/{SERIES}"])
async def test_instances_tags(client: httpx.AsyncClient, path: str) -> None:
    """One object over all pages, each instance under its identifier, in the format asked for."""
    full = (await client.get(f"{path}/instances-tags")).json()
    assert list(full) == ["one", "two", "three"]
    assert full["two"]["0008,1030"] == {"Name": "StudyDescription", "Type": "String", "Value": "B"}
    assert full["two"]["7fe0,0010"] == {"Name": "PixelData", "Type": "Null", "Value": None}
    short = (await client.get(f"{path}/instances-tags?short")).json()
    assert short["three"]["0010,0010"] == "ROE^RICHARD"
    simplified = (await client.get(f"{path}/instances-tags?simplify")).json()
    assert simplified["one"]["SoftwareVersions"] == "1"


@pytest.mark.usefixtures("three")
async def test_shared_tags(client: httpx.AsyncClient) -> None:
    """Only text that is the same in every instance; no sequences, no pixel data."""
    answer = await client.get(f"/studies/{STUDY}/shared-tags?short")
    assert answer.json() == {
        "0008,0020": "20240102",
        "0008,0060": "CT",
        "0010,0010": "ROE^RICHARD",
        "0010,0020": "P1",
    }
    full = (await client.get(f"/studies/{STUDY}/shared-tags")).json()
    assert full["0008,0060"] == {"Name": "Modality", "Type": "String", "Value": "CT"}
    assert "PatientID" in (await client.get(f"/series/{SERIES}/shared-tags?simplify")).json()


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    ("path", "tags"),
    [
        (f"/patients/{PATIENT}/module", ["PatientName", "PatientID"]),
        (f"/studies/{STUDY}/module", ["StudyDate", "StudyDescription"]),
        (f"/studies/{STUDY}/module-patient", ["PatientName", "PatientID"]),
        (f"/series/{SERIES}/module", ["Modality", "RequestAttributesSequence"]),
    ],
)
async def test_modules(client: httpx.AsyncClient, path: str, tags: list[str]) -> None:
    """A module holds what describes its level, and nothing else."""
    assert list((await client.get(f"{path}?simplify")).json()) == sorted(tags)


@pytest.mark.usefixtures("three")
async def test_meta_header(client: httpx.AsyncClient) -> None:
    """Group 0002 without what has no text, in each format."""
    path = f"/instances/{INSTANCE}/header"
    uid = "1.2.840.10008.1.2.1"
    assert (await client.get(path)).json() == {
        "0002,0010": {"Name": "TransferSyntaxUID", "Type": "String", "Value": uid}
    }
    assert (await client.get(f"{path}?simplify")).json() == {"TransferSyntaxUID": uid}
    assert (await client.get(f"{path}?short")).json() == {"0002,0010": uid}


@pytest.mark.parametrize(
    "path",
    [
        f"/patients/{NOBODY}/module",
        f"/studies/{NOBODY}/module-patient",
        f"/series/{NOBODY}/shared-tags",
        f"/series/{NOBODY}/instances-tags",
        f"/instances/{NOBODY}/header",
    ],
)
async def test_nobody(client: httpx.AsyncClient, path: str) -> None:
    """A resource that does not exist has no tags."""
    answer = await client.get(path)
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (404, 17)

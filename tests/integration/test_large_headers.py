# SPDX-License-Identifier: Apache-2.0
"""Headers far larger than usual are received, listed and searched in bounded memory."""

import os
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from io import BytesIO

import pytest
from pydicom.uid import generate_uid

from outside import PeakMemory, Store, eventually, image, running

INSTANCES = int(os.environ.get("PONS_TEST_LARGE_HEADERS", "14"))
MEGABYTES = 48
"""Of text in each header; it compresses to nearly nothing."""
RESIDENT_LIMIT = 400 * 1024 * 1024
AT_ONCE = 4


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, dict[str, int]]]:
    """A store with one series of such instances, and what its services took to receive them."""
    with running(Store("headers", tmp_path_factory.mktemp("headers") / "data")) as store:
        study_uid = generate_uid()

        def upload(number: int) -> int:
            file = with_large_header(study_uid, number)
            return store.http.post("/instances", content=file, timeout=600).status_code

        with ExitStack() as stack:
            peaks = {
                kind: stack.enter_context(PeakMemory(store, kind)) for kind in ("gateway", "index")
            }
            with ThreadPoolExecutor(AT_ONCE) as pool:
                assert set(pool.map(upload, range(1, INSTANCES + 1))) == {200}
            eventually("all are listed", lambda: len(store.get("/instances")) == INSTANCES)
        yield store, {kind: peak.bytes for kind, peak in peaks.items()}


def with_large_header(study_uid: str, number: int) -> bytes:
    """A DICOM file with `MEGABYTES` private texts of a megabyte, in place of its pixels."""
    ds = image("LARGE HEADERS", study_uid, number)
    del ds.PixelData
    file = BytesIO()
    ds.save_as(file, enforce_file_format=True)
    creator = element(0x0010, b"LO", b"LARGE ")
    texts = (element(0x1000 + at, b"UT", b"%01048000d" % at) for at in range(MEGABYTES))
    return file.getvalue() + creator + b"".join(texts)


def element(number: int, vr: bytes, value: bytes) -> bytes:
    """A private element, explicit little endian (PS3.5 7.1.2)."""
    group = 0x0029
    if vr == b"UT":
        return struct.pack("<HH2sHI", group, number, vr, 0, len(value)) + value
    return struct.pack("<HH2sH", group, number, vr, len(value)) + value


def test_receiving_takes_little_memory(filled: tuple[Store, dict[str, int]]) -> None:
    """Gateway and index stay under 400 MB resident, also when several come in at once."""
    assert max(filled[1].values()) < RESIDENT_LIMIT, filled[1]


@pytest.mark.parametrize(
    "path",
    [
        "/series/{series}/instances-tags",
        "/series/{series}/shared-tags",
        "/studies/{study}/module",
        "/series/{series}/ordered-slices",
        "/instances/{instance}/tags",
        "/instances/{instance}/tags?whole",
        "/instances?expand&since=0&limit=100&requested-tags=0029,1000;Rows",
        "/studies/{study}/instances?requested-tags=Rows",
    ],
)
def test_reading_takes_little_memory(filled: tuple[Store, dict[str, int]], path: str) -> None:
    """The gateway stays under 400 MB resident, also when several ask at once."""
    store, _ = filled
    names = {
        level: store.get(f"/{folder}")[0]
        for level, folder in (("study", "studies"), ("series", "series"), ("instance", "instances"))
    }

    def ask(_: int) -> tuple[int, int]:
        answer = store.http.get(path.format(**names), timeout=600)
        return answer.status_code, len(answer.content)

    with PeakMemory(store, "gateway") as memory, ThreadPoolExecutor(AT_ONCE) as pool:
        answers = set(pool.map(ask, range(AT_ONCE)))
    ((status, length),) = answers
    assert status == 200
    assert length > 100
    assert memory.bytes < RESIDENT_LIMIT, memory.bytes


def test_searching_takes_little_memory(filled: tuple[Store, dict[str, int]]) -> None:
    """A search that only headers can decide finds all, under 400 MB resident."""
    store, _ = filled
    query = {"Level": "Instance", "Query": {"Rows": "16"}, "RequestedTags": ["Rows", "Columns"]}

    def ask(_: int) -> int:
        answer = store.http.post("/tools/find", json=query, timeout=600)
        return len(answer.json()) if answer.status_code == 200 else -1

    with PeakMemory(store, "gateway") as memory, ThreadPoolExecutor(AT_ONCE) as pool:
        assert set(pool.map(ask, range(AT_ONCE))) == {INSTANCES}
    assert memory.bytes < RESIDENT_LIMIT, memory.bytes


def test_pictures_take_little_memory(filled: tuple[Store, dict[str, int]]) -> None:
    """render reads of such a header what a picture needs, under 400 MB resident."""
    store, _ = filled
    identifiers = store.get("/instances")[:AT_ONCE]
    with PeakMemory(store, "render") as memory, ThreadPoolExecutor(AT_ONCE) as pool:
        paths = [f"/instances/{one}/preview" for one in identifiers]
        statuses = {answer.status_code for answer in pool.map(store.http.get, paths)}
    assert statuses == {415}
    assert memory.bytes < RESIDENT_LIMIT, memory.bytes

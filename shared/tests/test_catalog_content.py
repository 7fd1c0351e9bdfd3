# SPDX-License-Identifier: Apache-2.0
"""What the catalog reads of resources: headers, metadata, attachments, objects."""

import json
import random

import pytest
import zstandard

from pons.catalog import (
    MetadataValue,
    StoredHeader,
    StoredObject,
)
from pons.catalog.fields import ATTACHMENTS, metadata_text, read_value
from pons.dicom.identity import to_bytes
from pons.errors import DamagedObject
from pons.objects import FileObjects, new_key

from .rows import Store, itself

pytestmark = pytest.mark.anyio


async def test_statistics_of_attachments(store: Store) -> None:
    """What clients attached to a resource, and to those below it, is counted beside the files."""
    catalog, rows = store
    ids = await rows.instance("P", "1", "1", "1")
    await rows.instance("P", "1", "1", "2")
    for number, identifier in enumerate((ids.patient, ids.series, ids.series, ids.instance), 1024):
        await rows.connection.execute(
            "INSERT INTO attachments VALUES ($1, $2, $3, 100, 60, 'zstd', '', '')",
            rows.keys[identifier],
            number,
            new_key(),
        )
    levels = {"Patient": ids.patient, "Study": ids.study, "Series": ids.series}
    found = [
        await catalog.statistics(*one) for one in (levels | {"Instance": ids.instance}).items()
    ]
    assert [(one.size, one.stored_size) for one in found if one] == [(2000, 1600)] * 3 + [
        (1000, 800)
    ]
    assert [(one.attached_size, one.attached_stored_size) for one in found if one] == [
        (400, 240),
        (300, 180),
        (300, 180),
        (100, 60),
    ]


async def test_place_of_the_pixel_data(store: Store) -> None:
    """PixelDataOffset is where the element begins, in a file where that is a place."""
    catalog, rows = store
    ids = await rows.instance("P", "1", "2", "3")
    for syntax, meta, offset in (
        ("1.2.840.10008.1.2", '{"00020010":{}}', b"492"),
        ("1.2.840.10008.1.2", "{}", None),
        ("1.2.840.10008.1.2.4.50", "{}", b"488"),
        ("1.2.840.10008.1.2.1.99", '{"00020010":{}}', None),
    ):
        await rows.connection.execute("UPDATE instances SET transfer_syntax = $1", syntax)
        await rows.connection.execute("DELETE FROM headers")
        await rows.connection.execute(
            "INSERT INTO headers VALUES ($1, '', NULL, $2)",
            rows.keys[ids.instance],
            meta.encode(),
        )
        found = await catalog.find_metadata("Instance", ids.instance, 14)
        assert found == (offset and MetadataValue(offset, 0)), (syntax, meta)


async def test_object(store: Store) -> None:
    """Whoever needs the bytes learns where they are and where the pixels begin."""
    catalog, rows = store
    key = new_key()
    ids = await rows.instance("P", "1", "2", "3", object_key=key)
    assert await catalog.find_object(ids.instance) == StoredObject(
        object_key=key,
        size=1000,
        stored_size=800,
        compression="",
        transfer_syntax="1.2.840.10008.1.2.1",
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
        sop_instance_uid="3",
        pixel_offset=500,
        pixel_length=-1,
        pixel_vr="OW",
        owner=ids.instance,
        checksum=b"checksum",
    )


async def test_header(store: Store, objects: FileObjects) -> None:
    """A header comes back as it was scanned; a very large one from its own object."""
    catalog, rows = store
    text = b'{"00100020":{"vr":"LO","Value":["P"]}}'
    packed = zstandard.ZstdCompressor().compress(text)
    near = await rows.instance("P", "1", "2", "3")
    apart = await rows.instance("P", "1", "2", "4")
    key = new_key()
    await objects.put(key, packed)
    for ids, header, header_key in ((near, packed, None), (apart, b"", key)):
        await rows.connection.execute(
            "INSERT INTO headers VALUES ($1, $2, $3, '{}')",
            rows.keys[ids.instance],
            header,
            header_key,
        )
    for ids in (near, apart):
        found = await catalog.headers.read(ids.instance, itself)
        assert found == StoredHeader(text, b"{}", "OW")
        assert await catalog.headers.meta(ids.instance) == b"{}"


async def test_pages_of_headers_end_where_they_are_large(store: Store) -> None:
    """Each of two headers of 5 MB is a page of its own, packed in much or in little."""
    catalog, rows = store
    noise = random.Random(7).randbytes(100_000).hex().encode()
    texts = [
        b'{"00104000":{"vr":"LT","Value":["%b"]}}' % value
        for value in (b"x" * 5_000_000, noise + b"x" * 5_000_000, b"", b"z")
    ]
    for number, text in enumerate(texts):
        ids = await rows.instance("P", "1", "2", str(number))
        await rows.connection.execute(
            "INSERT INTO headers VALUES ($1, $2, NULL, '{}')",
            rows.keys[ids.instance],
            zstandard.ZstdCompressor().compress(text),
        )
    pages = catalog.headers.pages("Series", ids.series, itself)
    found = [[header.json for _, header in page] async for page in pages]
    assert found == [texts[:1], texts[1:2], texts[2:]]
    first = await catalog.headers.first("Series", ids.series, lambda found: len(found.json))
    assert first == len(texts[0])


async def test_a_large_header_that_is_damaged(store: Store, objects: FileObjects) -> None:
    """An instance whose header's object is missing or damaged is known all the same."""
    catalog, rows = store
    ids, key = await rows.instance("P", "1", "2", "3"), new_key()
    statement = "INSERT INTO headers VALUES ($1, '', $2, '{}')"
    await rows.connection.execute(statement, rows.keys[ids.instance], key)
    with pytest.raises(DamagedObject, match=f"keeps of {ids.instance} is missing .*{key}") as error:
        await catalog.headers.read(ids.instance, itself)
    assert error.value.what == "missing"
    await objects.put(key, zstandard.ZstdCompressor().compress(b'{"a":"b"}')[:-4])
    with pytest.raises(DamagedObject, match=f"keeps of {ids.instance} is damaged .*{key}"):
        await catalog.headers.read(ids.instance, itself)


async def test_metadata_of_columns(store: Store) -> None:
    """What ingest knows of a resource is its metadata, with Orthanc's numbers."""
    catalog, rows = store
    ids = await rows.instance("P", "1", "2", "3", 7, expected=20)
    await rows.connection.execute(
        "UPDATE instances SET origin = $1",
        json.dumps(
            {"kind": "DicomProtocol", "remote_ip": "::1", "remote_aet": "CT", "called_aet": "PONS"}
        ),
    )
    instance = await catalog.metadata("Instance", ids.instance)
    assert instance is not None
    assert instance.pop(15).startswith("0008,0012;0008,0013;0008,0018;")
    assert instance == {
        1: "7",
        2: "20240102T111213",
        3: "CT",
        8: "DicomProtocol",
        9: "1.2.840.10008.1.2.1",
        10: "1.2.840.10008.5.1.4.1.1.2",
        11: "::1",
        12: "PONS",
        14: "488",
    }
    series = await catalog.metadata("Series", ids.series)
    assert series is not None
    assert (series[3], series[4], series[7]) == ("", "20", "20240102T111213")
    assert json.loads(series[16]) == {"Sequences": {}, "Version": 1}
    for level, identifier in (("Patient", ids.patient), ("Study", ids.study)):
        found = await catalog.metadata(level, identifier)  # type: ignore[arg-type]
        assert sorted(found or {}) == [7, 15], level
    assert await catalog.metadata("Study", ids.patient) is None


async def test_metadata_that_was_written(store: Store) -> None:
    """Metadata of the table are listed beside the others; each has its bytes and its revision."""
    catalog, rows = store
    ids = await rows.instance("P", "1", "2", "3")
    await rows.connection.execute(
        "INSERT INTO metadata VALUES ($1, 1024, 'caf\\303\\251', 'café', 2),"
        " ($1, 1025, '\\377', NULL, 0), ($1, 5, 'abc', 'abc', 0)",
        rows.keys[ids.study],
    )
    listed = await catalog.metadata("Study", ids.study) or {}
    assert {number: listed[number] for number in (5, 1024, 1025)} == {
        5: "abc",
        1024: "café",
        1025: "",
    }
    found = await catalog.find_metadata("Study", ids.study, 1024)
    assert found == MetadataValue("café".encode(), 2)
    assert await catalog.find_metadata("Study", ids.study, 1025) == MetadataValue(b"\xff", 0)
    assert await catalog.find_metadata("Study", ids.study, 7) == MetadataValue(
        b"20240102T111213", 0
    )
    for number in (1, 6, 1026):  # of another level, not set, of nobody
        assert await catalog.find_metadata("Study", ids.study, number) is None
    assert await catalog.find_metadata("Series", ids.series, 1024) is None


async def test_metadata_as_an_expression(store: Store) -> None:
    """Conditions and orders see the same text as readers, wherever it lies."""
    _, rows = store
    ids = await rows.instance("P", "1", "2", "3")
    await rows.connection.execute(
        "INSERT INTO metadata VALUES ($1, 1024, 'x', 'x', 0)", rows.keys[ids.patient]
    )
    expected = {"Patient": {1024: "x", 7: "20240102T111213", 1: None}, "Series": {3: "", 4: None}}
    of = {"Patient": ids.patient, "Series": ids.series}
    for level, texts in expected.items():
        for number, text in texts.items():
            statement = read_value(level, metadata_text(level, number))  # type: ignore[arg-type]
            found = await rows.connection.fetchval(statement, to_bytes(of[level]))
            assert found == text, (level, number)


async def test_attachments_as_json(store: Store) -> None:
    """An instance lists its DICOM file before what clients attached."""
    _, rows = store
    key, file = new_key(), new_key()
    ids = await rows.instance("P", "1", "2", "3", object_key=file)
    await rows.connection.execute(
        "INSERT INTO attachments VALUES ($1, 1024, $2, 10, 7, 'zstd', $3, $4)",
        rows.keys[ids.instance],
        key,
        b"\1" * 16,
        b"\2" * 16,
    )
    statement = read_value("Instance", ATTACHMENTS["Instance"])
    of_instance = await rows.connection.fetchval(statement, to_bytes(ids.instance))
    assert json.loads(of_instance) == [
        {
            "Uuid": str(file),
            "ContentType": 1,
            "UncompressedSize": 1000,
            "CompressedSize": 800,
            "UncompressedMD5": "",
            "CompressedMD5": "",
        },
        {
            "Uuid": str(key),
            "ContentType": 1024,
            "UncompressedSize": 10,
            "CompressedSize": 7,
            "UncompressedMD5": "01" * 16,
            "CompressedMD5": "02" * 16,
        },
    ]
    statement = read_value("Series", ATTACHMENTS["Series"])
    of_series = await rows.connection.fetchval(statement, to_bytes(ids.series))
    assert json.loads(of_series) == []


async def test_headers_below_a_resource_come_in_pages(
    store: Store,
) -> None:
    """Those of all instances of the resource, in order of arrival, and of no others."""
    catalog, rows = store
    ids = [
        await rows.instance("P", "1", series, f"{series}.{number}")
        for series in ("2", "3")
        for number in range(60)
    ]
    await rows.instance("Q", "9", "9", "9")
    for position, one in enumerate(ids):
        packed = zstandard.ZstdCompressor().compress(b'{"n":%d}' % position)
        await rows.connection.execute(
            "INSERT INTO headers VALUES ($1, $2, NULL, '{}')", rows.keys[one.instance], packed
        )
    for level, identifier, expected in (
        ("Patient", ids[0].patient, range(120)),
        ("Study", ids[0].study, range(120)),
        ("Series", ids[60].series, range(60, 120)),
        ("Instance", ids[7].instance, range(7, 8)),
    ):
        pages = [page async for page in catalog.headers.pages(level, identifier, itself)]
        assert [len(page) for page in pages[:-1]] == [50] * (len(pages) - 1)
        found = [(instance, header.json) for page in pages for instance, header in page]
        assert found == [(ids[n].instance, b'{"n":%d}' % n) for n in expected]
    for nobody in (ids[0].patient, "nobody"):
        assert [page async for page in catalog.headers.pages("Study", nobody, itself)] == []

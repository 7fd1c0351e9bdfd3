# SPDX-License-Identifier: Apache-2.0
import json
import uuid
from typing import Any

import pytest

from pons.errors import UnsupportedImage
from pons_render.image import Bulk, Located, count_frames, read_image

HEADER: dict[str, tuple[str, Any]] = {
    "00280002": ("US", 1),
    "00280004": ("CS", "MONOCHROME2"),
    "00280008": ("IS", "2"),
    "00280010": ("US", 4),
    "00280011": ("US", 8),
    "00280100": ("US", 16),
    "00280101": ("US", 12),
    "00280102": ("US", 11),
    "00280103": ("US", 0),
}


def located(
    length: int | None = 128,
    syntax: str = "1.2.840.10008.1.2.1",
    vr: str = "OW",
    changes: dict[str, Any] | None = None,
) -> Located:
    header = HEADER | {
        tag: (HEADER.get(tag, ("US", 0))[0], value) for tag, value in (changes or {}).items()
    }
    body = {tag: {"vr": vr, "Value": [value]} for tag, (vr, value) in header.items() if value != ""}
    return Located(uuid.uuid4(), 1128, syntax, json.dumps(body).encode(), 1000, length, vr)


def test_attributes() -> None:
    """The header's numbers arrive, those that it has as text too."""
    image = read_image(located())
    assert (image.rows, image.columns, image.number_of_frames) == (4, 8, 2)
    assert (image.bits_allocated, image.bits_stored, image.high_bit) == (16, 12, 11)
    assert (image.offset, image.length, image.encapsulated) == (1000, 128, False)
    assert image.frame_bits == 4 * 8 * 16


def test_what_is_missing_has_its_usual_value() -> None:
    """Sloppy files without the optional attributes are still images."""
    image = read_image(
        located(
            changes=dict.fromkeys(("00280002", "00280004", "00280008", "00280101", "00280103"), "")
        )
    )
    assert image.samples_per_pixel == 1
    assert image.photometric_interpretation == "MONOCHROME2"
    assert image.number_of_frames == 1
    assert image.bits_stored == 16


@pytest.mark.parametrize(
    "changes",
    [
        {"00280010": 65535, "00280011": 65535},
        {"00280010": 0},
        {"00280011": 70000},
        {"00280010": ""},
        {"00280010": "four"},
        {"00280010": [1]},
        {"00280010": -4},
        {"00280010": 1e400},
        {"00280008": "1000000000"},
        {"00280008": "3"},
        {"00280008": "-1"},
        {"00280008": "9" * 5000},
        {"00280002": 7},
        {"00280002": 2},
        {"00280006": 5},
        {"00280100": 13},
        {"00280100": 0},
        {"00280100": 4096},
        {"00280103": 2},
        {"00280100": 1, "00280101": 1, "00280102": 0, "00280002": 3},
        {"00281101": [1, 2, 3]},
    ],
    ids=str,
)
def test_hostile_attributes(changes: dict[str, Any]) -> None:
    """Attributes that no image can have end before anything is read or decoded."""
    if changes.get("00281101"):
        triple = {tag: ("US", ["x", "y", "z"]) for tag in ("00281101", "00281102", "00281103")}
        body = {
            tag: {"vr": vr, "Value": value if isinstance(value, list) else [value]}
            for tag, (vr, value) in (HEADER | triple).items()
        }
        hostile = Located(
            uuid.uuid4(), 1128, "1.2.840.10008.1.2.1", json.dumps(body).encode(), 1000, 128
        )
    else:
        hostile = located(changes=changes)
    with pytest.raises(UnsupportedImage):
        read_image(hostile)


@pytest.mark.parametrize("frames", ["100", "1000000000"])
def test_more_frames_than_items_fit(frames: str) -> None:
    """Encapsulated pixel data has room for one frame per eight bytes at most."""
    with pytest.raises(UnsupportedImage):
        count_frames(located(None, "1.2.840.10008.1.2.5", changes={"00280008": frames}))


def test_huge_compressed_dimensions() -> None:
    """Dimensions that a decoder would believe are refused before it sees them."""
    with pytest.raises(UnsupportedImage, match="bytes"):
        read_image(
            located(None, "1.2.840.10008.1.2.4.90", changes={"00280010": 65535, "00280011": 65535})
        )


@pytest.mark.parametrize("header", [b"", b"[]", b"{", b'{"00280010": 5}', b"\xff\xfe"])
def test_broken_header(header: bytes) -> None:
    """A header that is no DICOM JSON is no image."""
    with pytest.raises(UnsupportedImage):
        read_image(Located(uuid.uuid4(), 10, "1.2.840.10008.1.2.1", header, 0, 10))


def test_no_pixel_data() -> None:
    """A report has one frame in the list, or as many as it says, as in Orthanc, and no image."""

    def report(header: bytes) -> Located:
        return Located(uuid.uuid4(), 10, "1.2.840.10008.1.2.1", header)

    assert count_frames(report(b"{}")) == 1
    assert count_frames(report(b'{"00280008":{"vr":"IS","Value":[7]}}')) == 7
    with pytest.raises(UnsupportedImage, match="Number of Frames"):
        count_frames(report(b'{"00280008":{"vr":"IS","Value":[4000000000]}}'))
    with pytest.raises(UnsupportedImage):
        read_image(report(b"{}"))


def test_truncated_object() -> None:
    """Pixel data that reaches beyond the object does not count."""
    with pytest.raises(UnsupportedImage):
        read_image(located(length=100_000, changes={"00280008": "1000"}))


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        ({"vr": "OW", "InlineBinary": "AQIDBA=="}, Bulk(b"\x01\x02\x03\x04")),
        ({"vr": "OW", "BulkDataURI": "100/2000"}, Bulk(offset=100, length=2000)),
        ({"vr": "OW", "BulkDataURI": "z100/2000"}, Bulk(offset=100, length=2000)),
        ({"vr": "US", "Value": [1, 256]}, Bulk(b"\x01\x00\x00\x01")),
    ],
)
def test_where_a_palette_is(element: dict[str, Any], expected: Bulk) -> None:
    """Tables are found inline, in the file and as numbers."""
    body = {tag: {"vr": vr, "Value": [value]} for tag, (vr, value) in HEADER.items()}
    for channel in "123":
        body["0028110" + channel] = {"vr": "US", "Value": [2, 0, 16]}
        body["0028120" + channel] = element
    image = read_image(
        Located(uuid.uuid4(), 1128, "1.2.840.10008.1.2.1", json.dumps(body).encode(), 1000, 128)
    )
    assert image.palette is not None
    assert image.palette.tables == (expected,) * 3

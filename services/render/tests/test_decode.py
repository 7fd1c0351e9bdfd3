# SPDX-License-Identifier: Apache-2.0
import base64
import importlib.util
import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image as Pillow
from pydicom.uid import UID

from pons.errors import PonsError, UnsupportedImage
from pons_render.syntaxes import SYNTAXES

from .decoding import Locate, OpenFile, decode, decode_all, numbers

pytestmark = [
    # pydicom's readers and decoders complain of its own deliberately odd test files
    pytest.mark.filterwarnings("ignore::UserWarning"),
]
Make = Callable[..., bytes]


def package_folder(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0])


FILES = sorted(
    [
        *(package_folder("pydicom") / "data" / "test_files").rglob("*.dcm"),
        *(package_folder("data_store") / "data").glob("*.dcm"),
    ]
)

REFUSED = {
    "JPEG2000-embedded-sequence-delimiter.dcm": "its code stream is damaged; pydicom fails too",
    "MR_truncated.dcm": "cut short in the middle of the pixel data",
    "badVR.dcm": "Number of Frames is '1A'",
    "meta_missing_tsyntax.dcm": "pixel data without an image's attributes",
    "nested_priv_SQ.dcm": "pixel data without an image's attributes",
    "no_meta.dcm": "no transfer syntax",
}
WITHOUT_REFERENCE = {
    "JPEG-lossy.dcm": (1024, 256),  # 12-bit JPEG, for which pydicom needs a GPL library
    "JPGExtended.dcm": (1024, 256),  # the same
    "OT-PAL-8-face.dcm": (480, 640),  # no transfer syntax, which pydicom wants to be told
}


def has_pixels(path: Path) -> bool:
    try:
        ds = pydicom.dcmread(path, force=True)
    except pydicom.errors.InvalidDicomError:
        return False
    return any(keyword in ds for keyword in ("PixelData", "FloatPixelData", "DoubleFloatPixelData"))


def test_every_syntax_is_one_that_pydicom_knows() -> None:
    """The table of codecs names no transfer syntax by a wrong UID."""
    assert [uid for uid in SYNTAXES if not UID(uid).is_transfer_syntax] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_frames_equal_pydicom(path: Path, locate: Locate, open_file: OpenFile) -> None:
    """Frames of each file of pydicom's test data decode to what pydicom decodes them to."""
    if not has_pixels(path):
        return
    try:
        frames = decode_all(path.read_bytes(), locate, open_file)
    except (PonsError, RuntimeError):
        assert path.name in REFUSED
        return
    assert path.name not in REFUSED
    if path.name in WITHOUT_REFERENCE:
        assert len(frames) == 1
        assert frames[0].shape == WITHOUT_REFERENCE[path.name]
        return
    expected = pydicom.dcmread(path, force=True).pixel_array
    if len(frames) == 1:
        expected = expected[np.newaxis]
    expected = expected[numbers(len(expected))]
    for ours, theirs in zip(frames, expected, strict=True):
        assert ours.dtype == theirs.dtype.newbyteorder("=")
        np.testing.assert_array_equal(ours, theirs)


def jpeg_of_ramp(adobe_transform: int | None) -> bytes:
    """Red grows to the right and green downwards; YCbCr, whatever the Adobe marker says."""
    rows, columns = np.mgrid[0:64, 0:64]
    ramp = np.stack([columns * 4, rows * 4, np.full_like(rows, 128)], -1).astype(np.uint8)
    file = io.BytesIO()
    Pillow.fromarray(ramp).save(file, "JPEG", quality=95, subsampling=0)
    jpeg = file.getvalue()
    assert jpeg[2:4] == b"\xff\xe0"  # the JFIF marker, which says YCbCr
    end = 4 + int.from_bytes(jpeg[4:6], "big")
    marker = b""
    if adobe_transform is not None:
        marker = b"\xff\xee\x00\x0eAdobe" + struct.pack(">HHHB", 100, 0, 0, adobe_transform)
    return jpeg[:2] + marker + jpeg[end:]


@pytest.mark.parametrize("adobe_transform", [None, 0, 1])
@pytest.mark.parametrize("photometric", ["YBR_FULL", "YBR_FULL_422"])
def test_jpeg_of_ycbcr_is_converted_once(
    make: Make,
    locate: Locate,
    open_file: OpenFile,
    photometric: str,
    adobe_transform: int | None,
) -> None:
    """YCbCr in baseline JPEG becomes RGB once, with any Adobe marker and without one."""
    jpeg = jpeg_of_ramp(adobe_transform)
    jpeg += b"\0" * (len(jpeg) % 2)
    content = make(
        b"\xfe\xff\x00\xe0\x00\x00\x00\x00" + struct.pack("<HHI", 0xFFFE, 0xE000, len(jpeg)) + jpeg,
        "1.2.840.10008.1.2.4.50",
        vr="OB",
        Rows=64,
        Columns=64,
        SamplesPerPixel=3,
        PlanarConfiguration=0,
        PhotometricInterpretation=photometric,
        BitsAllocated=8,
        BitsStored=8,
        PixelRepresentation=0,
    )
    pixels = decode(content, locate, open_file).astype(int)
    rows, columns = np.mgrid[0:64, 0:64]
    assert np.abs(pixels[:, :, 0] - columns * 4).max() <= 8
    assert np.abs(pixels[:, :, 1] - rows * 4).max() <= 8
    assert np.abs(pixels[:, :, 2] - 128).max() <= 8


HTJ2K_RAMP = base64.b64decode(
    "/0//UQApQAAAAAAQAAAAEAAAAAAAAAAAAAAAEAAAABAAAAAAAAAAAAABDwEB/1AACAACAAAACv9SAAwAAgABAAUEBEAB"
    "/1wAEyCIkJCQkJCQkJCQkJCQiIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAH4AAf+TwAAmSfYFB3QA"
    "AMAAEsAAEwAiAYd0AEbyA4d0AMAAE0AAE4AQyAECdAAe6ZEAw1QAwAAVEAAFYIZhGKpwgnUAfvTDDz/+wFKB7LYAwAAr"
    "IAAWkO7u7u7nwKenp8J4AP79/f39/f39/Yxge/Yxgey6AP/Z"
)
"""Values 0, 16, 32, ... in 16 x 16 pixels, encoded losslessly by OpenJPH."""


@pytest.mark.parametrize("syntax", ["201", "202", "203"])
def test_htj2k(make: Make, locate: Locate, open_file: OpenFile, syntax: str) -> None:
    """High-throughput JPEG 2000 decodes to the values that were encoded."""
    item = struct.pack("<HHI", 0xFFFE, 0xE000, len(HTJ2K_RAMP) + 1) + HTJ2K_RAMP + b"\0"
    ramp = np.arange(256, dtype=np.uint16).reshape(16, 16) * 16
    content = make(
        b"\xfe\xff\x00\xe0\x00\x00\x00\x00" + item,
        "1.2.840.10008.1.2.4." + syntax,
        vr="OB",
        Rows=16,
        Columns=16,
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        BitsAllocated=16,
        BitsStored=16,
        PixelRepresentation=0,
    )
    np.testing.assert_array_equal(decode(content, locate, open_file), ramp)


def test_unused_bits_are_cleared(make: Make, locate: Locate, open_file: OpenFile) -> None:
    """Of 16 allocated bits with 12 stored, the upper four do not count."""
    content = make(np.array([[0xF000, 0xF001], [0xFFFF, 5]], "<u2"), BitsStored=12, HighBit=11)
    assert decode(content, locate, open_file).tolist() == [[0, 1], [4095, 5]]


def test_unused_bits_take_the_sign(make: Make, locate: Locate, open_file: OpenFile) -> None:
    """Signed values of 12 bits get their sign from the twelfth bit."""
    content = make(np.array([[0x0FFF, 0x0800], [0x07FF, 0x1005]], "<i2"), BitsStored=12, HighBit=11)
    assert decode(content, locate, open_file).tolist() == [[-1, -2048], [2047, 5]]


def test_high_bit_moves_values_down(make: Make, locate: Locate, open_file: OpenFile) -> None:
    """An old file that keeps 12 bits at the top of 16 is read with the values that it means."""
    content = make(np.array([[0x0010, 0x0020], [0x0FF0, 0xFFF0]], "<u2"), BitsStored=12, HighBit=15)
    assert decode(content, locate, open_file).tolist() == [[1, 2], [255, 4095]]


@pytest.mark.parametrize(
    "bits",
    [
        {"BitsStored": 12, "HighBit": 7},
        {"BitsStored": 12, "HighBit": 0},
        {"BitsStored": 12, "HighBit": 16},
        {"BitsStored": 12},
        {"BitsStored": 0, "HighBit": 11},
    ],
    ids=str,
)
@pytest.mark.parametrize("signed", [False, True])
def test_impossible_high_bit(
    make: Make, locate: Locate, open_file: OpenFile, bits: dict[str, int], signed: bool
) -> None:
    """Without a High Bit that can be, the lowest bits are the value (PS3.5 8.1.1)."""
    values = np.array([[1, 0x7FF], [0xF800, 0xFFFF]], "<u2")
    content = make(values.view("<i2") if signed else values, **bits)
    negative = [[1, 2047], [-2048, -1]]
    expected = negative if signed else [[1, 2047], [0x800, 0xFFF]]
    assert decode(content, locate, open_file).tolist() == expected


@pytest.mark.parametrize(
    "bits",
    [
        {"BitsStored": 0, "HighBit": 0},
        {"BitsStored": 17, "HighBit": 16},
        {"BitsStored": 255, "HighBit": 254},
        {"BitsStored": 0, "HighBit": 16},
        {"BitsStored": 16, "HighBit": 7},
    ],
    ids=str,
)
def test_impossible_bits_stored(
    make: Make, locate: Locate, open_file: OpenFile, bits: dict[str, int]
) -> None:
    """Without Bits Stored that can be, all allocated bits count."""
    content = make(np.array([[1, 2], [0xF800, 0xFFFF]], "<u2"), **bits)
    assert decode(content, locate, open_file).tolist() == [[1, 2], [0xF800, 0xFFFF]]


def test_length_tells_bits_allocated(make: Make, locate: Locate, open_file: OpenFile) -> None:
    """12 bits do not fit into 8 Bits Allocated, but into the two bytes that each pixel has."""
    values = np.array([[1, 2], [300, 4095]], "<u2")
    content = make(values, BitsAllocated=8, BitsStored=12, HighBit=11)
    assert decode(content, locate, open_file).tolist() == values.tolist()


@pytest.mark.parametrize(("frame", "expected"), [(0, [1, 0, 1, 0, 1, 0, 1, 0, 0]), (1, [1, 1, 0])])
def test_bits_of_frames_without_padding(
    make: Make, locate: Locate, open_file: OpenFile, frame: int, expected: list[int]
) -> None:
    """A second frame of nine 1-bit pixels begins in the middle of a byte."""
    content = make(
        bytes([0b01010101, 0b00000110, 0]),
        Rows=3,
        Columns=3,
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        BitsAllocated=1,
        BitsStored=1,
        HighBit=0,
        PixelRepresentation=0,
        NumberOfFrames=2,
    )
    assert decode(content, locate, open_file, frame).ravel()[: len(expected)].tolist() == expected


def test_planes_become_pixels(make: Make, locate: Locate, open_file: OpenFile) -> None:
    """Colour by plane gives the same pixels as colour by pixel."""
    by_pixel = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    planes = by_pixel.transpose(2, 0, 1).tobytes()
    content = make(
        planes,
        vr="OB",
        Rows=2,
        Columns=2,
        SamplesPerPixel=3,
        PlanarConfiguration=1,
        PhotometricInterpretation="RGB",
        BitsAllocated=8,
        BitsStored=8,
        PixelRepresentation=0,
    )
    assert decode(content, locate, open_file).tolist() == by_pixel.tolist()


def test_ybr_full_422(make: Make, locate: Locate, open_file: OpenFile) -> None:
    """Two neighbours share their chroma; grey stays grey and red becomes red."""
    content = make(
        bytes([10, 20, 128, 128, 76, 76, 85, 255]),
        vr="OB",
        Rows=1,
        Columns=4,
        SamplesPerPixel=3,
        PlanarConfiguration=0,
        PhotometricInterpretation="YBR_FULL_422",
        BitsAllocated=8,
        BitsStored=8,
        PixelRepresentation=0,
    )
    assert decode(content, locate, open_file).tolist() == [
        [[10, 10, 10], [20, 20, 20], [254, 0, 0], [254, 0, 0]]
    ]


@pytest.mark.parametrize(
    ("keyword", "vr", "kind"),
    [("FloatPixelData", "OF", "<f4"), ("DoubleFloatPixelData", "OD", "<f8")],
)
def test_float_pixel_data(
    make: Make, locate: Locate, open_file: OpenFile, keyword: str, vr: str, kind: str
) -> None:
    """Parametric maps of floats and doubles decode to their numbers."""
    values = np.array([[0.5, -1.25], [3.0, 1e6]], kind)
    content = make(values, vr=vr, keyword=keyword)
    assert decode(content, locate, open_file).tolist() == [[0.5, -1.25], [3.0, 1e6]]


def test_plain_pixels_in_a_compressed_syntax(
    make: Make, locate: Locate, open_file: OpenFile
) -> None:
    """Compressed ones are fragments: others are what they are, unless they may be a code stream."""

    def mislabelled(values: list[list[int]]) -> bytes:
        plain = make(np.array(values, np.uint8))
        return plain.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.5\0")

    values = [[7, 8], [9, 10]]
    assert decode(mislabelled(values), locate, open_file).tolist() == values
    with pytest.raises(UnsupportedImage):
        decode(mislabelled([[0xFF, 0xD8], [0xFF, 0xDB]]), locate, open_file)

# SPDX-License-Identifier: Apache-2.0
"""A code stream is believed rather than the header that contradicts it."""

import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow
from pydicom.data import get_testdata_file
from pydicom.encaps import generate_frames
from pydicom.pixels.processing import convert_color_space

from pons.errors import UnsupportedImage
from pons_render.codestream import Coding, read_code_stream

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
Make = Callable[..., bytes]
Pixels = NDArray[Any]
Show = Callable[..., Pixels]

BASELINE, EXTENDED = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"
LOSSLESS, JPEG_LS, JPEG_2000 = (f"1.2.840.10008.1.2.4.{end}" for end in ("70", "80", "90"))
RAMP = np.arange(0, 256, 4, dtype=np.uint8).reshape(8, 8)
PATCHES = np.zeros((16, 16, 3), np.uint8)
PATCHES[:, :8] = 200, 30, 40
PATCHES[:, 8:] = 20, 180, 60
PATCHES[8:] //= 2


def jpeg(pixels: Pixels, mode: str | None = None, **options: Any) -> bytes:
    file = io.BytesIO()
    Pillow.fromarray(pixels, mode).save(file, "JPEG", quality=100, subsampling=0, **options)
    return file.getvalue()


def mark(data: bytes, marker: bytes = b"") -> bytes:
    """A JPEG with another application marker than JFIF, or without one."""
    assert data[2:4] == b"\xff\xe0"
    return data[:2] + marker + data[4 + int.from_bytes(data[4:6], "big") :]


def adobe(transform: int) -> bytes:
    return b"\xff\xee\x00\x0eAdobe" + struct.pack(">HHHB", 100, 0, 0, transform)


@pytest.fixture
def show(make: Make, encapsulate: Make, preview: Show) -> Show:
    """The preview of a code stream whose header says what is given, and else the truth of RAMP."""

    def shown(stream: bytes, syntax: str = BASELINE, **said: Any) -> Pixels:
        attributes: dict[str, Any] = {
            "Rows": 8,
            "Columns": 8,
            "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2",
            "BitsAllocated": 8,
            "BitsStored": 8,
            "PixelRepresentation": 0,
        }
        data = encapsulate([stream])
        return preview(make(data, syntax, vr="OB", **attributes | said))

    return shown


def colour(interpretation: str, **more: Any) -> dict[str, Any]:
    return {
        "Rows": 16,
        "Columns": 16,
        "SamplesPerPixel": 3,
        "PhotometricInterpretation": interpretation,
        "PlanarConfiguration": 0,
    } | more


def assert_close(pixels: Pixels, expected: Pixels, most: int = 4) -> None:
    assert pixels.shape == expected.shape
    assert np.abs(pixels.astype(int) - expected).max() <= most


STRETCHED = np.round(RAMP / 252 * 255)


@pytest.mark.parametrize("syntax", [BASELINE, EXTENDED])
@pytest.mark.parametrize(
    "bits", [(16, 8, 7), (16, 16, 15), (16, 12, 11), (8, 8, 7), (8, 0, 0), (12, 12, 11), (16, 0, 7)]
)
@pytest.mark.parametrize("signed", [False, True])
def test_8_bit_jpeg(show: Show, syntax: str, bits: tuple[int, int, int], signed: bool) -> None:
    """A JPEG of 8 bits is a picture of 8 bits in whatever Bits Allocated."""
    allocated, stored, high = bits
    pixels = show(
        jpeg(RAMP),
        syntax,
        BitsAllocated=allocated,
        BitsStored=stored,
        HighBit=high,
        PixelRepresentation=int(signed),
    )
    if signed and stored in (0, 8):  # such values have a sign
        assert_close(pixels, np.round((RAMP.view(np.int8).astype(int) + 128) / 252 * 255))
    else:
        assert_close(pixels, STRETCHED)


@pytest.mark.parametrize("bits", [(16, 12, 11), (8, 8, 7), (16, 8, 7), (16, 0, 0)])
def test_12_bit_jpeg(make: Make, preview: Show, bits: tuple[int, int, int]) -> None:
    """A JPEG of 12 bits is a picture of 12 bits, in Bits Allocated 8 too."""
    ds = pydicom.dcmread(str(get_testdata_file("JPGExtended.dcm", download=False)))
    honest = io.BytesIO()
    ds.save_as(honest)
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = bits
    file = io.BytesIO()
    ds.save_as(file)
    np.testing.assert_array_equal(preview(file.getvalue()), preview(honest.getvalue()))


@pytest.mark.parametrize("shape", [(5, 8), (8, 5), (9, 9), (16, 40)])
def test_another_size(show: Show, shape: tuple[int, int]) -> None:
    """Rows and Columns of a picture are those of its code stream."""
    pixels = np.linspace(0, 255, shape[0] * shape[1]).astype(np.uint8).reshape(shape)
    assert_close(show(jpeg(pixels)), pixels)


def test_other_components(show: Show) -> None:
    """Grey in a colour image is grey, colour in a grey one is in colour."""
    assert_close(show(jpeg(RAMP), **colour("YBR_FULL_422", Rows=8, Columns=8)), STRETCHED)
    assert_close(show(jpeg(PATCHES), Rows=16, Columns=16), PATCHES)


def test_four_components(show: Show) -> None:
    """CMYK is no colour of DICOM."""
    data = jpeg(np.zeros((8, 8, 4), np.uint8), "CMYK")
    with pytest.raises(UnsupportedImage, match="4 components"):
        show(data, **colour("RGB", Rows=8, Columns=8))


YCC_NAMES = (
    "YBR_FULL",
    "YBR_FULL_422",
    "YBR_PARTIAL_422",
    "YBR_PARTIAL_420",
    "YBR_ICT",
    "YBR_RCT",
)


@pytest.mark.parametrize("said", [*YCC_NAMES, "RGB", "MONOCHROME2", "PALETTE COLOR"])
@pytest.mark.parametrize("planar", [0, 1])
def test_jfif_is_ycbcr(show: Show, said: str, planar: int) -> None:
    """JPEG that says YCbCr itself is converted once, whatever the header calls it."""
    if said == "PALETTE COLOR":
        with pytest.raises(UnsupportedImage, match="lookup tables"):
            show(jpeg(PATCHES), **colour(said))
        return
    assert_close(show(jpeg(PATCHES), **colour(said, PlanarConfiguration=planar)), PATCHES)


@pytest.mark.parametrize("said", ["RGB", *YCC_NAMES])
@pytest.mark.parametrize("planar", [0, 1])
def test_jpeg_that_says_rgb(show: Show, said: str, planar: int) -> None:
    """An Adobe marker without transformation is believed where the samples are no YCbCr."""
    rgb = mark(jpeg(PATCHES, "YCbCr"), adobe(0))  # kept as they are: red is called luminance
    assert_close(show(rgb, **colour(said, PlanarConfiguration=planar)), PATCHES)


@pytest.mark.parametrize("marker", [b"", adobe(0), adobe(1)])
def test_header_that_says_ycbcr(show: Show, marker: bytes) -> None:
    """What the header calls YCbCr is converted, even if a marker denies what the samples are."""
    assert_close(show(mark(jpeg(PATCHES), marker), **colour("YBR_FULL")), PATCHES)


def test_header_that_says_rgb(show: Show) -> None:
    """Without a marker the header decides; with one that says YCbCr, the marker."""
    plain = mark(jpeg(PATCHES, "YCbCr"))
    assert_close(show(plain, **colour("RGB")), PATCHES)
    assert_close(show(mark(jpeg(PATCHES), adobe(1)), **colour("RGB")), PATCHES)
    # chroma of half the width is never green and blue
    file = io.BytesIO()
    Pillow.fromarray(PATCHES).save(file, "JPEG", quality=100, subsampling=1)
    pixels = show(mark(file.getvalue()), **colour("RGB"))
    assert_close(pixels[:, :7], PATCHES[:, :7])


def test_colour_in_16_bits(show: Show) -> None:
    """Colour of 8 bits is shown with Bits Allocated 16."""
    said = colour("YBR_FULL_422", BitsAllocated=16, BitsStored=8)
    assert_close(show(jpeg(PATCHES), **said), PATCHES)


def frame_of(name: str) -> tuple[pydicom.Dataset, bytes]:
    path = str(get_testdata_file(name, download=False))
    assert Path(path).exists()
    ds = pydicom.dcmread(path)
    return ds, next(generate_frames(ds.PixelData, number_of_frames=1))


@pytest.mark.parametrize(
    ("name", "syntax"),
    [
        ("JPEG-LL.dcm", LOSSLESS),
        ("MR_small_jpeg_ls_lossless.dcm", JPEG_LS),
        ("MR_small_jp2klossless.dcm", JPEG_2000),
    ],
)
@pytest.mark.parametrize(
    "said",
    [
        {},
        {"Rows": 11, "Columns": 300},
        {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7},
        {"BitsAllocated": 12},
        {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 1},
        {"syntax": BASELINE},
        {"syntax": JPEG_2000},
        {"syntax": LOSSLESS},
    ],
    ids=str,
)
def test_other_codings(
    show: Show, preview: Show, name: str, syntax: str, said: dict[str, Any]
) -> None:
    """Lossless JPEG, JPEG-LS and JPEG 2000 are decoded by what they are, too."""
    ds, stream = frame_of(name)
    path = Path(str(get_testdata_file(name, download=False)))
    honest = {
        "syntax": syntax,
        "Rows": ds.Rows,
        "Columns": ds.Columns,
        "BitsAllocated": ds.BitsAllocated,
        "BitsStored": ds.BitsStored,
        "HighBit": ds.HighBit,
        "PixelRepresentation": ds.PixelRepresentation,
    }
    assert_close(show(stream, **honest | said), preview(path.read_bytes()), 0)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2.5"])
def test_jpeg_in_another_syntax(make: Make, encapsulate: Make, preview: Show, syntax: str) -> None:
    """JPEG in a file that is said to be uncompressed, or RLE, is shown as what it is."""
    content = make(
        encapsulate([jpeg(RAMP)]),
        "1.2.840.10008.1.2.4.50",
        vr="OB",
        Rows=8,
        Columns=8,
        SamplesPerPixel=1,
        BitsAllocated=8,
    )
    said = syntax.encode() + b"\0" * (22 - len(syntax))
    content = content.replace(b"1.2.840.10008.1.2.4.50", said)
    assert_close(preview(content), STRETCHED)


def test_transformed_colour_of_jpeg_2000(show: Show) -> None:
    """What JPEG 2000 itself turns into RGB is not converted again, whatever the header says."""
    ds, stream = frame_of("US1_J2KR.dcm")
    expected = show(stream, JPEG_2000, **colour("YBR_RCT", Rows=ds.Rows, Columns=ds.Columns))
    for said in ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT"):
        more = colour(said, Rows=ds.Rows, Columns=ds.Columns, PlanarConfiguration=1)
        np.testing.assert_array_equal(show(stream, JPEG_2000, **more), expected)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xff\xd8\xff", "ends inside its header"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "ends inside its header"),
        (b"\xff\xd8\xff\xd9" * 9, "ends inside its header"),
        (b"\xff\xd8\xff\xfe\x00\x04ab12345678", "no marker at its byte 8"),
        (b"\xff\xd8\xff\xda" + bytes(20), "no frame header"),
        (b"\xff\xd8\xff\xc9\x00\x0b\x08\x00\x08\x00\x08\x01\x01\x11\x00", "SOF C9"),
        (b"\xff\x4f\xff\x51\x00\x29", "ends inside its header"),
        (b"GIF89a", "begins with 47 49 46 38"),
    ],
)
def test_no_code_stream(data: bytes, reason: str) -> None:
    """What is no code stream is told with what was found."""
    with pytest.raises(UnsupportedImage, match=reason):
        read_code_stream(data)


@pytest.mark.parametrize(
    ("name", "coding", "shape", "precision"),
    [
        ("JPGExtended.dcm", Coding.DCT, (1024, 256, 1), 12),
        ("SC_rgb_jpeg_dcmtk.dcm", Coding.DCT, (100, 100, 3), 8),
        ("JPEG-LL.dcm", Coding.LOSSLESS, (1024, 256, 1), 16),
        ("MR_small_jpeg_ls_lossless.dcm", Coding.JPEG_LS, (64, 64, 1), 16),
        ("693_J2KI.dcm", Coding.JPEG_2000, (512, 512, 1), 16),
    ],
)
def test_code_streams(
    name: str, coding: Coding, shape: tuple[int, int, int], precision: int
) -> None:
    """Coding, size, components and bits are read from the code stream."""
    _, data = frame_of(name)
    found = read_code_stream(data)
    assert (found.coding, found.precision) == (coding, precision)
    assert (found.rows, found.columns, found.components) == shape


def test_huge_code_stream(show: Show) -> None:
    """A code stream that claims more than a frame may have is refused before it is decoded."""
    data = bytearray(jpeg(RAMP))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    with pytest.raises(UnsupportedImage, match="65535 x 65535"):
        show(bytes(data))


def test_sign_that_the_encoder_did_not_fill(show: Show, preview: Show) -> None:
    """Signed values of 12 bits whose unused bits are empty get their sign after decoding."""
    import jpeg_ls

    values = np.arange(-2048, 2048, 64, dtype=np.int16).reshape(8, 8)
    empty = (values & 0xFFF).astype("<u2").tobytes()
    stream = bytes(jpeg_ls.encode_buffer(empty, 8, 8, 1, 16))
    said = {"BitsAllocated": 16, "BitsStored": 12, "HighBit": 11, "PixelRepresentation": 1}
    assert read_code_stream(stream).precision > 12
    expected = np.round((values + 2048) / (values.max() + 2048) * 255)
    assert_close(show(stream, JPEG_LS, **said), expected, 1)


def test_ybr_without_a_mark(show: Show) -> None:
    """JPEG-LS knows no colour: what the header calls YBR_FULL is converted."""
    import jpeg_ls

    ybr = convert_color_space(PATCHES, "RGB", "YBR_FULL")
    stream = bytes(jpeg_ls.encode(np.ascontiguousarray(ybr)))
    assert_close(show(stream, JPEG_LS, **colour("YBR_FULL")), PATCHES)

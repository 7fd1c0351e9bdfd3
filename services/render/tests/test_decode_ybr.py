# SPDX-License-Identifier: Apache-2.0
"""Colours in YBR, with all samples, half of them, or some cut off."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pons.errors import UnsupportedImage

from .decoding import Locate, OpenFile, decode

pytestmark = [
    # pydicom's readers and decoders complain of its own deliberately odd test files
    pytest.mark.filterwarnings("ignore::UserWarning"),
]
Make = Callable[..., bytes]


YBR = [
    [[10, 128, 128], [20, 128, 128], [76, 85, 255], [76, 85, 255]],
    [[150, 44, 21], [150, 44, 21], [29, 255, 107], [29, 255, 107]],
]
"""Two greys, red, green, blue: neighbours have the same chroma."""
YBR_IN_RGB = [
    [[10, 10, 10], [20, 20, 20], [254, 0, 0], [254, 0, 0]],
    [[0, 255, 1], [0, 255, 1], [0, 0, 254], [0, 0, 254]],
]


def make_ybr(make: Make, data: bytes, interpretation: str = "YBR_FULL_422", **more: int) -> bytes:
    attributes: dict[str, Any] = {"Rows": 2, "Columns": 4, "PlanarConfiguration": 0} | more
    return make(
        data,
        vr="OB",
        SamplesPerPixel=3,
        PhotometricInterpretation=interpretation,
        BitsAllocated=8,
        BitsStored=8,
        PixelRepresentation=0,
        **attributes,
    )


def subsample(pixels: Any) -> bytes:
    """Y Y Cb Cr of each two neighbours."""
    rows = [row[at : at + 2] for row in pixels.tolist() for at in range(0, len(row), 2)]
    return bytes(value for a, b in rows for value in (a[0], b[0], a[1], a[2]))


@pytest.mark.parametrize("padding", [0, 2, 6])
@pytest.mark.parametrize("planar", [0, 1])
def test_ybr_full_422_with_all_samples(
    make: Make, locate: Locate, open_file: OpenFile, planar: int, padding: int
) -> None:
    """The length tells that chroma was not left out, whatever the header says."""
    ybr = np.array(YBR, np.uint8)
    data = (ybr.transpose(2, 0, 1) if planar else ybr).tobytes() + bytes(padding)
    content = make_ybr(make, data, PlanarConfiguration=planar)
    assert decode(content, locate, open_file).tolist() == YBR_IN_RGB


@pytest.mark.parametrize("said", ["ybr_full", "Ybr_Full_422 "])
def test_colours_in_lower_case(make: Make, locate: Locate, open_file: OpenFile, said: str) -> None:
    """Photometric Interpretation is in capitals (PS3.5 6.2, CS); some writers do not know."""
    content = make_ybr(make, bytes(np.array(YBR, np.uint8)), said)
    assert decode(content, locate, open_file).tolist() == YBR_IN_RGB


@pytest.mark.parametrize("padding", [0, 2, 6])
def test_ybr_full_422_keeps_its_meaning(
    make: Make, locate: Locate, open_file: OpenFile, padding: int
) -> None:
    """Two thirds of the samples and some padding are 4:2:2; there are no planes in it."""
    data = subsample(np.array(YBR, np.uint8)) + bytes(padding)
    content = make_ybr(make, data, PlanarConfiguration=1)
    assert decode(content, locate, open_file).tolist() == YBR_IN_RGB


def test_all_samples_that_were_cut_off(make: Make, locate: Locate, open_file: OpenFile) -> None:
    """A picture that lacks its end is refused rather than read as 4:2:2 of other pixels."""
    for times, missing in (((8, 8, 1), 2), ((4, 2, 1), 2), ((4, 2, 1), 32)):
        pixels = np.tile(np.array(YBR, np.uint8), times)
        rows, columns, _ = pixels.shape
        content = make_ybr(make, pixels.tobytes()[:-missing], Rows=rows, Columns=columns)
        with pytest.raises(UnsupportedImage, match="do not fit"):
            decode(content, locate, open_file)


@pytest.mark.parametrize("has_all", [True, False])
def test_frames_of_ybr_full_422(
    make: Make, locate: Locate, ask: Make, open_file: OpenFile, has_all: bool
) -> None:
    """The second frame begins after all bytes of the first, as picture and as raw frame."""
    first = np.array(YBR, np.uint8)
    frames = [frame.tobytes() if has_all else subsample(frame) for frame in (first, first[::-1])]
    content = make_ybr(make, b"".join(frames), NumberOfFrames=2)
    assert decode(content, locate, open_file, 0).tolist() == YBR_IN_RGB
    assert decode(content, locate, open_file, 1).tolist() == YBR_IN_RGB[::-1]
    assert [ask(content, number, "raw") for number in (0, 1)] == frames


def test_odd_columns_of_ybr_full_422(make: Make, locate: Locate, open_file: OpenFile) -> None:
    """Pixels without a neighbour are right when all samples are there, and refused when not."""
    pixels = np.array(YBR, np.uint8)[:, :3]
    content = make_ybr(make, pixels.tobytes(), Columns=3)
    assert decode(content, locate, open_file).tolist() == [row[:3] for row in YBR_IN_RGB]
    with pytest.raises(UnsupportedImage, match="even number of columns"):
        decode(make_ybr(make, bytes(12), Columns=3), locate, open_file)


@pytest.mark.parametrize("has_all", [True, False])
def test_ybr_partial_422(make: Make, locate: Locate, open_file: OpenFile, has_all: bool) -> None:
    """Black is 16 and white 235 (PS3.3 C.7.6.3.1.2 until 2017)."""
    ybr = np.array([[[16, 128, 128]] * 2 + [[235, 128, 128]] * 2] * 2, np.uint8)
    data = ybr.tobytes() if has_all else subsample(ybr)
    content = make_ybr(make, data, "YBR_PARTIAL_422")
    assert decode(content, locate, open_file).tolist() == [[[0] * 3] * 2 + [[255] * 3] * 2] * 2


@pytest.mark.parametrize(
    "interpretation", ["YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT", "HSV", "CMYK", "ARGB"]
)
def test_colours_that_are_not_known(
    make: Make, locate: Locate, open_file: OpenFile, interpretation: str
) -> None:
    """Colours that would be guessed are refused."""
    content = make_ybr(make, np.array(YBR, np.uint8).tobytes(), interpretation)
    with pytest.raises(UnsupportedImage):
        decode(content, locate, open_file)


@pytest.mark.parametrize("interpretation", ["YBR_ICT", "YBR_RCT"])
def test_what_a_decompressor_left(
    make: Make, locate: Locate, open_file: OpenFile, interpretation: str
) -> None:
    """RGB that can be nothing else is shown, although the header still tells of JPEG 2000."""
    rgb = np.array([[[0, 0, 0], [255, 255, 255]], [[200, 30, 40], [20, 180, 60]]], np.uint8)
    content = make_ybr(make, rgb.tobytes(), interpretation, Columns=2)
    assert decode(content, locate, open_file).tolist() == rgb.tolist()


@pytest.mark.parametrize("less", [1, 4, 12])
def test_pixel_data_that_is_too_short(
    make: Make, locate: Locate, open_file: OpenFile, less: int
) -> None:
    """A picture whose last samples are missing is refused with both sizes."""
    data = subsample(np.array(YBR, np.uint8))
    with pytest.raises(UnsupportedImage, match="do not fit"):
        decode(make_ybr(make, data[:-less][:-1]), locate, open_file)

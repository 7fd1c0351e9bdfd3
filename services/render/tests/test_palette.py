# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.pixels.processing import apply_color_lut

from pons.errors import UnsupportedImage
from pons_render.decode import decode_frame
from pons_render.image import Located, read_image
from pons_render.palette import apply_palette
from pons_render.source import LocalFile

OpenFile = Callable[[bytes], LocalFile]
Locate = Callable[[bytes], Located]
Make = Callable[..., bytes]
COLORS = ("Red", "Green", "Blue")


def colored(content: bytes, locate: Locate, open_file: OpenFile) -> Any:
    source = open_file(content)
    image, pixels = decode_frame(read_image(locate(content)), source, 0, most=1 << 30)
    return apply_palette(image, pixels, source)


def palette_attributes(
    descriptor: tuple[int, int, int], tables: list[bytes], segmented: bool = False
) -> dict[str, Any]:
    kind = "Segmented" if segmented else ""
    values: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for color, table in zip(COLORS, tables, strict=True):
        values[f"{color}PaletteColorLookupTableDescriptor"] = list(descriptor)
        values[f"{kind}{color}PaletteColorLookupTableData"] = table
    return values


def words(*numbers: int) -> bytes:
    return np.array(numbers, "<u2").tobytes()


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("examples_palette.dcm", "examples_palette.dcm"),
        ("OBXXXX1A.dcm", "OBXXXX1A.dcm"),
        ("OBXXXX1A_rle.dcm", "OBXXXX1A.dcm"),
        ("OBXXXX1A_expb.dcm", "OBXXXX1A.dcm"),  # pydicom reads big endian tables as little
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_palette_equals_pydicom(
    name: str, reference: str, locate: Locate, open_file: OpenFile
) -> None:
    """Palettes of pydicom's test data give pydicom's colours, their upper 8 bits."""
    path = Path(str(get_testdata_file(name, download=False)))
    ds = pydicom.dcmread(str(get_testdata_file(reference, download=False)))
    expected = apply_color_lut(ds.pixel_array, ds)
    if expected.dtype == np.uint16:
        expected = expected >> 8
    np.testing.assert_array_equal(colored(path.read_bytes(), locate, open_file), expected)


def test_entries_of_8_bits(make: Make, locate: Locate, open_file: OpenFile) -> None:
    """Two entries share a word; values beyond the last entry take the last colour."""
    attributes = palette_attributes((4, 0, 8), [bytes([1, 2, 3, 4]), bytes(4), bytes([9] * 4)])
    content = make(np.array([[0, 1], [3, 200]], np.uint8), **attributes)
    assert colored(content, locate, open_file).tolist() == [
        [[1, 0, 9], [2, 0, 9]],
        [[4, 0, 9], [4, 0, 9]],
    ]


def test_entries_of_16_bits(make: Make, locate: Locate, open_file: OpenFile) -> None:
    """Of 16-bit entries the upper 8 bits are shown."""
    attributes = palette_attributes((2, 0, 16), [words(256, 65535), words(0, 512), words(255, 1)])
    content = make(np.array([[0, 1]], np.uint16), **attributes)
    assert colored(content, locate, open_file).tolist() == [[[1, 0, 0], [255, 2, 0]]]


def test_8_bit_entries_in_words(make: Make, locate: Locate, open_file: OpenFile) -> None:
    """Writers that waste a word on 8-bit entries are understood."""
    attributes = palette_attributes((2, 0, 8), [words(17, 18), words(0, 1), words(255, 254)])
    content = make(np.array([[0, 1]], np.uint8), **attributes)
    assert colored(content, locate, open_file).tolist() == [[[17, 0, 255], [18, 1, 254]]]


def test_first_mapped_value(make: Make, locate: Locate, open_file: OpenFile) -> None:
    """Values at and before the first that is mapped take the first colour, also negative ones."""
    attributes = palette_attributes((2, -1, 8), [bytes([5, 6])] * 3)
    content = make(np.array([[-3, -1, 0, 9]], "<i2"), **attributes)
    picture = colored(content, locate, open_file)
    assert picture[..., 0].tolist() == [[5, 5, 6, 6]]


def test_8_bit_table_for_16_bit_pixels(make: Make, locate: Locate, open_file: OpenFile) -> None:
    """A table of more than 256 entries of 8 bits reaches beyond entry 255."""
    table = bytes(300 % 256 if i == 299 else 0 for i in range(300))
    attributes = palette_attributes((300, 0, 8), [table] * 3)
    content = make(np.array([[0, 299]], "<u2"), **attributes)
    assert colored(content, locate, open_file)[..., 0].tolist() == [[0, 44]]


def test_segmented_table(make: Make, locate: Locate, open_file: OpenFile) -> None:
    """Discrete, linear and indirect segments expand to the table that they describe."""
    segments = words(0, 2, 0, 1000, 1, 4, 5000, 2, 1, 0, 0)
    attributes = palette_attributes((8, 0, 16), [segments] * 3, segmented=True)
    content = make(np.arange(8, dtype="<u2").reshape(1, 8), **attributes)
    expected = [value >> 8 for value in (0, 1000, 2000, 3000, 4000, 5000, 0, 1000)]
    assert colored(content, locate, open_file)[..., 2].tolist() == [expected]


@pytest.mark.parametrize(
    "segments",
    [
        words(7, 1, 1),
        words(1, 4, 100),
        words(0, 1, 5, 2, 1, 6, 0),
        words(2, 9, 0, 0),
        words(0, 1, 7, 2, 9, 0, 0),
        words(),
    ],
    ids=[
        "unknown",
        "line from nothing",
        "indirect to itself",
        "indirect to itself, the first",
        "indirect to a run with itself",
        "empty",
    ],
)
def test_broken_segments(make: Make, locate: Locate, open_file: OpenFile, segments: bytes) -> None:
    """Segments that make no sense are an unsupported image, not an endless one."""
    attributes = palette_attributes((4, 0, 16), [segments] * 3, segmented=True)
    content = make(np.zeros((1, 4), "<u2"), **attributes)
    with pytest.raises(UnsupportedImage):
        colored(content, locate, open_file)


def test_indirect_segment_to_the_first(make: Make, locate: Locate, open_file: OpenFile) -> None:
    """A run that begins where the table does may be repeated, as often as the table has room."""
    segments = words(0, 2, 256, 512, 2, 1, 0, 0, 2, 1, 0, 0)
    attributes = palette_attributes((6, 0, 16), [segments] * 3, segmented=True)
    content = make(np.arange(6, dtype="<u2").reshape(1, 6), **attributes)
    assert colored(content, locate, open_file)[..., 0].tolist() == [[1, 2] * 3]


def test_palette_without_tables(make: Make, locate: Locate, open_file: OpenFile) -> None:
    """PALETTE COLOR without tables cannot be shown."""
    content = make(np.zeros((1, 4), np.uint8), PhotometricInterpretation="PALETTE COLOR")
    with pytest.raises(UnsupportedImage):
        colored(content, locate, open_file)

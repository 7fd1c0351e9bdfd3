# SPDX-License-Identifier: Apache-2.0
"""Frames are found by their fragments where a table of offsets is wrong."""

import io
import struct
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from pons.errors import UnsupportedImage

Make = Callable[..., bytes]
Preview = Callable[..., NDArray[np.uint8]]

JPEG, RLE = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.5"
RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)


def jpeg(pixels: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Pillow.fromarray(pixels).save(file, "JPEG", quality=100)
    data = file.getvalue()
    return data + b"\0" * (len(data) % 2)


FRAMES = (jpeg(RAMP), jpeg(RAMP[::-1].copy()))
HEAD = 8
SECOND = HEAD + len(FRAMES[0])

WRONG = {
    "empty": (),
    "zeros": (0, 0),
    "garbage": (0xDEADBEEF, 0xFEEDFACE),
    "from the pixel data element": (12 + 8 + 8, 12 + 8 + 8 + SECOND),
    "with the table": (8 + 8, 8 + 8 + SECOND),
    "to the fragment behind the head": (HEAD, HEAD + SECOND),
    "without heads": (0, len(FRAMES[0])),
    "backwards": (SECOND, 0),
    "one entry": (0,),
    "one entry too many": (0, SECOND, 2 * SECOND),
    "the end twice": (0, SECOND + HEAD + len(FRAMES[1])),
}


def cut(data: bytes, pieces: int) -> list[bytes]:
    size = len(data) // pieces // 2 * 2
    cuts = [*range(0, size * pieces, size), len(data)]
    return [data[a:b] for a, b in pairwise(cuts)]


INSIDE = HEAD + len(cut(FRAMES[0], 2)[0])
"""Where the second fragment of the first frame is."""


def grey(make: Make, pixel_data: bytes, frames: int, syntax: str = JPEG, **more: Any) -> bytes:
    attributes: dict[str, Any] = {"Rows": 16, "Columns": 16} | more
    return make(
        pixel_data,
        syntax,
        vr="OB",
        NumberOfFrames=frames,
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        BitsAllocated=8,
        BitsStored=8,
        PixelRepresentation=0,
        **attributes,
    )


def assert_both(content: bytes, preview: Preview) -> None:
    for number, expected in enumerate((RAMP, RAMP[::-1])):
        assert np.abs(preview(content, number).astype(int) - expected).max() <= 3


@pytest.mark.parametrize("offsets", WRONG.values(), ids=WRONG)
def test_one_fragment_each(
    make: Make, encapsulate: Make, preview: Preview, ask: Make, offsets: tuple[int, ...]
) -> None:
    """As many fragments as frames are the frames, wherever the table points."""
    content = grey(make, encapsulate(FRAMES, offsets), 2)
    assert_both(content, preview)
    assert [ask(content, number, "raw") for number in (0, 1)] == list(FRAMES)


@pytest.mark.parametrize(
    "offsets", [*WRONG.values(), (0, INSIDE)], ids=[*WRONG, "inside the first frame"]
)
def test_many_fragments_each(
    make: Make, encapsulate: Make, preview: Preview, ask: Make, offsets: tuple[int, ...]
) -> None:
    """Where a code stream begins, a frame does."""
    fragments = cut(FRAMES[0], 2) + cut(FRAMES[1], 3)
    content = grey(make, encapsulate(fragments, offsets), 2)
    assert_both(content, preview)
    assert [ask(content, number, "raw") for number in (0, 1)] == list(FRAMES)


@pytest.mark.parametrize(
    ("syntax", "start"),
    [
        ("1.2.840.10008.1.2.4.70", b"\xff\xd8\xff\xc3"),
        ("1.2.840.10008.1.2.4.80", b"\xff\xd8\xff\xf7"),
        ("1.2.840.10008.1.2.4.90", b"\xff\x4f\xff\x51"),
        ("1.2.840.10008.1.2.4.201", b"\xff\x4f\xff\x51"),
    ],
)
def test_marks_of_other_codings(
    make: Make, encapsulate: Make, ask: Make, syntax: str, start: bytes
) -> None:
    """JPEG Lossless, JPEG-LS and JPEG 2000 have marks too."""
    frames = [start + letter * 90 + b"\xff\xd9" for letter in (b"a", b"b", b"c")]
    fragments = [piece for frame in frames for piece in cut(frame, 4)]
    content = grey(make, encapsulate(fragments, (0, 0, 0)), 3, syntax)
    assert [ask(content, number, "raw") for number in range(3)] == frames


def test_right_table_of_many_fragments(make: Make, encapsulate: Make, preview: Preview) -> None:
    """A right table leads to the same."""
    fragments = cut(FRAMES[0], 2) + cut(FRAMES[1], 3)
    second = sum(HEAD + len(fragment) for fragment in fragments[:2])
    assert_both(grey(make, encapsulate(fragments, (0, second)), 2), preview)


@pytest.mark.parametrize("offsets", [(0,), (0xDEADBEEF,), (28,), (0, 0), (0, SECOND), ()], ids=str)
@pytest.mark.parametrize("pieces", [1, 5])
def test_one_frame(
    make: Make, encapsulate: Make, ask: Make, offsets: tuple[int, ...], pieces: int
) -> None:
    """All fragments of an image of one frame are that frame."""
    content = grey(make, encapsulate(cut(FRAMES[0], pieces), offsets), 1)
    assert ask(content, 0, "raw") == FRAMES[0]


@pytest.mark.parametrize("offsets", [(0, 77), (2**63, 2), (SECOND, 0), (0, 2**40)], ids=str)
@pytest.mark.parametrize("lengths", [(5, 7), (2**63, 0), tuple(map(len, FRAMES))], ids=str)
def test_wrong_extended_table(
    make: Make,
    encapsulate: Make,
    ask: Make,
    offsets: tuple[int, int],
    lengths: tuple[int, int],
) -> None:
    """The extended offset table (7FE0,0001) is believed no more than the basic one."""
    content = grey(
        make,
        encapsulate(FRAMES),
        2,
        ExtendedOffsetTable=struct.pack("<2Q", *offsets),
        ExtendedOffsetTableLengths=struct.pack("<2Q", *lengths),
    )
    assert [ask(content, number, "raw") for number in (0, 1)] == list(FRAMES)


@pytest.mark.parametrize(
    "offsets", [(0, 24), (28, 52), (0, 8)], ids=["right", "from elsewhere", "without heads"]
)
def test_table_that_fits_when_it_is_moved(
    make: Make, encapsulate: Make, ask: Make, offsets: tuple[int, ...]
) -> None:
    """Of frames without marks a table is read as its writer meant it, if it then fits."""
    fragments = [b"first1", b"st", b"second", b"nd"]  # the third begins at byte 24
    content = grey(make, encapsulate(fragments, offsets), 2, RLE)
    assert [ask(content, number, "raw") for number in (0, 1)] == [b"first1st", b"secondnd"]


@pytest.mark.parametrize("offsets", [(), (0, 0), (0, 5), (3, 99)], ids=str)
def test_refused_where_it_cannot_be_told(
    make: Make, encapsulate: Make, ask: Make, offsets: tuple[int, ...]
) -> None:
    """Frames whose fragments cannot be told apart are refused, not guessed at."""
    content = grey(make, encapsulate([b"aa", b"bb", b"cc"], offsets), 2, RLE)
    for frame in (0, 1):
        with pytest.raises(UnsupportedImage, match="It cannot be told which of 3 fragments"):
            ask(content, frame, "raw")


def test_frames_in_one_fragment(make: Make, encapsulate: Make, preview: Preview) -> None:
    """Of frames that share a fragment, the first is shown and the others are refused."""
    content = grey(make, encapsulate([b"".join(FRAMES)]), 2)
    assert np.abs(preview(content, 0).astype(int) - RAMP).max() <= 3
    with pytest.raises(UnsupportedImage, match="which of 1 fragments"):
        preview(content, 1)


def test_empty_fragments_between(make: Make, encapsulate: Make, preview: Preview) -> None:
    """Fragments without bytes are no frames."""
    assert_both(grey(make, encapsulate([b"", FRAMES[0], b"", b"", FRAMES[1]]), 2), preview)

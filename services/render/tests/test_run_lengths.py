# SPDX-License-Identifier: Apache-2.0
"""RLE Lossless whose segments are not as long as they should be."""

import struct
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pons.errors import UnsupportedImage

Make = Callable[..., bytes]
Preview = Callable[..., NDArray[np.uint8]]

RLE = "1.2.840.10008.1.2.5"
PLANE = np.arange(0, 256, 4, dtype=np.uint8).reshape(8, 8)
RGB = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}


def literal(data: bytes) -> bytes:
    return bytes([len(data) - 1]) + data


def plane_of(values: NDArray[Any]) -> bytes:
    """A segment of one literal run for each row."""
    return b"".join(literal(row.tobytes()) for row in values)


def frame_of(segments: Sequence[bytes]) -> bytes:
    padded = [segment + b"\0" * (len(segment) % 2) for segment in segments]
    offsets = [64 + sum(map(len, padded[:number])) for number in range(len(padded))]
    header = struct.pack("<16I", len(padded), *offsets, *[0] * (15 - len(padded)))
    return header + b"".join(padded)


@pytest.fixture
def shown(make: Make, encapsulate: Make, preview: Preview) -> Callable[..., NDArray[np.uint8]]:
    """The preview of 8 x 8 pixels in these segments."""

    def show(segments: Sequence[bytes], **more: Any) -> NDArray[np.uint8]:
        attributes: dict[str, Any] = {
            "Rows": 8,
            "Columns": 8,
            "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2",
            "BitsAllocated": 8,
            "BitsStored": 8,
            "PixelRepresentation": 0,
        }
        data = encapsulate([frame_of(segments)])
        return preview(make(data, RLE, vr="OB", **attributes | more))

    return show


MORE = {
    "one": literal(b"\0"),
    "two": literal(b"\0\0"),
    "a run of seven": bytes([257 - 7, 9]),
    "a run of 128": bytes([257 - 128, 9]),
    "no runs": b"\x80\x80\x80",
    "a run without its byte": b"\xfe",
    "a literal without its bytes": b"\x05ab",
}


@pytest.mark.parametrize("more", MORE.values(), ids=MORE)
@pytest.mark.parametrize("samples", [1, 3])
def test_more_than_the_plane(
    shown: Callable[..., NDArray[np.uint8]], more: bytes, samples: int
) -> None:
    """What follows the last row of a plane is padding, in grey and in each plane of colour."""
    segments = [plane_of(PLANE) + more] * samples
    pixels = shown(segments, **RGB if samples == 3 else {})
    if samples == 3:
        assert all((pixels[..., plane] == PLANE).all() for plane in range(3))
    else:
        assert (pixels == np.round(PLANE / 252 * 255)).all()


@pytest.mark.parametrize("more", MORE.values(), ids=MORE)
def test_more_than_the_planes_of_16_bits(
    shown: Callable[..., NDArray[np.uint8]], more: bytes
) -> None:
    """The same holds for both bytes of a sample."""
    values = PLANE.astype(np.uint16) * 257 + 3
    high, low = (values >> 8).astype(np.uint8), (values & 255).astype(np.uint8)
    pixels = shown(
        [plane_of(high) + more, plane_of(low) + more], BitsAllocated=16, BitsStored=16, HighBit=15
    )
    assert (pixels == np.round(PLANE / 252 * 255)).all()


@pytest.mark.parametrize("less", [1, 2, 8])
@pytest.mark.parametrize("samples", [1, 3])
def test_less_than_the_plane(
    shown: Callable[..., NDArray[np.uint8]], less: int, samples: int
) -> None:
    """A plane without its last pixels is refused."""
    short = literal(PLANE.tobytes()[:-less])
    segments = [short] + [plane_of(PLANE)] * (samples - 1)
    with pytest.raises(UnsupportedImage, match="RLE segment 0 ends before its 64 pixels do"):
        shown(segments, **RGB if samples == 3 else {})


def test_cut_short(shown: Callable[..., NDArray[np.uint8]]) -> None:
    """A plane that ends inside a run is refused."""
    with pytest.raises(UnsupportedImage, match="RLE segment 0 ends before its 64 pixels do"):
        shown([plane_of(PLANE)[:-2]])


def test_another_shape(shown: Callable[..., NDArray[np.uint8]]) -> None:
    """Runs that end where rows of another length would, and go on, are another picture."""
    wider = np.arange(90, dtype=np.uint8).reshape(9, 10)
    with pytest.raises(UnsupportedImage, match="goes on for"):
        shown([plane_of(wider)])


def test_runs_across_rows(shown: Callable[..., NDArray[np.uint8]]) -> None:
    """Encoders that go on into the next row are read, a byte too many included."""
    across = literal(PLANE.tobytes()) + literal(b"\0")
    assert (shown([across] * 3, **RGB)[..., 1] == PLANE).all()


def test_segments_tell_the_bytes_of_a_sample(shown: Callable[..., NDArray[np.uint8]]) -> None:
    """One segment is 8 bits and two are 16, whatever Bits Allocated says."""
    expected = np.round(PLANE / 252 * 255)
    assert (shown([plane_of(PLANE)], BitsAllocated=16, BitsStored=8) == expected).all()
    assert (shown([plane_of(PLANE // 16), plane_of(PLANE * 16)]) == expected).all()


@pytest.mark.parametrize("count", [2, 4, 5])
def test_number_of_segments(shown: Callable[..., NDArray[np.uint8]], count: int) -> None:
    """Segments that are no planes of three samples are refused."""
    with pytest.raises(UnsupportedImage, match=f"{count} RLE segments"):
        shown([plane_of(PLANE)] * count, **RGB)


@pytest.mark.parametrize("planar", [0, 1])
def test_planar_configuration(shown: Callable[..., NDArray[np.uint8]], planar: int) -> None:
    """RLE is always by plane, whatever the header says (PS3.5 G.2)."""
    planes = [PLANE, PLANE[::-1], PLANE.T]
    pixels = shown([plane_of(plane) for plane in planes], **RGB | {"PlanarConfiguration": planar})
    assert all((pixels[..., number] == plane).all() for number, plane in enumerate(planes))


@pytest.mark.parametrize(
    "frame",
    [
        b"short",
        bytes(64),
        struct.pack("<16I", 16, *range(64, 79)),
        struct.pack("<3I", 2, 64, 64) + bytes(52),
    ],
    ids=["no header", "no segments", "too many", "empty"],
)
def test_broken_header(make: Make, encapsulate: Make, preview: Preview, frame: bytes) -> None:
    """A header that cannot be is told so."""
    content = make(
        encapsulate([frame + bytes(len(frame) % 2)]),
        RLE,
        vr="OB",
        Rows=8,
        Columns=8,
        BitsAllocated=8,
    )
    with pytest.raises(UnsupportedImage, match="RLE"):
        preview(content)


def test_segment_that_would_decode_to_too_much(shown: Callable[..., NDArray[np.uint8]]) -> None:
    """A small picture does not take the memory that the runs behind it would."""
    runs = bytes([257 - 128, 9]) * 100_000
    tracemalloc.start()
    try:
        pixels = shown([plane_of(PLANE) + runs])
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (pixels == np.round(PLANE / 252 * 255)).all()
    assert most < 64 * len(runs) // 2

# SPDX-License-Identifier: Apache-2.0
"""Frames uncompressed for sending, compared with what pydicom decodes of the same files."""

import io
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate, generate_fragments
from pydicom.pixels import pixel_array
from pydicom.uid import RLELossless

from pons.dicom.transfer_syntaxes import DECODED
from pons.messages.frames import FRAME_LENGTHS, PIXEL_DATA, DecodedFrame
from pons_render.syntaxes import SYNTAXES, Codec

from .asked import example

pytestmark = pytest.mark.anyio
Make = Callable[..., bytes]
FILES = [
    "SC_rgb_jpeg_dcmtk.dcm",
    "SC_rgb_rle.dcm",
    "SC_rgb_rle_16bit_2frame.dcm",
    "MR_small_RLE.dcm",
    "MR_small_jp2klossless.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "JPEG-LL.dcm",
    "JPEG2000.dcm",
    "emri_small_jpeg_2k_lossless.dcm",
    "emri_small_RLE.dcm",
]


async def frames_of(
    client: httpx.AsyncClient, resources: Any, name: str = "one"
) -> list[tuple[DecodedFrame, bytes]]:
    key = str((await resources.find(name)).key)
    answer = await client.get(PIXEL_DATA.format(id=name), params={"content": key})
    assert answer.status_code == 200, answer.text
    found, at, content = [], 0, answer.content
    while at < len(content):
        head, values = FRAME_LENGTHS.unpack_from(content, at)
        at += FRAME_LENGTHS.size
        told = msgspec.json.decode(content[at : at + head], type=DecodedFrame)
        at += head + values
        found.append((told, content[at - values : at]))
    assert at == len(content)
    return found


def test_the_table_is_that_of_the_decoders() -> None:
    """What senders may ask to be decoded is what has a decoder."""
    assert {uid for uid, one in SYNTAXES.items() if one.codec is not Codec.NATIVE} == DECODED


@pytest.mark.parametrize("name", FILES)
async def test_the_values_are_those_of_the_file(
    client: httpx.AsyncClient, resources: Any, name: str
) -> None:
    """Every sample is what pydicom decodes without converting colours, or as RGB."""
    content = example(name)
    resources.add("one", content)
    ds = dcmread(io.BytesIO(content))
    found = await frames_of(client, resources)
    count = int(ds.get("NumberOfFrames") or 1)
    assert len(found) == count
    head, first = found[0]
    assert all(one == head for one, _ in found)
    assert (head.frames, head.rows, head.columns) == (count, ds.Rows, ds.Columns)
    assert head.size == len(first)
    raw = head.photometric_interpretation == "YBR_FULL"
    expected = pixel_array(ds, raw=raw, as_rgb=not raw)
    values = b"".join(one for _, one in found)
    kind = f"<{'ui'[head.pixel_representation]}{head.bits_allocated // 8}"
    assert (np.frombuffer(values, kind).reshape(expected.shape) == expected).all()


async def test_colours_stay_as_they_were_compressed(
    client: httpx.AsyncClient, resources: Any, make: Make
) -> None:
    """YBR_FULL without loss stays so, to the last bit; what JPEG has lost already becomes RGB."""
    samples = np.random.default_rng(1).integers(0, 256, (8, 6, 3), np.uint8)
    planes = b"".join(_literal(samples[..., plane].tobytes()) for plane in range(3))
    starts = [64 + number * len(planes) // 3 for number in range(3)]
    rle = np.array([3, *starts, *[0] * 12], "<u4").tobytes() + planes
    colour = {"SamplesPerPixel": 3, "PlanarConfiguration": 0, "Rows": 8, "Columns": 6}
    ybr = make(
        encapsulate([rle]),
        syntax=RLELossless,
        PhotometricInterpretation="YBR_FULL",
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
        PixelRepresentation=0,
        **colour,
    )
    resources.add("ybr", ybr)
    ((head, values),) = await frames_of(client, resources, "ybr")
    assert (head.photometric_interpretation, head.lossy) == ("YBR_FULL", False)
    assert values == samples.tobytes()
    resources.add("jpeg", example("SC_rgb_jpeg_dcmtk.dcm"))
    ((head, _),) = await frames_of(client, resources, "jpeg")
    assert (head.photometric_interpretation, head.lossy) == ("RGB", True)


def _literal(values: bytes) -> bytes:
    """A segment of RLE that repeats nothing."""
    assert len(values) <= 128
    segment = bytes([len(values) - 1]) + values
    return segment + b"\0" * (len(segment) % 2)


async def test_unused_bits_are_kept(client: httpx.AsyncClient, resources: Any, make: Make) -> None:
    """Bits above those of the pixels, where old files keep overlays, arrive as they were."""
    values = np.array([[0x1FFF, 0xF123], [0x0001, 0x8FFF]], "<u2")
    planes = (values >> 8, values & 0xFF)
    high, low = (_literal(plane.astype("u1").tobytes()) for plane in planes)
    head_bytes = np.array([2, 64, 64 + len(high), *[0] * 13], "<u4").tobytes()
    file = make(
        encapsulate([head_bytes + high + low]),
        syntax=RLELossless,
        Rows=2,
        Columns=2,
        BitsAllocated=16,
        BitsStored=12,
        HighBit=11,
    )
    resources.add("overlaid", file)
    ((head, found),) = await frames_of(client, resources, "overlaid")
    assert (found, head.bits_stored) == (values.tobytes(), 12)


async def test_what_cannot_be_sent_as_the_header_says_is_refused(
    client: httpx.AsyncClient, resources: Any
) -> None:
    """Another size than the header's, no compressed pixels, other bytes than were asked for."""
    content = example("JPEG2000.dcm")
    ds = dcmread(io.BytesIO(content))
    ds.Rows -= 1
    buffer = io.BytesIO()
    ds.save_as(buffer)
    resources.add("one", buffer.getvalue())
    ((head, values),) = await frames_of(client, resources)
    assert values == b""
    assert head.error.startswith(f"Rows (0028,0010) is {ds.Rows}, the compressed frame has")
    resources.add("raw", example("MR_small.dcm"))
    key = str((await resources.find("raw")).key)
    answer = await client.get(PIXEL_DATA.format(id="raw"), params={"content": key})
    assert (answer.status_code, answer.json()["message"]) == (
        415,
        "The pixel data is not compressed",
    )
    answer = await client.get(PIXEL_DATA.format(id="raw"), params={"content": "another"})
    assert answer.status_code == 404


@pytest.mark.parametrize("name", ["emri_small_RLE.dcm", "emri_small_jpeg_2k_lossless.dcm"])
async def test_frames_that_the_header_does_not_tell_of_are_not_left_out(
    client: httpx.AsyncClient, resources: Any, name: str
) -> None:
    """Whoever got the first alone would take it for all: the others are only in the fragments."""
    ds = dcmread(io.BytesIO(example(name)))
    del ds.NumberOfFrames
    buffer = io.BytesIO()
    ds.save_as(buffer)
    resources.add("one", buffer.getvalue())
    ((head, values),) = await frames_of(client, resources)
    assert values == b""
    assert "more frames than Number of Frames (0028,0008) says" in head.error


async def test_a_damaged_frame_is_the_last(client: httpx.AsyncClient, resources: Any) -> None:
    """What comes before it arrives, and it says why there is no more."""
    content = bytearray(example("emri_small_RLE.dcm"))
    ds = dcmread(io.BytesIO(bytes(content)))
    third = list(generate_fragments(ds.PixelData))[1 + 3]
    at = content.index(third)
    content[at : at + 4] = b"\xff\xff\xff\xff"
    resources.add("one", bytes(content))
    found = await frames_of(client, resources)
    assert [bool(head.error) for head, _ in found] == [False, False, False, True]
    assert "RLE header" in found[-1][0].error

# SPDX-License-Identifier: Apache-2.0
"""Compressed instances on their way to those who take no compressed ones."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from pons.catalog import InstanceToSend
from pons.errors import DamagedObject, InvalidInstance, NotFound, PonsError, Unavailable
from pons.messages.frames import FRAME_LENGTHS, DecodedFrame
from pons.objects import FileObjects, new_key
from pons.sending.convert import open_converted
from pons.sending.decompression import Decompression
from pons_testing.object_folders import Lend

from .converting import EXPLICIT, IMPLICIT, end_of_sequence, explicit, file_in, implicit, item

pytestmark = pytest.mark.anyio
RLE = "1.2.840.10008.1.2.5"
JPEG = "1.2.840.10008.1.2.4.50"
GREY = DecodedFrame(2, 1, 3, 1, "MONOCHROME2", 8, 8, 7, 0, lossy=False)
COLOUR = DecodedFrame(1, 1, 1, 3, "RGB", 16, 12, 11, 0, lossy=True)


def record(head: DecodedFrame, values: bytes = b"") -> bytes:
    told = msgspec.json.encode(head)
    return FRAME_LENGTHS.pack(len(told), len(values)) + told + values


def fragmented(*fragments: bytes) -> bytes:
    content = b"".join(map(item, fragments)) + end_of_sequence()
    return explicit((0x7FE00010, b"OB", content), undefined=True)


Send = Callable[..., Any]


@pytest.fixture
def send(tmp_path: Path, lend_objects: Lend) -> Send:
    """What a peer gets of a compressed data set, of which render says `answer`."""
    lend_objects(tmp_path, "main")
    objects = FileObjects(tmp_path, "main", fsync=False)

    async def run(
        dataset: bytes,
        answer: httpx.Response | Exception,
        target: str = EXPLICIT,
        syntax: str = RLE,
    ) -> bytes:
        file = file_in(syntax, dataset)
        key = new_key()
        await objects.put(key, file)
        instance = InstanceToSend(
            "one", ("p", "s", "r"), key, len(file), len(file), "", syntax,
            "1.2.3", "1.2", "1.3", "1.4", "P",
        )  # fmt: skip

        def asked(request: httpx.Request) -> httpx.Response:
            assert request.url.path == "/instances/one/pixel-data"
            assert request.url.params["content"] == str(key)
            if isinstance(answer, Exception):
                raise answer
            return answer

        transport = httpx.MockTransport(asked)
        async with httpx.AsyncClient(transport=transport, base_url="http://render") as render:
            decompress = Decompression(render, objects)
            async with open_converted(objects, instance, target, decompress) as pieces:
                return b"".join([piece async for piece in pieces])
        raise AssertionError

    run.objects = objects  # type: ignore[attr-defined]
    return run


def spools(send: Send) -> list[Path]:
    return list(send.objects.spool_folder.iterdir())  # type: ignore[attr-defined]


async def test_pixels_and_their_attributes_take_the_places_of_those_that_were(send: Send) -> None:
    """What is missing is added where it belongs; offset tables go, all else stays as it is."""
    source = (
        explicit((0x00100010, b"PN", b"A^B "), (0x00280002, b"US", b"\x01\0"))
        + explicit((0x00280004, b"CS", b"MONOCHROME1 "), (0x00280100, b"US", b"\x10\0"))
        + explicit((0x00281050, b"DS", b"1 "), (0x7FE00001, b"OV", bytes(16)))
        + fragmented(b"", b"abcd", b"efgh")
        + explicit((0xFFFCFFFC, b"OB", b"\0\0"))
    )
    stream = record(GREY, b"abc") + record(GREY, b"def")
    expected = (
        (0x00100010, b"PN", b"A^B "),
        (0x00280002, b"US", b"\x01\0"),
        (0x00280004, b"CS", b"MONOCHROME2 "),
        (0x00280100, b"US", b"\x08\0"),
        (0x00280101, b"US", b"\x08\0"),
        (0x00280102, b"US", b"\x07\0"),
        (0x00281050, b"DS", b"1 "),
        (0x7FE00010, b"OB", b"abcdef"),
        (0xFFFCFFFC, b"OB", b"\0\0"),
    )
    answer = httpx.Response(200, content=stream)
    assert await send(source, answer) == explicit(*expected)
    answer = httpx.Response(200, content=stream)
    found = await send(source, answer, IMPLICIT)
    assert found == implicit(*((tag, value) for tag, _, value in expected))
    assert spools(send) == []


async def test_colours_lie_pixel_by_pixel_and_tell_what_was_lost(send: Send) -> None:
    """The planar configuration is added, and that the pixels were compressed with loss."""
    source = explicit((0x00280004, b"CS", b"YBR_FULL_422")) + fragmented(b"", b"jpeg")
    values = bytes(range(6))
    found = await send(source, httpx.Response(200, content=record(COLOUR, values)), syntax=JPEG)
    assert found == explicit(
        (0x00280004, b"CS", b"RGB "),
        (0x00280006, b"US", b"\0\0"),
        (0x00280100, b"US", b"\x10\0"),
        (0x00280101, b"US", b"\x0c\0"),
        (0x00280102, b"US", b"\x0b\0"),
        (0x00282110, b"CS", b"01"),
        (0x7FE00010, b"OW", values),
    )


async def test_an_odd_number_of_bytes_is_padded(send: Send) -> None:
    head = msgspec.structs.replace(GREY, frames=1)
    found = await send(fragmented(b"", b"x"), httpx.Response(200, content=record(head, b"abc")))
    assert found.endswith(explicit((0x7FE00010, b"OB", b"abc\0")))


async def test_without_pixels_nothing_is_decoded(send: Send) -> None:
    """A report in a compressed transfer syntax is re-encoded as it is."""
    source = explicit((0x00100010, b"PN", b"A^B "))
    found = await send(source, AssertionError("render was asked"), IMPLICIT)
    assert found == implicit((0x00100010, b"A^B "))


@pytest.mark.parametrize("target", [EXPLICIT, IMPLICIT])
@pytest.mark.parametrize("value", [b"\xff\xd8\xff\xdb jpeg", item(b"") + item(b"jpeg")])
async def test_a_code_stream_without_fragments_is_not_sent_as_pixels(
    send: Send, value: bytes, target: str
) -> None:
    """Some write one with its length; whoever got it as uncompressed would see noise."""
    source = explicit((0x7FE00010, b"OB", value))
    with pytest.raises(InvalidInstance, match="compressed, but not in fragments"):
        await send(source, AssertionError("render was asked"), target, syntax=JPEG)
    pixels = explicit((0x7FE00010, b"OW", bytes(range(8))))
    assert await send(pixels, AssertionError("render was asked"), syntax=JPEG) == pixels


@pytest.mark.parametrize(
    ("answer", "error", "why"),
    [
        (httpx.ConnectError("no"), Unavailable, "does not answer"),
        (httpx.ReadTimeout("late"), Unavailable, "takes too long"),
        (httpx.Response(404), NotFound, "deleted or replaced"),
        (httpx.Response(401), Unavailable, "render.token"),
        (httpx.Response(503), Unavailable, "503"),
        (
            httpx.Response(415, json={"error": "UnsupportedImage", "message": "No decoder"}),
            InvalidInstance,
            "No decoder",
        ),
        (
            httpx.Response(500, json={"error": "DamagedObject", "message": "It is missing"}),
            DamagedObject,
            "It is missing",
        ),
        (record(GREY, b"abc"), Unavailable, "broke off"),
        (record(GREY, b"abc") + record(GREY, b"de"), InvalidInstance, "not of the same kind"),
        (record(GREY, b"abc") + record(COLOUR, bytes(6)), InvalidInstance, "of the same kind"),
        (
            record(GREY, b"abc") + record(msgspec.structs.replace(GREY, error="It is damaged")),
            InvalidInstance,
            "Frame 2 cannot be decoded (It is damaged)",
        ),
        (
            record(msgspec.structs.replace(GREY, frames=2_000_000_000), b"abc"),
            InvalidInstance,
            "at most 4294967294",
        ),
    ],
)  # fmt: skip
async def test_what_goes_wrong(
    send: Send, answer: httpx.Response | Exception | bytes, error: type[PonsError], why: str
) -> None:
    """It is told before anything is sent, as what it is; nothing stays on the disk."""
    if isinstance(answer, bytes):
        answer = httpx.Response(200, content=answer)
    with pytest.raises(error) as raised:
        await send(fragmented(b"", b"abcd"), answer)
    assert why in str(raised.value)
    assert spools(send) == []

# SPDX-License-Identifier: Apache-2.0
"""Paths into a data set, as `/instances/{id}/content` spells them: to names, or to raw bytes."""

import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TypeVar

from starlette.responses import Response

from pons.dicom.numbers import read_integer
from pons.dicom.tag_names import parse_tag
from pons.errors import NotFound, TooLarge
from pons.header.charset import text_of
from pons.header.walk import Element, Extent, Walk
from pons.objects import PIECE
from pons.objects.stored_dataset import OpenDataset, open_dataset
from pons.objects.stored_file import StoredFile
from pons_gateway.backends import Backends
from pons_gateway.responses.answers import Answer
from pons_gateway.responses.streamed import Streamed

MAX_NAMES = 200_000
"""Names in one list; it is gathered in memory."""

ROWS, COLUMNS, BITS_ALLOCATED = 0x00280010, 0x00280011, 0x00280100
SAMPLES_PER_PIXEL, NUMBER_OF_FRAMES, PIXEL_DATA = 0x00280002, 0x00280008, 0x7FE00010
T = TypeVar("T")
ENCAPSULATED_DOCUMENT, MEDIA_TYPE_OF_DOCUMENT = "00420011", "00420012"  # PS3.3 C.24.2
_SHAPE = (ROWS, COLUMNS, BITS_ALLOCATED, SAMPLES_PER_PIXEL, NUMBER_OF_FRAMES)


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of the data set."""

    start: int
    length: int


async def find_content(dataset: OpenDataset, path: str) -> list[str] | Span:
    """What a path of tags and indices leads to. Raises `NotFound` when it leads nowhere.

    Names are tags (`gggg-eeee`) of a data set or item, or indices of items, fragments or frames.
    """
    walk, extent = await dataset.walk()
    steps = path.split("/") if path else []
    while steps:
        element, shape = await _find_element(walk, extent, int(parse_tag(steps.pop(0)), 16))
        if not element.is_sequence:
            return await _value(dataset, walk, element, shape, steps)
        if not steps:
            return _indices(len(await _gather(walk.items(element))))
        extent = await _at(walk.items(element), steps.pop(0))
    tags = [element.tag for element in await _gather(walk.elements(extent))]
    return [f"{tag >> 16:04x}-{tag & 0xFFFF:04x}" for tag in tags]


async def find_document(dataset: OpenDataset, media_type: str) -> Span:
    """Where the document of this type lies. Raises `NotFound` where there is none."""
    kind = await find_content(dataset, MEDIA_TYPE_OF_DOCUMENT)
    found = await find_content(dataset, ENCAPSULATED_DOCUMENT)
    if isinstance(kind, list) or isinstance(found, list):
        raise NotFound("The document is no single value")
    name = await dataset.read_range(kind.start, min(kind.length, len(media_type) + 2))
    if name.strip(b" \0") != media_type.encode():
        raise NotFound(f"The document is no {media_type}")
    return found


async def span_answer(
    backends: Backends, stored: StoredFile, dataset: OpenDataset, span: Span, media_type: str
) -> Response:
    """Bytes of the data set as an answer; those of a large value are read one piece at a time."""
    if span.length <= PIECE:
        content = await dataset.read_range(span.start, span.length)
        return Answer(content, 200, (b"content-type", media_type.encode()))

    async def pieces() -> AsyncIterator[bytes]:
        # opened again: what `dataset` is read from is closed by now
        async with open_dataset(backends.objects, stored) as again:
            for start in range(0, span.length, PIECE):
                wanted = min(PIECE, span.length - start)
                yield await again.read_range(span.start + start, wanted)

    return Streamed(pieces(), span.length, 200, (b"content-type", media_type.encode()))


async def _find_element(walk: Walk, extent: Extent, tag: int) -> tuple[Element, dict[int, Element]]:
    """The element, and what comes before it of those that tell how pixel data is divided."""
    shape: dict[int, Element] = {}
    async for element in walk.elements(extent):
        if element.tag == tag:
            return element, shape
        if element.tag in _SHAPE:
            shape[element.tag] = element
    raise NotFound("The path leads nowhere")


async def _value(
    dataset: OpenDataset,
    walk: Walk,
    element: Element,
    shape: dict[int, Element],
    steps: list[str],
) -> list[str] | Span:
    """A value by itself, or what it is divided into: fragments, or frames of pixel data."""
    if element.is_fragmented:
        if not steps:
            return _indices(len(await _gather(walk.fragments(element))))
        found = Span(*await _at(walk.fragments(element), steps.pop(0)))
    elif element.tag == PIXEL_DATA and not element.within.level.depth:
        frame, count = await _frames(dataset, element, shape)
        if not steps:
            return _indices(count)
        index = _number(steps.pop(0), count)
        found = Span(frame.start + index * frame.length, frame.length)
    else:
        found = Span(element.start, element.length or 0)
    if steps:
        raise NotFound("The path leads nowhere")
    return found


async def _frames(
    dataset: OpenDataset, element: Element, shape: dict[int, Element]
) -> tuple[Span, int]:
    """The first frame, and how many follow each other; one where they do not begin with a byte."""
    length = element.length or 0
    numbers = {}
    for tag, found in shape.items():
        value = await dataset.read_range(found.start, min(found.length or 0, 16))
        if tag == NUMBER_OF_FRAMES:
            frames = read_integer(text_of(value), low=1)
            numbers[tag] = 1 if frames is None else frames
        elif len(value) >= 2:
            order = ">H" if element.within.level.syntax.big_endian else "<H"
            (numbers[tag],) = struct.unpack_from(order, value)
    bits = numbers.get(SAMPLES_PER_PIXEL, 1) * numbers.get(BITS_ALLOCATED, 0)
    frame, rest = divmod(numbers.get(ROWS, 0) * numbers.get(COLUMNS, 0) * bits, 8)
    count = numbers.get(NUMBER_OF_FRAMES, 1)
    if rest or not frame or count < 2 or frame * count > length:
        return Span(element.start, length), 1
    return Span(element.start, frame), count


async def _gather(found: AsyncIterator[T]) -> list[T]:
    gathered = []
    async for one in found:
        gathered.append(one)
        if len(gathered) > MAX_NAMES:
            raise TooLarge(f"There are more than {MAX_NAMES} of them, too many for a list")
    return gathered


async def _at(found: AsyncIterator[T], step: str) -> T:
    left = _number(step)
    async for one in found:
        if left == 0:
            return one
        left -= 1
    raise NotFound("The path leads nowhere")


def _number(step: str, below: int = 2**32) -> int:
    if step.isascii() and step.isdecimal() and len(step) <= 10 and int(step) < below:
        return int(step)
    raise NotFound("The path leads nowhere")


def _indices(count: int) -> list[str]:
    return [str(index) for index in range(count)]

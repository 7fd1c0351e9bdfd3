# SPDX-License-Identifier: Apache-2.0
"""From explicit to implicit VR little endian and back, for peers that take only the other one.

pydicom re-encodes what is around the pixel data; the pixels are the same bytes in both and pass as
a stream, so memory does not depend on the size of the object.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from pydicom.dataset import Dataset as PydicomDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.tag import BaseTag

from pons.catalog import InstanceToSend
from pons.errors import InvalidInstance
from pons.objects import PIECE, Objects
from pons.stored_file import local_file
from pons_egress.contexts import IMPLICIT_VR
from pons_egress.dataset import MAX_META, dataset_start

PIXELS = {0x7FE00010: b"OW", 0x7FE00008: b"OF", 0x7FE00009: b"OD"}
"""Tags of pixel data and the VR of each where it has none (PS3.5 A.1): OW suits any depth."""
UNDEFINED = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Converted:
    """A dataset in its new encoding: bytes, then a part of the file, then bytes."""

    head: bytes
    value_start: int
    value_length: int
    tail: bytes


@asynccontextmanager
async def open_converted(
    objects: Objects, instance: InstanceToSend, target: str
) -> AsyncIterator[AsyncIterator[bytes]]:
    """The pieces of the instance's dataset in transfer syntax `target`.

    Raises `InvalidInstance` for a dataset that cannot be re-encoded.
    """
    async with local_file(objects, instance) as path:
        with path.open("rb") as file:
            implicit = instance.transfer_syntax == IMPLICIT_VR
            with _pydicom_errors(instance):
                converted = await asyncio.to_thread(
                    convert, file, from_implicit=implicit, to_implicit=target == IMPLICIT_VR
                )
            yield _pieces(file, converted)


def convert(file: BinaryIO, *, from_implicit: bool, to_implicit: bool) -> Converted:
    """How the dataset of a DICOM file reads in the other encoding."""
    beginning = file.read(MAX_META)
    file.seek(dataset_start(beginning))
    head = read_dataset(file, from_implicit, True, stop_when=_at_pixels)
    tag, length = _read_pixel_head(file, from_implicit)
    if tag is None:
        return Converted(_written(head, to_implicit), 0, 0, b"")
    start = file.tell()
    file.seek(start + length)
    tail = read_dataset(file, from_implicit, True)
    return Converted(
        head=_written(head, to_implicit) + _pixel_head(tag, length, to_implicit),
        value_start=start,
        value_length=length,
        tail=_written(tail, to_implicit),
    )


async def _pieces(file: BinaryIO, converted: Converted) -> AsyncIterator[bytes]:
    yield converted.head
    file.seek(converted.value_start)
    left = converted.value_length
    while left:
        piece = await asyncio.to_thread(file.read, min(left, PIECE))
        if not piece:
            raise InvalidInstance("The object ends inside its pixel data")
        left -= len(piece)
        yield piece
    if converted.tail:
        yield converted.tail


def _at_pixels(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return int(tag) in PIXELS


def _read_pixel_head(file: BinaryIO, implicit: bool) -> tuple[int | None, int]:
    head = file.read(8)
    if len(head) < 8:
        return None, 0
    tag = int.from_bytes(head[:2], "little") << 16 | int.from_bytes(head[2:4], "little")
    if implicit:
        length = int.from_bytes(head[4:8], "little")
    else:
        length = int.from_bytes(file.read(4), "little")
    if length == UNDEFINED:
        raise ValueError("its pixel data is encapsulated, its transfer syntax is not")
    return tag, length


def _pixel_head(tag: int, length: int, implicit: bool) -> bytes:
    number = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little")
    vr = b"" if implicit else PIXELS[tag] + bytes(2)
    return number + vr + length.to_bytes(4, "little")


def _written(dataset: PydicomDataset, implicit: bool) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR = implicit
    buffer.is_little_endian = True
    write_dataset(buffer, dataset)
    return bytes(buffer.getvalue())


@contextmanager
def _pydicom_errors(instance: InstanceToSend) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # pydicom raises what the damage happens to cause
        raise InvalidInstance(
            f"Instance {instance.instance_id} cannot be re-encoded for this peer", "see the log"
        ) from error

# SPDX-License-Identifier: Apache-2.0
"""What the parent and a worker say to each other, over the worker's standard input and output.

One message is its length in 8 bytes and a msgpack body. The parent sends a `Task`; the worker asks
for any number of ranges (`Need`, each answered by a `Piece`), sends the pieces of its answer and
ends with `Done` or `Failed`.
"""

import struct
from typing import BinaryIO

import msgspec

from pons_render.formats import Format
from pons_render.frame_attributes import FrameAttributes
from pons_render.image import Image

_LENGTH = struct.Struct(">Q")
HEAD = _LENGTH.size
RECORD, THUMBNAIL, DECODED = "record", "thumbnail", "decoded"
"""Operations that are no view of stored values: a frame with its head, a small picture, and a frame
as an uncompressed file has it."""


class Task(msgspec.Struct, frozen=True, tag=True):
    """Make one picture. `operation` is the last word of the route."""

    operation: str
    image: Image
    frame: int
    size: int
    """Size of the object in bytes."""
    path: str = ""
    """The object as a file of this machine; empty when the parent has to read it."""
    output: Format = Format.PNG
    quality: int = 90
    seconds: float = 30.0
    """The deadline, which the pool sets: a worker that outlives its parent ends soon after it."""
    most: int = 0
    """Bytes that a decoded frame may take, which the pool sets."""
    checksum: bytes = b""
    """xxh3_128 of the object, where all of it is worth reading to compare it; else empty."""
    attributes: FrameAttributes = FrameAttributes()
    """What is known of the frame beside its pixels, for operations that look at it."""
    head: dict[str, int | str] = {}
    """What the record of a frame says beside what the frame itself does."""
    edge: int = 0
    """Pixels of the longer edge of a thumbnail."""


class Piece(msgspec.Struct, frozen=True, tag=True):
    """The bytes that a `Need` asked for, or the next ones of the answer."""

    data: bytes


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The worker has started."""


class Need(msgspec.Struct, frozen=True, tag=True):
    """A range of the object."""

    start: int
    length: int


class Done(msgspec.Struct, frozen=True, tag=True):
    """The answer is complete."""


class Failed(msgspec.Struct, frozen=True, tag=True):
    """No picture: the instance cannot be shown so, or its object is not what it was."""

    reason: str
    damaged: str = ""
    """`missing`, `size` or `checksum`, where that is wrong with the object."""
    traceback: str = ""
    """Set for an error that nobody foresaw."""


ToWorker = Task | Piece
FromWorker = Ready | Need | Piece | Done | Failed
_encoder = msgspec.msgpack.Encoder()
decode_from_worker = msgspec.msgpack.Decoder(FromWorker).decode
_decode_to_worker = msgspec.msgpack.Decoder(ToWorker).decode


def pack(message: ToWorker | FromWorker) -> bytes:
    """A message as it goes through the pipe."""
    buffer = bytearray()
    _encoder.encode_into(message, buffer, HEAD)
    _LENGTH.pack_into(buffer, 0, len(buffer) - HEAD)
    return bytes(buffer)


def body_length(head: bytes) -> int:
    """Length of the body that follows these first `HEAD` bytes."""
    length: int = _LENGTH.unpack(head)[0]
    return length


def receive(pipe: BinaryIO) -> ToWorker | None:
    """The next message for a worker; None when the parent is gone."""
    head = pipe.read(HEAD)
    if len(head) < HEAD:
        return None
    message: ToWorker = _decode_to_worker(pipe.read(body_length(head)))
    return message

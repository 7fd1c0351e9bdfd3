# SPDX-License-Identifier: Apache-2.0
"""The bytes of an object for a worker: a local file, what the parent reads for it, or inflated."""

import io
import os
import zlib
from collections.abc import Callable
from typing import Protocol

import xxhash
from typing_extensions import Buffer

from pons.errors import DamagedObject, InvalidInstance, UnsupportedImage, check_size

READ_AHEAD = 1024 * 1024
"""What is asked of the parent at least: a round trip to S3 costs more than 1 MiB does."""

_USUAL_PREFACE = 4 * 1024
_INFLATE_STEP = 256 * 1024


class Source(Protocol):
    """Random access to the object's bytes."""

    def read_at(self, start: int, length: int) -> bytes:
        """Exactly `length` bytes, or `UnsupportedImage` when the object ends before."""


class LocalFile:
    """An object that this machine can open."""

    def __init__(self, path: str, size: int | None = None) -> None:
        """Raises `DamagedObject` for a file that has not `size` bytes, where that is given."""
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115 closed by close()
        try:
            check_size(path, os.fstat(self._file.fileno()).st_size, size)
        except BaseException:
            self._file.close()
            raise

    def read_at(self, start: int, length: int) -> bytes:
        self._file.seek(start)
        pieces = []
        while length > 0 and (piece := self._file.read(length)):
            pieces.append(piece)
            length -= len(piece)
        if length > 0:
            raise UnsupportedImage(f"The object ends {length} bytes before the frame does")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        self._file.close()


class Whole:
    """An object that was read whole, and is what it was."""

    def __init__(self, inner: Source, size: int, checksum: bytes) -> None:
        """Raises `DamagedObject` for other bytes than those with this xxh3_128."""
        self._content = inner.read_at(0, size)
        if xxhash.xxh3_128_digest(self._content) != checksum:
            why = "its bytes are not those that were stored"
            raise DamagedObject("The object is damaged", why, what="checksum")

    def read_at(self, start: int, length: int) -> bytes:
        piece = self._content[start : start + length]
        if len(piece) != length:
            raise UnsupportedImage("The object ends before the frame does")
        return piece


class Remote:
    """An object whose ranges the parent process reads, at least `READ_AHEAD` bytes at a time."""

    def __init__(self, ask: Callable[[int, int], bytes], size: int) -> None:
        self._ask = ask
        self._size = size
        self._start = 0
        self._piece = b""

    def read_at(self, start: int, length: int) -> bytes:
        if start + length > self._size:
            raise UnsupportedImage("The object ends before the frame does")
        if not self._start <= start <= start + length <= self._start + len(self._piece):
            ahead = min(max(length, READ_AHEAD), self._size - start)
            self._start, self._piece = start, self._ask(start, ahead)
        skip = start - self._start
        piece = self._piece[skip : skip + length]
        if len(piece) != length:
            raise UnsupportedImage("The object is shorter than the index says")
        return piece


class Inflated:
    """The dataset of a deflated object; offsets count from its first inflated byte.

    Inflates from the beginning for each read and keeps only what was asked for, so that neither a
    large object nor a bomb takes more memory than one frame.
    """

    def __init__(self, inner: Source, size: int) -> None:
        self._inner = inner
        self._size = size

    def read_at(self, start: int, length: int) -> bytes:
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        result, pending = bytearray(), b""
        at, position = 0, _data_set_start(self._inner, self._size)
        while len(result) < length and not inflate.eof:
            if not pending and position < self._size:
                step = min(_INFLATE_STEP, self._size - position)
                pending = self._inner.read_at(position, step)
                position += step
            try:
                piece = inflate.decompress(pending, READ_AHEAD)
            except zlib.error as error:
                raise UnsupportedImage("The dataset cannot be inflated", str(error)) from None
            pending = inflate.unconsumed_tail
            if not piece and not pending and position >= self._size:
                break
            result += piece[max(0, start - at) :][: length - len(result)]
            at += len(piece)
        if len(result) < length:
            raise UnsupportedImage("The inflated dataset ends before the frame does")
        return bytes(result)


def _data_set_start(source: Source, size: int) -> int:
    """Where the data set begins; most meta headers are short."""
    # Takes a while once, which other images need not pay.
    from pons.header.meta import PREFACE, find_meta_end

    for most in (_USUAL_PREFACE, PREFACE):
        beginning = source.read_at(0, min(most, size))
        try:
            end = find_meta_end(beginning, complete=len(beginning) in (size, PREFACE))
        except InvalidInstance as error:
            raise UnsupportedImage(str(error)) from None
        if end is not None:
            return end
    raise UnsupportedImage("The file ends inside its meta header")


class Window(io.RawIOBase):
    """A stretch of a source as a file, for what wants to read and seek; starts at 0."""

    def __init__(self, source: Source, start: int, length: int) -> None:
        self._source = source
        self._begin = start
        self._length = length
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._length}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer)
        size = min(len(view), max(0, self._length - self._at))
        if size:
            view[:size] = self._source.read_at(self._begin + self._at, size)
        self._at += size
        return size

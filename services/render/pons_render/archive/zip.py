# SPDX-License-Identifier: Apache-2.0
"""The bytes of a ZIP around its files (APPNOTE 6.3.10), written front to back, with ZIP64.

Nothing here reads or waits: each call gives the bytes that come next.

- A file whose content is at hand has its size and checksum before it (`whole`).
- One that is streamed has them behind it (`begin`, `end`). It is always deflated, if only in
  stored blocks: readers that do not seek cannot find the end of any other.
"""

import struct
import time
import zlib
from collections.abc import Iterator

STORED, DEFLATED = 0, 8
LEVELS = {"store": 0, "fast": 1}
"""`archive.compression` to zlib's level; 0 copies."""

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_END = struct.Struct("<4s4H2LH")
_EXTRA = struct.Struct("<2H")

_LIMIT = 0xFFFFFFFF
_STREAMED, _UTF8 = 1 << 3, 1 << 11
_VERSION, _VERSION64 = 20, 45
_UNIX = 3 << 8
_MODE = 0o100644 << 16
_SLACK = 1 << 20
"""How much longer than itself deflate may make a file of 4 GiB (5 bytes in 16 KiB at most)."""
_AT_ONCE = 1 << 20


class Zip:
    """A ZIP in the making; `size` is how long it is so far."""

    def __init__(self, moment: time.struct_time) -> None:
        year = max(moment.tm_year, 1980) - 1980
        self._date = year << 9 | moment.tm_mon << 5 | moment.tm_mday
        self._time = moment.tm_hour << 11 | moment.tm_min << 5 | moment.tm_sec // 2
        self._central: list[bytes] = []
        self._open: tuple[bytes, int, bool] | None = None
        self.size = 0

    def whole(self, name: str, content: bytes, crc: int, size: int, method: int) -> bytes:
        """What comes before `content`: `size` bytes with checksum `crc`, packed by `method`.

        The content is less than 4 GiB.
        """
        encoded = name.encode()
        start, packed = self.size, len(content)
        head = self._local(encoded, 0, method, crc, packed, size, b"")
        self._list(encoded, 0, method, crc, packed, size, start)
        self.size += len(head) + packed
        return head

    def begin(self, name: str, size: int) -> bytes:
        """What comes before a streamed file of `size` bytes."""
        encoded = name.encode()
        large = size + _SLACK >= _LIMIT
        extra = _EXTRA.pack(1, 16) + bytes(16) if large else b""
        unknown = _LIMIT if large else 0
        head = self._local(encoded, _STREAMED, DEFLATED, 0, unknown, unknown, extra)
        self._open = (encoded, self.size, large)
        self.size += len(head)
        return head

    def end(self, crc: int, packed: int, size: int) -> bytes:
        """What comes after a streamed file, `packed` bytes of deflate for its `size`."""
        assert self._open is not None
        encoded, start, large = self._open
        self._open = None
        self._list(encoded, _STREAMED, DEFLATED, crc, packed, size, start)
        layout = "<4sLQQ" if large else "<4sLLL"
        tail = struct.pack(layout, b"PK\x07\x08", crc, packed, size)
        self.size += packed + len(tail)
        return tail

    def finish(self) -> Iterator[bytes]:
        """The list of files, in pieces, and the end."""
        start, piece = self.size, bytearray()
        for entry in self._central:
            piece += entry
            if len(piece) >= _AT_ONCE:
                self.size += len(piece)
                yield bytes(piece)
                piece.clear()
        self.size += len(piece)
        entries, length = len(self._central), self.size - start
        last = self._end(entries, length, start)
        self.size += len(last)
        yield bytes(piece) + last

    def _end(self, entries: int, length: int, start: int) -> bytes:
        large = entries >= 0xFFFF or length >= _LIMIT or start >= _LIMIT
        end = _END.pack(
            b"PK\x05\x06",
            0,
            0,
            min(entries, 0xFFFF),
            min(entries, 0xFFFF),
            min(length, _LIMIT),
            min(start, _LIMIT),
            0,
        )
        if not large:
            return end
        end64 = _END64.pack(
            b"PK\x06\x06",
            _END64.size - 12,
            _UNIX | _VERSION64,
            _VERSION64,
            0,
            0,
            entries,
            entries,
            length,
            start,
        )
        return end64 + _LOCATOR.pack(b"PK\x06\x07", 0, self.size, 1) + end

    def _local(
        self, name: bytes, flags: int, method: int, crc: int, packed: int, size: int, extra: bytes
    ) -> bytes:
        head = _LOCAL.pack(
            b"PK\x03\x04",
            _VERSION64 if extra else _VERSION,
            flags | _flags(name),
            method,
            self._time,
            self._date,
            crc,
            packed,
            size,
            len(name),
            len(extra),
        )
        return head + name + extra

    def _list(
        self, name: bytes, flags: int, method: int, crc: int, packed: int, size: int, start: int
    ) -> None:
        long = [value for value in (size, packed, start) if value >= _LIMIT]
        extra = (
            _EXTRA.pack(1, 8 * len(long)) + struct.pack(f"<{len(long)}Q", *long) if long else b""
        )
        version = _VERSION64 if long else _VERSION
        entry = _CENTRAL.pack(
            b"PK\x01\x02",
            _UNIX | version,
            version,
            flags | _flags(name),
            method,
            self._time,
            self._date,
            crc,
            min(packed, _LIMIT),
            min(size, _LIMIT),
            len(name),
            len(extra),
            0,
            0,
            0,
            _MODE,
            min(start, _LIMIT),
        )
        self._central.append(entry + name + extra)


def pack(content: bytes, compression: str) -> tuple[bytes, int, int]:
    """The content as it goes into a ZIP, its checksum, and the method that packed it."""
    crc = zlib.crc32(content)
    if compression == "store":
        return content, crc, STORED
    deflate = zlib.compressobj(LEVELS[compression], zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = deflate.compress(content) + deflate.flush()
    return (packed, crc, DEFLATED) if len(packed) < len(content) else (content, crc, STORED)


class Packer:
    """Packs a file piece by piece, for `Zip.begin` and `end`."""

    def __init__(self, compression: str) -> None:
        level = LEVELS[compression]
        self._deflate = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
        self.crc = 0
        self.size = 0
        self.packed = 0

    def add(self, piece: bytes) -> bytes:
        self.crc = zlib.crc32(piece, self.crc)
        self.size += len(piece)
        return self._gave(self._deflate.compress(piece))

    def finish(self) -> bytes:
        return self._gave(self._deflate.flush())

    def _gave(self, packed: bytes) -> bytes:
        self.packed += len(packed)
        return packed


def _flags(name: bytes) -> int:
    return 0 if name.isascii() else _UTF8

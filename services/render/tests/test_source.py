# SPDX-License-Identifier: Apache-2.0
import io
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from pons.errors import UnsupportedImage
from pons_render.source import READ_AHEAD, Inflated, LocalFile, Remote, Window

OpenFile = Callable[[bytes], LocalFile]
Make = Callable[..., bytes]
Preview = Callable[..., NDArray[np.uint8]]

SYNTAX = b"\x02\x00\x10\x00UI\x16\x001.2.840.10008.1.2.1.99"


def group_length(said: int) -> bytes:
    return b"\x02\x00\x00\x00UL\x04\x00" + said.to_bytes(4, "little")


LONG = b"\x02\x00\x02\x01OB\x00\x00" + (9000).to_bytes(4, "little") + bytes(9000)
PREAMBLE = bytes(128) + b"DICM"
META = PREAMBLE + group_length(len(SYNTAX)) + SYNTAX


def deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


def test_local_file(open_file: OpenFile) -> None:
    """A range of a file is exactly what lies there."""
    file = open_file(b"0123456789")
    assert file.read_at(3, 4) == b"3456"
    assert file.read_at(0, 10) == b"0123456789"


def test_local_file_that_ends(open_file: OpenFile) -> None:
    """A truncated file gives no half frame."""
    with pytest.raises(UnsupportedImage):
        open_file(b"0123456789").read_at(8, 4)


def test_remote_reads_ahead() -> None:
    """Small ranges near each other are one request."""
    content = bytes(range(256)) * 16384
    asked = []

    def ask(start: int, length: int) -> bytes:
        asked.append((start, length))
        return content[start : start + length]

    remote = Remote(ask, len(content))
    assert remote.read_at(1000, 8) == content[1000:1008]
    assert remote.read_at(5000, 8) == content[5000:5008]
    assert asked == [(1000, READ_AHEAD)]
    assert remote.read_at(0, 2 * READ_AHEAD) == content[: 2 * READ_AHEAD]
    assert remote.read_at(len(content) - 4, 4) == content[-4:]
    assert asked[1:] == [(0, 2 * READ_AHEAD), (len(content) - 4, 4)]


@pytest.mark.parametrize(("start", "length"), [(8, 4), (100, 1)])
def test_remote_never_asks_past_the_end(start: int, length: int) -> None:
    """What cannot be there is not asked for."""
    remote = Remote(lambda start, length: bytes(length), 10)
    with pytest.raises(UnsupportedImage):
        remote.read_at(start, length)


def test_remote_object_that_is_shorter_than_told() -> None:
    """An object store that has less than the index says gives no frame."""
    with pytest.raises(UnsupportedImage):
        Remote(lambda _start, _length: b"ab", 100).read_at(0, 10)


@pytest.mark.parametrize(
    "prefix",
    [
        META,
        META[132:],
        PREAMBLE + SYNTAX,
        PREAMBLE + group_length(0) + SYNTAX,
        PREAMBLE + group_length(11) + SYNTAX,
        PREAMBLE + group_length(2**32 - 1) + SYNTAX,
        PREAMBLE + LONG + SYNTAX,
    ],
    ids=["preamble", "none", "no length", "length 0", "too short", "too long", "9000 bytes"],
)
def test_inflated(open_file: OpenFile, prefix: bytes) -> None:
    """Offsets count in the inflated dataset, wherever the meta header ends and says it does."""
    data = bytes(range(256)) * 20_000
    content = prefix + deflate(data)
    inflated = Inflated(open_file(content), len(content))
    assert inflated.read_at(0, 10) == data[:10]
    assert inflated.read_at(4_000_000, 300) == data[4_000_000:4_000_300]
    assert inflated.read_at(len(data) - 7, 7) == data[-7:]


@pytest.mark.parametrize(
    "content",
    [
        META + deflate(bytes(100)),
        META + b"\xff\xff\xff\xff",
        META + deflate(bytes(10**6))[:50],
        b"no" * 99,
    ],
    ids=["ends before", "no deflate stream", "cut short", "no meta header"],
)
def test_broken_deflate(open_file: OpenFile, content: bytes) -> None:
    """A dataset that does not inflate far enough has no such frame."""
    with pytest.raises(UnsupportedImage):
        Inflated(open_file(content), len(content)).read_at(500_000, 10)


def test_window_is_a_file(open_file: OpenFile) -> None:
    """A window reads and seeks within its stretch and ends where that ends."""
    window = io.BufferedReader(Window(open_file(b"0123456789"), 2, 5), 4)
    assert window.read(2) == b"23"
    assert window.seek(1, io.SEEK_CUR) == 3
    assert window.read(10) == b"56"
    assert window.read(1) == b""
    assert window.seek(-1, io.SEEK_END) == 4


@pytest.mark.parametrize("said", [None, 0, 20, 10_000, 2**32 - 1])
def test_deflated_picture(make: Make, preview: Preview, said: int | None) -> None:
    """A deflated picture is shown although its meta header's group length is wrong or missing."""
    pixels = np.arange(64, dtype=np.uint8).reshape(8, 8)
    content = make(pixels, "1.2.840.10008.1.2.1.99", vr="OB")
    meta = content.index(b"\x02\x00\x10\x00UI")
    length = b"" if said is None else group_length(said)
    shown = preview(PREAMBLE + length + content[meta:])
    np.testing.assert_array_equal(shown, np.round(pixels / 63 * 255))

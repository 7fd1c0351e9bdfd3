# SPDX-License-Identifier: Apache-2.0
"""The ZIP around the files, read back by Python's own module."""

import io
import time
import zipfile
import zlib
from pathlib import Path

import pytest

from pons_render.archive.zip import Packer, Zip, pack

MOMENT = time.struct_time((2024, 1, 2, 11, 12, 14, 1, 2, 0))
GIGABYTE = 1 << 30


def read(content: bytes) -> zipfile.ZipFile:
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    return archive


def streamed(writer: Zip, name: str, pieces: list[bytes], compression: str) -> bytes:
    packer = Packer(compression)
    parts = [writer.begin(name, sum(map(len, pieces))), *map(packer.add, pieces), packer.finish()]
    parts.append(writer.end(packer.crc, packer.packed, packer.size))
    return b"".join(parts)


@pytest.mark.parametrize("compression", ["store", "fast"])
def test_files_come_back(compression: str) -> None:
    """Whole and streamed files, empty ones and names of any script, each as it was."""
    writer, content = Zip(MOMENT), b""
    for name, file in (("a/b.dcm", b"x" * 1000), ("ünal/東京.dcm", b"y"), ("empty", b"")):
        packed, crc, method = pack(file, compression)
        content += writer.whole(name, packed, crc, len(file), method) + packed
    content += streamed(writer, "large", [b"1" * 70_000, b"2" * 70_000], compression)
    content += b"".join(writer.finish())
    archive = read(content)
    assert archive.namelist() == ["a/b.dcm", "ünal/東京.dcm", "empty", "large"]
    assert archive.read("a/b.dcm") == b"x" * 1000
    assert archive.read("ünal/東京.dcm") == b"y"
    assert archive.read("large") == b"1" * 70_000 + b"2" * 70_000
    assert archive.getinfo("large").date_time == (2024, 1, 2, 11, 12, 14)
    assert writer.size == len(content)


def test_nothing() -> None:
    """A ZIP of nothing is one."""
    assert read(b"".join(Zip(MOMENT).finish())).namelist() == []


def test_fast_is_smaller_and_never_larger() -> None:
    """What does not shrink is stored, whatever was asked for."""
    assert len(pack(b"a" * 5000, "fast")[0]) < 100
    assert pack(bytes(range(256)), "fast")[2] == zipfile.ZIP_STORED
    assert pack(b"a" * 5000, "store")[2] == zipfile.ZIP_STORED


def test_more_files_than_zip_can_count() -> None:
    """70,000 files need ZIP64, and get it."""
    writer = Zip(MOMENT)
    content = b"".join(writer.whole(f"{number}", b"", 0, 0, 0) for number in range(70_000))
    archive = zipfile.ZipFile(io.BytesIO(content + b"".join(writer.finish())))
    assert len(archive.namelist()) == 70_000
    assert archive.read("69999") == b""


def test_more_bytes_than_zip_can_count(tmp_path: Path) -> None:
    """A file of 5 GiB and what comes after it are found where they are."""
    writer = Zip(MOMENT)
    path = tmp_path / "large.zip"
    with path.open("wb") as file:
        file.write(writer.begin("large", 5 * GIGABYTE))
        file.seek(5 * GIGABYTE, io.SEEK_CUR)  # a hole instead of its bytes
        file.write(writer.end(7, 5 * GIGABYTE, 5 * GIGABYTE))
        file.write(writer.whole("after", b"here", zlib.crc32(b"here"), 4, 0) + b"here")
        for piece in writer.finish():
            file.write(piece)
    with zipfile.ZipFile(path) as archive:
        large, after = archive.infolist()
        assert (large.file_size, large.compress_size, large.CRC) == (5368709120, 5368709120, 7)
        assert after.header_offset > 5 * GIGABYTE
        assert archive.read(after) == b"here"

# SPDX-License-Identifier: Apache-2.0
"""Bodies in memory and in spools give the same answers."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from pons.objects import Body, Spool
from pons.objects.bodies import (
    PIECE,
    beginning,
    fill,
    freed,
    mapped,
    opened,
    pieces,
    read_at,
    size_of,
)

pytestmark = pytest.mark.anyio

MakeBody = Callable[[bytes], Body]


@pytest.fixture(params=["bytes", "bytearray", "memoryview", "spool"])
def make_body(request: pytest.FixtureRequest, tmp_path: Path) -> MakeBody:
    def spooled(content: bytes) -> Spool:
        spool = Spool(tmp_path)
        request.addfinalizer(spool.close)
        spool.write(content)
        return spool

    kinds: dict[str, MakeBody] = {
        "bytes": bytes,
        "bytearray": bytearray,
        "memoryview": memoryview,
        "spool": spooled,
    }
    return kinds[request.param]


@pytest.mark.parametrize("content", [b"", b"abc", bytes(range(256)) * 5000])
def test_what_a_body_is_asked(make_body: MakeBody, content: bytes) -> None:
    """Its size, its beginning, and all of it in pieces, as a file and as a map."""
    body = make_body(content)
    assert size_of(body) == len(content)
    assert beginning(body, 2) == content[:2]
    parts = list(pieces(body))
    assert b"".join(parts) == content
    if isinstance(body, Spool):
        assert all(len(part) <= PIECE for part in parts)
    with opened(body) as file:
        file.seek(1)
        assert file.read() == content[1:]
    with mapped(body) as looked_at:
        assert bytes(looked_at[:]) == content


def test_a_freed_spool(tmp_path: Path) -> None:
    """Its file goes, whatever happens; bodies in memory have nothing to free."""
    spool = Spool(tmp_path)
    assert spool.path.exists()
    with pytest.raises(ZeroDivisionError), freed(spool):
        raise ZeroDivisionError
    assert not spool.path.exists()
    with freed(b"abc"), freed(None):
        pass


async def arriving(*parts: bytes | Exception) -> AsyncIterator[bytes]:
    for part in parts:
        if isinstance(part, Exception):
            raise part
        yield part


async def test_filling(tmp_path: Path) -> None:
    """A spool has all that arrived, and goes when it breaks off."""
    with await fill(Spool(tmp_path), arriving(b"abc", b"", b"def")) as spool:
        assert read_at(spool.path, 2, 3) == b"cde"
        assert read_at(spool.path, 4, 9) == b"ef"
    broken = Spool(tmp_path)
    with pytest.raises(ZeroDivisionError):
        await fill(broken, arriving(b"abc", ZeroDivisionError()))
    assert not broken.path.exists()

# SPDX-License-Identifier: Apache-2.0
"""Slices in order, and files written where the server's own people want them."""

from pathlib import Path

import httpx
import orjson
import pytest

from pons.catalog import StoredHeader
from pons.settings import HttpSettings, Settings
from pons_gateway.errors import CannotOrderSlices
from pons_gateway.resources.slices import order, read_slice

from ..conftest import INSTANCE, NOBODY, SERIES, Open, Store
from ..datasets.test_tags_and_files import keep

AXIAL = ["1", "0", "0", "0", "1", "0"]


def header(position: list[str] | None, axes: list[str] | None = None, frames: str = "") -> bytes:
    tags = {"00200032": position, "00200037": axes, "00280008": [frames] if frames else None}
    return orjson.dumps({tag: {"vr": "DS", "Value": v} for tag, v in tags.items() if v})


def test_order_in_space() -> None:
    """Positions along the normal count, not those along the rows, nor the indices."""
    slices = [
        read_slice("c", header(["0", "0", "10"], AXIAL), 1),
        read_slice("a", header(["50", "0", "-3"], AXIAL), 2),
        read_slice("b", header(["20", "9", "0.5"], AXIAL), 3),
    ]
    is_volume, ordered = order(slices)
    assert (is_volume, [one.instance_id for one in ordered]) == (True, ["a", "b", "c"])


@pytest.mark.parametrize(
    "other",
    [
        header(["1", "2", "0"], AXIAL),
        header(["0", "0", "3"], ["1", "0", "0", "0", "0", "1"]),
        header(["0", "0", "x"], AXIAL),
        header(None, AXIAL),
        header(["0", "0", "3"], ["1", "0", "0", "1", "0", "0"]),
        header(["0", "0", "3"]),
    ],
)
def test_order_by_index(other: bytes) -> None:
    """Where one slice has no place of its own along a common normal, indices count."""
    slices = [read_slice("b", header(["0", "0", "0"], AXIAL), 9), read_slice("a", other, 4)]
    is_volume, ordered = order(slices)
    assert (is_volume, [one.instance_id for one in ordered]) == (False, ["a", "b"])


@pytest.mark.parametrize("indices", [(1, 1), (None, 1)])
def test_no_order(indices: tuple[int | None, int | None]) -> None:
    """Without positions, equal or missing indices give no order."""
    with pytest.raises(CannotOrderSlices):
        order([read_slice("a", b"{}", indices[0]), read_slice("b", b"{}", indices[1])])


@pytest.mark.anyio
async def test_ordered_slices(client: httpx.AsyncClient, store: Store) -> None:
    """Each frame has an address; the only instance of a series is a sequence."""
    store.catalog.below = [[(INSTANCE, StoredHeader(header(None, frames="2"), b"{}", "OW"))]]
    assert (await client.get(f"/series/{SERIES}/ordered-slices")).json() == {
        "Type": "Sequence",
        "Dicom": [f"/instances/{INSTANCE}/file"],
        "Slices": [f"/instances/{INSTANCE}/frames/0", f"/instances/{INSTANCE}/frames/1"],
        "SlicesShort": [[INSTANCE, 0, 2]],
    }
    assert (await client.get(f"/series/{NOBODY}/ordered-slices")).status_code == 404


@pytest.mark.anyio
async def test_too_many_frames(client: httpx.AsyncClient, store: Store) -> None:
    """A number of frames that no series has is refused before it is counted out."""
    store.catalog.below = [
        [(INSTANCE, StoredHeader(header(None, frames="2000000000"), b"{}", "OW"))]
    ]
    assert (await client.get(f"/series/{SERIES}/ordered-slices")).status_code == 413


@pytest.mark.anyio
@pytest.mark.parametrize("number", ["9" * 5000, "-3", "0", "²", "1_0", "2.5", "99999999999"])
async def test_a_number_of_frames_that_is_none(
    number: str, client: httpx.AsyncClient, store: Store
) -> None:
    """What no file can have counts as one frame, and is no internal error."""
    store.catalog.below = [[(INSTANCE, StoredHeader(header(None, frames=number), b"{}", "OW"))]]
    assert (await client.get(f"/series/{SERIES}/ordered-slices")).json()["SlicesShort"] == [
        [INSTANCE, 0, 1]
    ]


@pytest.mark.parametrize("number", ["9" * 5000, "1e999", "nan", "Infinity", "1_0", "", None])
def test_a_position_that_is_none(number: str) -> None:
    """Such a slice has no place."""
    assert read_slice("a", header(["0", "0", number], AXIAL), 1).position is None


@pytest.mark.anyio
async def test_export(open_client: Open, store: Store, tmp_path: Path) -> None:
    """A file is written to a path of the server only where the configuration lets it be."""
    await keep(store, b"content", compression="zstd")
    target = tmp_path / "exported.dcm"
    path = f"/instances/{INSTANCE}/export"
    async with open_client() as client:
        assert (await client.post(path, content=str(target))).status_code == 403
    assert not target.exists()
    async with open_client(Settings(http=HttpSettings(allow_export=True))) as client:
        assert (await client.post(path, content=str(target))).status_code == 200
        assert target.read_bytes() == b"content"
        for bad in ("relative.dcm", "", str(tmp_path / "missing" / "x"), str(tmp_path), "/a\0b"):
            assert (await client.post(path, content=bad)).status_code == 400

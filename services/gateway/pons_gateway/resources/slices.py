# SPDX-License-Identifier: Apache-2.0
"""The order of a series' slices: along their normal in space, else by their index."""

from dataclasses import dataclass
from itertools import pairwise
from math import isfinite, sqrt
from typing import Any

import msgspec

from pons.catalog.slices import StoredSlice
from pons.dicom.numbers import read_decimal, read_integer
from pons.errors import NotFound, TooLarge
from pons.header.json_elements import select_elements
from pons_gateway.backends import Backends
from pons_gateway.errors import CannotOrderSlices

POSITION, ORIENTATION, FRAMES = TELLING = "00200032", "00200037", "00280008"

CLOSEST = 1e-5
"""Distance in mm between two slices, along their normal, that are at one place."""

PARALLEL = 1e-4
"""How much of a unit vector two normals may differ by."""

MAX_FRAMES = 500_000
"""Frames of one series; more would make the answer larger than memory bears."""

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Slice:
    """An instance with what may tell its place."""

    instance_id: str
    frames: int
    index: int | None
    position: Vector | None
    normal: Vector | None


async def ordered_slices(series_id: str, backends: Backends) -> tuple[bool, list[Slice]]:
    """Whether the slices are a volume, and the slices in order.

    Raises `NotFound`, and `CannotOrderSlices`.
    """
    return order(await read_slices(series_id, await known_slices(series_id, backends), backends))


async def known_slices(series_id: str, backends: Backends) -> list[StoredSlice]:
    """The instances of a series. Raises `NotFound`."""
    stored = await backends.catalog.slices.of_series(series_id)
    if not stored:
        raise NotFound("Unknown resource")
    return stored


async def read_slices(series_id: str, stored: list[StoredSlice], backends: Backends) -> list[Slice]:
    """What the headers of a series tell of its slices, in order of arrival. Raises `TooLarge`."""
    indices = {one.id: one.index for one in stored}
    slices = []
    headers = backends.catalog.headers.pages(
        "Series", series_id, lambda found: select_elements(found.json, TELLING)
    )
    async for page in headers:
        slices += [read_slice(one, told, indices.get(one)) for one, told in page]
    if sum(one.frames for one in slices) > MAX_FRAMES:
        raise TooLarge(f"The series has more than {MAX_FRAMES} frames")
    return slices


def slices_json(is_volume: bool, slices: list[Slice]) -> dict[str, Any]:
    """What `ordered_slices` gives, as Orthanc's JSON."""
    return {
        "Type": "Volume" if is_volume else "Sequence",
        "Dicom": [f"/instances/{one.instance_id}/file" for one in slices],
        "Slices": [
            f"/instances/{one.instance_id}/frames/{frame}"
            for one in slices
            for frame in range(one.frames)
        ],
        "SlicesShort": [[one.instance_id, 0, one.frames] for one in slices],
    }


def read_slice(instance_id: str, header: bytes, index: int | None) -> Slice:
    """What a header tells about a slice."""
    tags: dict[str, dict[str, Any]] = msgspec.json.decode(header)
    axes = _numbers(tags, ORIENTATION, 6)
    place = _numbers(tags, POSITION, 3)
    frames = read_integer(next(iter(tags.get(FRAMES, {}).get("Value", ())), None), low=1)
    position = (place[0], place[1], place[2]) if place else None
    return Slice(instance_id, frames or 1, index, position, _normal(axes) if axes else None)


def order(slices: list[Slice]) -> tuple[bool, list[Slice]]:
    """As `ordered_slices`."""
    if len(slices) < 2:
        return False, slices
    if (volume := _volume(slices)) is not None:
        return True, volume
    indices = {one.index for one in slices}
    if None in indices or len(indices) < len(slices):
        raise CannotOrderSlices("The slices have neither distinct positions nor distinct indices")
    return False, sorted(slices, key=lambda one: one.index or 0)


def order_to_look_at(slices: list[Slice]) -> tuple[bool, list[Slice]]:
    """The same order, with an end: slices without an index come last, equal ones as they came."""
    if len(slices) > 1 and (volume := _volume(slices)) is not None:
        return True, volume
    return False, sorted(slices, key=lambda one: (one.index is None, one.index or 0))


def _volume(slices: list[Slice]) -> list[Slice] | None:
    """The slices along their normal; None where they share none, or some are at one place."""
    distances = _distances(slices)
    if distances is None:
        return None
    ordered = sorted(zip(distances, slices, strict=True), key=lambda pair: pair[0])
    apart = all(after[0] - before[0] > CLOSEST for before, after in pairwise(ordered))
    return [one for _, one in ordered] if apart else None


def _distances(slices: list[Slice]) -> list[float] | None:
    """How far each slice is along the normal that all share; None where they share none."""
    normal = slices[0].normal
    if normal is None:
        return None
    distances = []
    for one in slices:
        if one.normal is None or one.position is None:
            return None
        if max(abs(a - b) for a, b in zip(normal, one.normal, strict=True)) > PARALLEL:
            return None
        distances.append(sum(a * b for a, b in zip(normal, one.position, strict=True)))
    return distances


def _normal(axes: list[float]) -> Vector | None:
    """The unit vector across rows and columns (PS3.3 C.7.6.2.1.1); None for axes in one line."""
    ax, ay, az, bx, by, bz = axes
    x, y, z = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
    length = sqrt(x * x + y * y + z * z)
    return (x / length, y / length, z / length) if length > 0 and isfinite(length) else None


def _numbers(tags: dict[str, dict[str, Any]], tag: str, count: int) -> list[float] | None:
    values: list[Any] = tags.get(tag, {}).get("Value", [])
    numbers = [number for value in values if (number := read_decimal(value)) is not None]
    return numbers if len(numbers) == count == len(values) else None

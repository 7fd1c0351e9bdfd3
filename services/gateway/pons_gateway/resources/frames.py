# SPDX-License-Identifier: Apache-2.0
"""The frames of a series in the order in which they are looked at, and which one stands for it."""

import msgspec
import xxhash

from pons.catalog.slices import StoredSlice
from pons.dicom.levels import Level
from pons.dicom.numbers import read_integer
from pons.errors import NotFound, UnsupportedImage
from pons.header.json_elements import find_element
from pons.messages.frames import Run
from pons_gateway.backends import Backends
from pons_gateway.frame_orders import SeriesFrames
from pons_gateway.resources.slices import (
    FRAMES,
    known_slices,
    order_to_look_at,
    read_slices,
)


async def frames_of_series(series_id: str, backends: Backends) -> SeriesFrames:
    """The frames of a series in order. Raises `NotFound`, and `TooLarge`."""
    stored = await known_slices(series_id, backends)
    content = content_of(stored)
    known = backends.frame_orders.get(content)
    if known is not None:
        return known
    keys = {one.id: str(one.object_key) for one in stored}
    is_volume, slices = order_to_look_at(await read_slices(series_id, stored, backends))
    runs = [
        Run(one.instance_id, keys[one.instance_id], 0, one.frames)
        for one in slices
        if one.instance_id in keys  # others have come since
    ]
    frames = SeriesFrames(content, is_volume=is_volume, runs=runs)
    if len(runs) == len(stored):  # else some went meanwhile
        backends.frame_orders.add(frames)
    return frames


async def middle_frame(level: Level, identifier: str, backends: Backends) -> Run:
    """The frame that stands for a resource: in the middle of it.

    Raises `NotFound`, and `UnsupportedImage` where nothing has pixels.
    """
    if level == "Instance":
        stored = await backends.catalog.find_object(identifier)
        found = (identifier, stored.object_key) if stored else None
    else:
        found = await backends.catalog.slices.middle(level, identifier)
        if found is None and await backends.catalog.find(level, identifier) is not None:
            raise UnsupportedImage("No instance of it has pixel data")
    if found is None:
        raise NotFound("Unknown resource")
    instance, key = found
    element = await backends.catalog.headers.read(
        instance, lambda header: find_element(header.json, FRAMES)
    )
    values = msgspec.json.decode(element).get("Value") if element else None
    frames = read_integer(values[0], low=1) if values else None
    return Run(instance, str(key), (frames or 1) // 2, 1)


def content_of(stored: list[StoredSlice]) -> str:
    """Names the instances of a series, their bytes and their order, which indices and arrival tell
    where positions do not: an index that is made again may have others."""
    each = (f"{one.id} {one.object_key} {one.index}" for one in stored)
    return xxhash.xxh3_128_hexdigest("\n".join(each).encode())

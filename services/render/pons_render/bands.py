# SPDX-License-Identifier: Apache-2.0
"""Pixels worked on a few rows at a time, so that what a step needs beside them stays small."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_SAMPLES = 1 << 19
"""Samples of a band, which has one row at least."""


def bands(pixels: NDArray[Any]) -> Iterator[slice]:
    """The rows of each band."""
    row = max(1, pixels[:1].size)
    step = max(1, _SAMPLES // row)
    return (slice(start, start + step) for start in range(0, len(pixels), step))


def in_bands(
    pixels: NDArray[Any],
    work: Callable[[NDArray[Any]], NDArray[Any]],
    dtype: DTypeLike,
    samples: tuple[int, ...] | None = None,
) -> NDArray[Any]:
    """What `work` makes of each band, put together: pixels of `dtype`.

    `samples`: the shape of a pixel, (3,) for colour, where it is another than before.
    """
    shape = pixels.shape if samples is None else (*pixels.shape[:2], *samples)
    made = np.empty(shape, dtype)
    for band in bands(pixels):
        made[band] = work(pixels[band])
    return made

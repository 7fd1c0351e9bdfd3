# SPDX-License-Identifier: Apache-2.0
"""A frame as an expression that Octave and MATLAB evaluate to a matrix."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray


def to_matlab(pixels: NDArray[Any]) -> Iterator[bytes]:
    """Stored values as a matrix of doubles: (rows, columns), or (rows, columns, 3) for colour.

    MATLAB reads columns first, so colour comes as (3, columns, rows) with its axes turned round.
    """
    if pixels.ndim == 3:
        rows, columns, samples = pixels.shape
        yield b"double(permute(reshape([ "
        yield from (_row(row.reshape(columns * samples)) for row in pixels)
        yield b"], [ %d %d %d ]), [ 3 2 1 ]))" % (samples, columns, rows)
        return
    yield b"double([ "
    for number, row in enumerate(pixels):
        yield b"; " + _row(row) if number else _row(row)
    yield b"])"


def _row(values: NDArray[Any]) -> bytes:
    """Numbers, each with a space after it; MATLAB's words for what is no number."""
    if values.dtype.kind == "f":
        words = {"nan": "NaN", "inf": "Inf", "-inf": "-Inf"}
        texts = (str(value) for value in values.astype(np.float64).tolist())
        return "".join(f"{words.get(text, text)} " for text in texts).encode()
    return "".join(f"{value} " for value in values.tolist()).encode()

# SPDX-License-Identifier: Apache-2.0
"""Values as text for Octave and MATLAB."""

from typing import Any

import numpy as np
import pytest

from pons_render.matlab import to_matlab


@pytest.mark.parametrize(
    ("values", "dtype", "text"),
    [
        ([[0, 1, 2], [3, 4, 65535]], np.uint16, "double([ 0 1 2 ; 3 4 65535 ])"),
        ([[-32768, 7]], np.int16, "double([ -32768 7 ])"),
        ([[4294967295]], np.uint32, "double([ 4294967295 ])"),
        ([[0.5, np.nan], [np.inf, -np.inf]], np.float32, "double([ 0.5 NaN ; Inf -Inf ])"),
    ],
)
def test_grey(values: Any, dtype: Any, text: str) -> None:
    """Rows end with semicolons; numbers are whole where the pixels are."""
    assert b"".join(to_matlab(np.array(values, dtype))).decode() == text


def test_colour() -> None:
    """MATLAB fills matrices column by column: the axes are turned round after that."""
    pixels = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)  # two rows of three pixels
    text = b"".join(to_matlab(pixels)).decode()
    assert text == (
        "double(permute(reshape([ 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 ], [ 3 3 2 ]), "
        "[ 3 2 1 ]))"
    )
    values = [int(word) for word in text.split("[ ")[1].split(" ]")[0].split()]
    assert np.reshape(values, (3, 3, 2), order="F").transpose(2, 1, 0).tolist() == pixels.tolist()

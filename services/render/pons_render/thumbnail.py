# SPDX-License-Identifier: Apache-2.0
"""A small picture of a frame, as people would see the frame."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from pons_render.display import reduce_color
from pons_render.frame_attributes import FrameAttributes
from pons_render.image import Image
from pons_render.source import Source
from pons_render.voi import present


def thumbnail(
    image: Image, attributes: FrameAttributes, pixels: NDArray[Any], source: Source, edge: int
) -> NDArray[np.uint8]:
    """The frame with its longer edge of `edge` pixels, in its true proportions."""
    if pixels.ndim == 3:
        shown = reduce_color(image, pixels)
    else:
        shown = present(image, attributes, pixels, source)
    rows, columns = shown.shape[:2]
    height, width = rows * attributes.aspect, float(columns)
    scale = edge / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    picture = Pillow.fromarray(np.ascontiguousarray(shown))
    return np.asarray(picture.resize(size, Pillow.Resampling.BOX, reducing_gap=2.0))

# SPDX-License-Identifier: Apache-2.0
"""One frame as `/series/{id}/frames` sends it: two lengths, a head in JSON, the values.

docs/frames.md describes it for those who read it.
"""

from base64 import b64encode
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from pons.errors import UnsupportedImage
from pons_render.bands import bands
from pons_render.display import reduce_color
from pons_render.frame_attributes import FrameAttributes, Lut
from pons_render.image import Image
from pons_render.record_head import Head, begin_record
from pons_render.source import Source
from pons_render.voi import extremes, first_of_modality, first_of_voi, lut_values, padding_of


def write_record(
    head: Head,
    image: Image,
    attributes: FrameAttributes,
    pixels: NDArray[Any],
    source: Source,
    answer: BinaryIO,
) -> None:
    """Write a frame with what is said of it. Raises `UnsupportedImage`."""
    if pixels.ndim == 3:
        pixels = reduce_color(image, pixels)
        kind, meaning = "RGB", {}
    else:
        kind = f"{_KINDS[pixels.dtype.kind]}{pixels.dtype.itemsize * 8}"
        if kind.endswith("nt64"):
            raise UnsupportedImage("Integers of 64 bits are not sent", "Bits Allocated (0028,0100)")
        meaning = _grey(image, attributes, pixels, source)
    told = head | _common(image, attributes, kind) | meaning
    rows, columns = pixels.shape[:2]
    told |= {"Rows": rows, "Columns": columns}
    answer.write(begin_record(told, pixels.nbytes))
    for band in bands(pixels):
        values = np.ascontiguousarray(pixels[band])
        answer.write(values.astype(values.dtype.newbyteorder("<"), copy=False).data)


_KINDS = {"u": "Uint", "i": "Int", "f": "Float"}


def _common(image: Image, attributes: FrameAttributes, kind: str) -> Head:
    grey = image.photometric_interpretation if kind != "RGB" else "RGB"
    return {
        "Number": attributes.number,
        "Pixels": kind,
        "Photometric": grey,
        "BitsStored": image.bits_stored,
        "Lossy": attributes.lossy,
        "Position": attributes.position,
        "Orientation": attributes.orientation,
        "Spacing": attributes.spacing,
        "SpacingAt": attributes.spacing_at,
        "Aspect": attributes.aspect,
    }


def _grey(image: Image, attributes: FrameAttributes, pixels: NDArray[Any], source: Source) -> Head:
    padding = padding_of(image, attributes)
    least, greatest = extremes(pixels, padding) or (None, None)
    modality = attributes.modality_lut
    return {
        "Slope": attributes.slope,
        "Intercept": attributes.intercept,
        "Units": attributes.units,
        "ModalityLut": modality
        and _table(modality, first_of_modality(modality, image), image, source),
        "Windows": [
            {"Center": one.center, "Width": one.width, "Explanation": one.explanation}
            for one in attributes.windows
        ],
        "Function": attributes.function,
        "VoiLuts": [
            _table(one, first_of_voi(one, image, attributes), image, source)
            for one in attributes.voi_luts
        ],
        "Padding": padding,
        "Least": least,
        "Greatest": greatest,
    }


def _table(lut: Lut, first: int, image: Image, source: Source) -> Head:
    values = lut_values(lut, image, source)
    return {
        "First": first,
        "Bits": lut.bits,
        "Explanation": lut.explanation,
        "Values": b64encode(values.astype("<u2").tobytes()).decode(),
    }

# SPDX-License-Identifier: Apache-2.0
"""Pictures as PNG, JPEG or PAM."""

import zlib
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from pons.errors import UnsupportedImage
from pons_render.formats import Format

PNG_OPTIONS = {
    2: {"compress_level": 1, "compress_type": zlib.Z_RLE},
    3: {"compress_level": 1},
}
"""By dimensions of the picture, grey or colour. Run lengths after PNG's filters give grey pictures
the size of zlib's level 6 in a quarter of its time; colour screens of ultrasound they would make
half as large again (README, "Measured")."""


def encode(picture: NDArray[Any], output: Format, quality: int, file: BinaryIO) -> None:
    """Write a picture of `display.show`; signed values keep their bits in 16-bit samples.

    Raises `UnsupportedImage` for JPEG of more than 8 bits.
    """
    if output is Format.JPEG and picture.dtype != np.uint8:
        raise UnsupportedImage("JPEG is for pictures of 8 bits")
    if picture.dtype == np.int16:
        picture = picture.view(np.uint16)
    if output is Format.PAM:
        return _write_pam(picture, file)
    options = PNG_OPTIONS[picture.ndim] if output is Format.PNG else {"quality": quality}
    try:
        Pillow.fromarray(np.ascontiguousarray(picture)).save(file, output.name, **options)
    except (OSError, ValueError) as error:
        rows, columns = picture.shape[:2]
        raise UnsupportedImage(
            f"The picture cannot be written as {output.name}",
            f"it has {columns} x {rows} pixels; JPEG ends at 65,500 a side",
        ) from error


def _write_pam(picture: NDArray[Any], file: BinaryIO) -> None:
    rows, columns = picture.shape[:2]
    depth, kind = (1, "GRAYSCALE") if picture.ndim == 2 else (3, "RGB")
    file.write(
        f"P7\nWIDTH {columns}\nHEIGHT {rows}\nDEPTH {depth}\n"
        f"MAXVAL {np.iinfo(picture.dtype).max}\nTUPLTYPE {kind}\nENDHDR\n".encode()
    )
    for row in picture:
        file.write(row.astype(row.dtype.newbyteorder(">")).tobytes())

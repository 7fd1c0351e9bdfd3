# SPDX-License-Identifier: Apache-2.0
"""A whole header in Orthanc's formats, decoded at once: what the quick writers are held against."""

from collections.abc import Collection
from typing import Any

import msgspec

from pons.dicom.orthanc_json import PIXEL_TAGS, Style, format_elements


def format_header(
    header: bytes,
    style: Style,
    *,
    pixel_vr: str | None = None,
    ignore_length: frozenset[str] = frozenset(),
    only: Collection[str] | None = None,
) -> dict[str, Any]:
    """The dataset of a header (DICOM JSON, PS3.18 F) in one of Orthanc's formats.

    Parameters
    ----------
    pixel_vr
        VR of the pixel data, which a header leaves out: listed in its place, without a value.
    ignore_length
        Tags ("GGGGEEEE") whose value is shown however long it is.
    only
        Tags ("GGGGEEEE") beside which none is shown; None: all are.
    """
    decoded: dict[str, dict[str, Any]] = msgspec.json.decode(header)
    if pixel_vr is not None:
        tag = PIXEL_TAGS.get(pixel_vr, "7FE00010")
        after = bool(decoded) and next(reversed(decoded)) > tag
        decoded[tag] = {"vr": pixel_vr}
        decoded = dict(sorted(decoded.items())) if after else decoded
    if only is not None:
        decoded = {tag: element for tag, element in decoded.items() if tag in only}
    return format_elements(decoded, style, ignore_length)

# SPDX-License-Identifier: Apache-2.0
"""What a header says of a frame beside its pixels: what its values mean, their display, its place.

Modality LUT (PS3.3 C.11.1), VOI LUT (C.11.2), plane (C.7.6.2), padding (C.7.5.1.1.2), of one frame
as functional groups have them (C.7.6.16), and the scaling of a dose (C.8.8.3).
"""

from collections.abc import Sequence
from math import isfinite

import msgspec

from pons.dicom.numbers import read_decimal, read_integer
from pons.errors import UnsupportedImage
from pons.header.json_elements import find_element, select_elements
from pons_render.picture_header import PICTURE_TAGS, Bulk, Element, bulk, text

FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
LARGEST_LUT = 65536
"""Entries of a lookup table (PS3.3 C.11.1.1.1)."""
FLUOROSCOPY = frozenset(f"1.2.840.10008.5.1.4.1.1.12.{number}" for number in (1, 2, 3))
"""X-Ray Angiographic, Radiofluoroscopic and (retired) Angiographic Bi-Plane Image Storage."""
SHARED_GROUPS, FRAME_GROUPS = "52009229", "52009230"


def _tag(name: str) -> str:
    return name.removeprefix("_")


class Item(msgspec.Struct, frozen=True, rename=_tag):
    """Attributes that are in the data set itself, or in an item of a functional group."""

    _00200032: Element = Element()
    _00200037: Element = Element()
    _00280030: Element = Element()
    _00281050: Element = Element()
    _00281051: Element = Element()
    _00281052: Element = Element()
    _00281053: Element = Element()
    _00281054: Element = Element()
    _00281055: Element = Element()
    _00281056: Element = Element()


class LutItem(msgspec.Struct, frozen=True, rename=_tag):
    """An item of a Modality LUT or VOI LUT Sequence."""

    _00283002: Element = Element()
    _00283003: Element = Element()
    _00283004: Element = Element()
    _00283006: Element = Element()


class Luts(msgspec.Struct, frozen=True):
    Value: list[LutItem | None] = []


class Items(msgspec.Struct, frozen=True):
    Value: list[Item | None] = []


class Groups(msgspec.Struct, frozen=True, rename=_tag):
    """The functional groups of a frame, or those that all frames share."""

    _00209113: Items = Items()
    _00209116: Items = Items()
    _00289110: Items = Items()
    _00289132: Items = Items()
    _00289145: Items = Items()


class DataSet(Item, frozen=True, rename=_tag):
    """What is in the data set alone."""

    _00080016: Element = Element()
    _00181164: Element = Element()
    _00182010: Element = Element()
    _00200013: Element = Element()
    _00280034: Element = Element()
    _00280120: Element = Element()
    _00280121: Element = Element()
    _00281040: Element = Element()
    _00282110: Element = Element()
    _00283000: Luts = Luts()
    _00283010: Luts = Luts()
    _30040002: Element = Element()
    _3004000C: Element = Element()
    _3004000E: Element = Element()


class SharedGroups(msgspec.Struct, frozen=True):
    Value: list[Groups] = []


class FrameGroups(msgspec.Struct, frozen=True):
    Value: list[msgspec.Raw] = []


DATA_SET_TAGS = tuple(_tag(name) for name in DataSet.__struct_fields__)


class Window(msgspec.Struct, frozen=True):
    """Centre and width, in the units that the modality LUT gives."""

    center: float
    width: float
    explanation: str = ""


class Lut(msgspec.Struct, frozen=True):
    """A lookup table: where its entries are, and what the first of them is for."""

    entries: int
    first: int
    bits: int
    data: Bulk
    explanation: str = ""
    in_numbers: bool = False
    """Whether the header has its values as numbers, and not in the file's order of bytes."""


class FrameAttributes(msgspec.Struct, frozen=True):
    """What is known of one frame beside its pixels; None where the header does not say."""

    slope: float = 1.0
    intercept: float = 0.0
    units: str = ""
    modality_lut: Lut | None = None
    windows: tuple[Window, ...] = ()
    function: str = "LINEAR"
    voi_luts: tuple[Lut, ...] = ()
    padding: tuple[int, int] | None = None
    """The least and the greatest stored value that is no pixel, as the header has them."""
    position: tuple[float, ...] | None = None
    orientation: tuple[float, ...] | None = None
    spacing: tuple[float, float] | None = None
    """Millimetres between rows, and between columns."""
    spacing_at: str = ""
    """`patient`, `detector`, or `page` for a scanned one: where those millimetres are."""
    aspect: float = 1.0
    """Height of a pixel by its width."""
    number: int | None = None
    lossy: bool = False


def read_attributes(header: bytes, frames: Sequence[int]) -> tuple[FrameAttributes, ...]:
    """What a header's DICOM JSON says of these frames. Raises `UnsupportedImage`."""
    try:
        own = msgspec.json.decode(select_elements(header, DATA_SET_TAGS), type=DataSet)
        shared = msgspec.json.decode(_element(header, SHARED_GROUPS), type=SharedGroups).Value
        groups = msgspec.json.decode(_element(header, FRAME_GROUPS), type=FrameGroups).Value
        each = [
            msgspec.json.decode(groups[one], type=Groups) if one < len(groups) else Groups()
            for one in frames
        ]
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise UnsupportedImage("The attributes of the frame cannot be read") from error
    all_frames = shared[0] if shared else Groups()
    return tuple(
        _of_frame(own, all_frames, one, frame) for one, frame in zip(each, frames, strict=True)
    )


def picture_and_attributes(
    header: bytes, frames: Sequence[int]
) -> tuple[bytes, tuple[FrameAttributes, ...]]:
    """The elements that rendering needs, and what is said of these frames."""
    return select_elements(header, PICTURE_TAGS), read_attributes(header, frames)


def _element(header: bytes, tag: str) -> bytes:
    return find_element(header, tag) or b"{}"


def _of_frame(own: DataSet, shared: Groups, each: Groups, frame: int) -> FrameAttributes:
    scaling = _first(each._00289145, shared._00289145) or own
    display = _first(each._00289132, shared._00289132) or own
    measures = _first(each._00289110, shared._00289110) or own
    place = _first(each._00209113, shared._00209113)
    axes = _first(each._00209116, shared._00209116) or own
    orientation = _numbers(axes._00200037, 6)
    slope, units = read_decimal(_value(scaling._00281053)), text(scaling._00281054)
    if slope is None and (dose := read_decimal(_value(own._3004000E))):
        slope, units = dose, text(own._30040002)
    spacing, spacing_at = _spacing(measures, own)
    function = text(display._00281056).upper()
    padding = read_integer(_value(own._00280120)), read_integer(_value(own._00280121))
    return FrameAttributes(
        slope=slope or 1.0,
        intercept=read_decimal(_value(scaling._00281052)) or 0.0,
        units=units,
        modality_lut=_modality_lut(own),
        windows=tuple(_windows(display)),
        function=function if function in FUNCTIONS else FUNCTIONS[0],
        voi_luts=tuple(_luts(own._00283010)),
        padding=_padding(*padding),
        position=(
            _numbers(place._00200032, 3) if place else _own_position(own, orientation, frame)
        ),
        orientation=orientation,
        spacing=spacing,
        spacing_at=spacing_at,
        aspect=_aspect(spacing, own),
        number=read_integer(_value(own._00200013)),
        lossy=text(own._00282110) == "01",
    )


def _first(*sequences: Items) -> Item | None:
    """The first item that there is."""
    return next((item for one in sequences for item in one.Value[:1] if item), None)


def _value(element: Element) -> object:
    return element.Value[0] if element.Value else None


def _numbers(element: Element, count: int) -> tuple[float, ...] | None:
    numbers = [read_decimal(value) for value in element.Value]
    found = tuple(number for number in numbers if number is not None)
    return found if len(found) == count == len(numbers) else None


def _windows(display: Item) -> list[Window]:
    """Those that have a centre and a width; what has none says nothing."""
    explanations = [str(one or "") for one in display._00281055.Value]
    found = []
    pairs = zip(display._00281050.Value, display._00281051.Value, strict=False)
    for number, (one, other) in enumerate(pairs):
        center, width = read_decimal(one), read_decimal(other)
        if center is not None and width is not None and width > 0:
            said = explanations[number] if number < len(explanations) else ""
            found.append(Window(center, width, said))
    return found


def _luts(sequence: Luts) -> list[Lut]:
    return [lut for item in sequence.Value if item and (lut := _lut(item))]


def _modality_lut(own: DataSet) -> Lut | None:
    """The table that makes modality values.

    That of fluoroscopy undoes a logarithm for those who compute: windows and VOI LUTs are for the
    stored values (PS3.3 C.8.7.1.1.2, PS3.4 N.2.1.2).
    """
    is_undone = text(own._00281040).upper() in ("LOG", "DISP")
    if is_undone and text(own._00080016) in FLUOROSCOPY:
        return None
    return next(iter(_luts(own._00283000)), None)


def _lut(item: LutItem) -> Lut | None:
    descriptor = [read_integer(value) for value in item._00283002.Value]
    if len(descriptor) != 3:
        return None
    entries, first, bits = descriptor
    data = bulk(item._00283006)
    if entries is None or first is None or bits is None or not (data.data or data.length):
        return None
    explanation = text(item._00283003) or text(item._00283004)
    # 0 stands for 65536, and a count above 32767 is negative where the VR is SS.
    return Lut(
        entries % LARGEST_LUT or LARGEST_LUT,
        first,
        bits,
        data,
        explanation,
        bool(item._00283006.Value),
    )


def _padding(value: int | None, limit: int | None) -> tuple[int, int] | None:
    if value is None:
        return None
    return (value, value) if limit is None else (min(value, limit), max(value, limit))


def _own_position(
    own: DataSet, orientation: tuple[float, ...] | None, frame: int
) -> tuple[float, ...] | None:
    """The position of a frame whose image has one, or that of each frame of a dose."""
    position = _numbers(own._00200032, 3)
    if frame == 0 or position is None:
        return position
    offsets = [read_decimal(value) for value in own._3004000C.Value]
    if orientation is None or frame >= len(offsets):
        return None
    offset, first = offsets[frame], offsets[0]
    if offset is None or first is None:
        return None
    ax, ay, az, bx, by, bz = orientation
    normal = (ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx)
    # Relative offsets begin with 0, others are positions along the normal (PS3.3 C.8.8.3.2).
    return tuple(p + (offset - first) * n for p, n in zip(position, normal, strict=True))


def _spacing(measures: Item, own: DataSet) -> tuple[tuple[float, float] | None, str]:
    """Pixel Spacing that repeats another one was not corrected for what that one lacks: it says no
    more than the other (PS3.3 10.7.1)."""
    patient, detector, page = (
        numbers if (numbers := _numbers(element, 2)) and min(numbers) > 0 else None
        for element in (measures._00280030, own._00181164, own._00182010)
    )
    corrected = patient if patient not in (detector, page) else None
    for numbers, at in ((corrected, "patient"), (detector, "detector"), (page, "page")):
        if numbers:
            return (numbers[0], numbers[1]), at
    return None, ""


def _aspect(spacing: tuple[float, float] | None, own: DataSet) -> float:
    ratio = spacing or _numbers(own._00280034, 2)
    if not ratio or min(ratio) <= 0:
        return 1.0
    aspect = ratio[0] / ratio[1]
    return aspect if isfinite(aspect) and 0.01 < aspect < 100 else 1.0

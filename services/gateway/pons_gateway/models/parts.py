# SPDX-License-Identifier: Apache-2.0
"""How resources are shown: parts, requested tags, format of tags."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pons.catalog import DEFAULT_PARTS, Fields, Part
from pons.dicom.orthanc_json import Style
from pons.errors import BadRequest

PARTS = ", ".join(part for part in Part if part)
"""What callers may choose from."""
META_GROUP = "0002"
"""Group of the file meta information, which cannot be requested: Orthanc passes over it."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a resource is shown."""

    wanted: Fields
    style: Style
    chosen: bool = False
    """Whether the caller named the parts: then lists hold objects."""


PLAIN = Shape(Fields(), Style.SIMPLIFIED)


def shape_with(
    words: Sequence[str] | None, tags: Iterable[str], *, full: bool, short: bool
) -> Shape:
    """The shape with these parts (None: the usual ones) and tags. Raises `BadRequest`."""
    parts = DEFAULT_PARTS if words is None else parts_of(words)
    wanted = Fields(parts, requested(tags))
    return Shape(wanted, style_of(full=full, short=short), chosen=words is not None)


def style_of(*, full: bool, short: bool) -> Style:
    """The format that `full` or `short` asks for; simplified without."""
    if short:
        return Style.SHORT
    return Style.FULL if full else Style.SIMPLIFIED


def parts_of(words: Sequence[str]) -> frozenset[Part]:
    """The parts that these words name. Raises `BadRequest` for others."""
    for word in words:
        if word not in set(Part) or not word:
            raise BadRequest(f"Unknown part of a resource: {word!r}", f"known are {PARTS}")
    return frozenset(map(Part, words))


def requested(tags: Iterable[str]) -> tuple[str, ...]:
    """The tags that can be requested, ascending."""
    return tuple(sorted(tag for tag in set(tags) if not tag.startswith(META_GROUP)))

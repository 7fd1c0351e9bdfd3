# SPDX-License-Identifier: Apache-2.0
"""What can be asked of resources: which ones, in which order, and what to read of each.

Values are matched as PS3.4 C.2.2.2 says, with Orthanc's deviations.
"""

import fnmatch
import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, islice
from typing import Literal, NamedTuple

from pons.catalog.days import Days
from pons.dicom.levels import Level
from pons.dicom.person_names import bare, spellings
from pons.dicom.vocabulary import attribute
from pons.errors import BadRequest


class Part(StrEnum):
    """A part of a resource's object; Orthanc's word for it where callers may choose."""

    MAIN_TAGS = "MainDicomTags"
    METADATA = "Metadata"
    STATUS = "Status"
    PARENT = "Parent"
    CHILDREN = "Children"
    LABELS = "Labels"
    ATTACHMENTS = "Attachments"
    STABLE = "IsStable"
    PROTECTED = "IsProtected"
    REQUESTED = "RequestedTags"
    DETAILS = ""
    """What has no word of its own: LastUpdate, ModifiedFrom, AnonymizedFrom, FileSize, ..."""


DEFAULT_PARTS = frozenset(Part) - {Part.METADATA, Part.ATTACHMENTS}
"""What is shown unless a caller chooses."""


@dataclass(frozen=True, slots=True)
class Fields:
    """What to read of each resource."""

    parts: frozenset[Part] = DEFAULT_PARTS
    tags: tuple[str, ...] = ()
    """Requested tags ("GGGGEEEE"): main tags of any level, computed ones, others of a header."""


LabelsConstraint = Literal["All", "Any", "None"]
OrderKind = Literal["text", "integer", "float"]


@dataclass(frozen=True, slots=True)
class Order:
    """One key to sort by; resources without it come last."""

    tag: str = ""
    """ "GGGGEEEE", or empty: the key is metadata."""
    metadata: int = 0
    kind: OrderKind = "text"
    descending: bool = False


State = Literal["arriving", "stable", "protected"]
Field = Literal["", "name", "id", "accession", "description"]


class Piece(NamedTuple):
    """A piece of one field of a study, or of any of them, whatever its case and accents."""

    text: str
    field: Field = ""
    days: Days | None = None
    """Or the study is of one of these days: of what may be a number or a date."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What lists of studies are searched by beside DICOM's matching; all of it must be so."""

    pieces: tuple[Piece, ...] = ()
    uids: tuple[str, ...] = ()
    """Of the study, or of a series or an instance in it."""
    labels: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    """AE titles from which one of its series came."""
    stations: tuple[str, ...] = ()
    """What the station's name of one of its series begins with, whatever its case; `*` and `?`."""
    series: tuple[str, ...] = ()
    """What the description of one of its series has in it, whatever its case; `*` and `?`."""
    states: tuple[State, ...] = ()


@dataclass(frozen=True, slots=True)
class Search:
    """Which resources of a level, with DICOM's matching (PS3.4 C.2.2.2) as Orthanc has it."""

    level: Level
    query: tuple[tuple[str, str], ...] = ()
    """Tag and what it must match: a value, `a\\b`, a range, wildcards. Empty matches anything."""
    metadata: tuple[tuple[int, str], ...] = ()
    """Number of a metadata and what it must match."""
    case_sensitive: bool = False
    any_case: frozenset[str] = frozenset()
    """VRs that are compared without case even so."""
    labels: tuple[str, ...] = ()
    labels_constraint: LabelsConstraint = "All"
    parent: tuple[Level, str] | None = None
    """Only what is below this resource."""
    order: tuple[Order, ...] = ()
    """Order of arrival where these leave it open."""
    any_order: bool = False
    """Whether they may come as an index has them, the first ones soon; without `order`, `since`."""
    since: int = 0
    limit: int = 0
    """0: all."""
    candidates: int = 0
    """How many resources are looked at, at most, where headers decide; 0: all."""
    listed: Listed = Listed()
    """Of studies alone."""

    def minds_case(self, tag: str = "") -> bool:
        """Whether values of an attribute are compared with case; without a tag, of metadata."""
        return self.case_sensitive and not (tag and vr_of(tag) in self.any_case)


RANGES = frozenset(("DA", "TM", "DT"))
SHORTEST = {"TM": 2, "DT": 8}
"""VRs whose values may leave out what is smaller, and the fewest characters that bounds keep."""
AFTER = "~"
"""Greater than whatever a date or a time may go on with."""
PLAIN_TIME = re.compile(r"\d+(\.\d*)?", re.ASCII)
"""Without an offset from UTC."""
WILDCARDS = frozenset(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT", ""))
"""VRs whose values may be matched by wildcards; private attributes have none that is known."""
MOST_SPELLINGS = 5_000
"""Of the names of one list."""


@dataclass(frozen=True, slots=True)
class Present:
    """Any value, also an empty one."""


@dataclass(frozen=True, slots=True)
class Range:
    """Texts between two bounds, both included, in the order of their bytes; empty: no bound."""

    lower: str
    upper: str


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of several values or patterns (`*`: any characters, `?`: any one)."""

    values: tuple[str, ...]
    patterns: tuple[str, ...] = ()


Match = Present | Range | OneOf


def vr_of(tag: str) -> str:
    """The VR of a standard attribute; empty for others, and the first where there are several."""
    known = attribute(int(tag, 16))
    return "" if known is None else known.vr.split(" ")[0]


def parse_match(tag: str, text: str) -> Match | None:
    """What `text` asks of an attribute; None when any resource will do.

    Raises `BadRequest` for wildcards where the VR allows none.
    """
    text, vr = text.strip(), vr_of(tag)
    if not text:
        return None
    if vr == "UI" and text == "*":
        return Present()
    if vr in RANGES and "-" in text:
        lower, _, upper = (part.strip() for part in text.partition("-"))
        return range_of(vr, lower, upper) if lower or upper else None
    if vr not in WILDCARDS and has_wildcard(text):
        raise BadRequest(f"Wildcards cannot be used with tag {tag}", f"its VR is {vr}: {text!r}")
    return _names(text) if vr == "PN" else parse_words(text)


def _names(text: str) -> Match | None:
    """What a list of names asks for: each of them as it is written, and in all its other spellings.

    Of a long list, of which that were too many, only what is written.
    """
    match = parse_words(text)
    if not isinstance(match, OneOf):
        return match
    values = [name for name in match.values if bare(name)]
    patterns = [name for name in match.patterns if bare(name)]
    if not values and not patterns:
        return None
    if not values and {bare(name) for name in patterns} == {"*"}:
        return Present()
    spelled = chain(values, chain.from_iterable(map(spellings, values)))
    every = list(islice(spelled, MOST_SPELLINGS + 1))
    return OneOf(
        tuple(dict.fromkeys(values if len(every) > MOST_SPELLINGS else every)),
        tuple(dict.fromkeys(chain(patterns, chain.from_iterable(map(_patterns, patterns))))),
    )


def _patterns(pattern: str) -> tuple[str, ...]:
    """The spellings of one, without empty groups: each is a condition of its own."""
    shortest = bare(pattern)
    if shortest.endswith("*") or "=" in shortest:
        return (shortest,)
    return tuple(one for one in spellings(shortest) if not one.endswith("="))


def range_of(vr: str, lower: str, upper: str) -> Range:
    """The range between two values, either of which may be empty, and may say less than the values
    that it finds: `1015` has all seconds of that minute, and `101500.000` is no later than it."""
    if vr not in SHORTEST:
        return Range(lower, upper)
    return Range(_shortest(vr, lower), upper and upper + AFTER)


def _shortest(vr: str, text: str) -> str:
    """A time without the zeros in which it ends: of all ways to write it the first in order."""
    if not PLAIN_TIME.fullmatch(text):
        return text
    whole, _, fraction = text.partition(".")
    if fraction := fraction.rstrip("0"):
        return f"{whole}.{fraction}"
    while len(whole) >= SHORTEST[vr] + 2 and len(whole) % 2 == 0 and whole.endswith("00"):
        whole = whole[:-2]
    return whole


def parse_words(text: str) -> Match:
    """As `parse_match`, for a text that may hold wildcards: `a\\b*` matches `a`, `b` and `bc`."""
    words = tuple(word.strip() for word in text.split("\\"))
    if words == ("*",):
        return Present()
    return OneOf(
        tuple(word for word in words if not has_wildcard(word)),
        tuple(word for word in words if has_wildcard(word)),
    )


def has_wildcard(text: str) -> bool:
    return "*" in text or "?" in text


def like(pattern: str) -> str:
    """A pattern as SQL's LIKE has it."""
    escaped = re.sub(r"[\\%_]", r"\\\g<0>", pattern)
    return escaped.replace("*", "%").replace("?", "_")


def literal_run(pattern: str) -> int:
    """Characters of the longest literal piece of a pattern: from three on, an index can find it."""
    return max(len(piece) for piece in re.split(r"[*?]", pattern))


def literal_start(pattern: str, most: int) -> str:
    """What a pattern begins with, of at `most` so many characters."""
    return re.split(r"[*?]", pattern, maxsplit=1)[0][:most]


def accepts(match: Match, text: str, *, case_sensitive: bool) -> bool:
    """Whether a value that is at hand matches, as the database would say of one in a column."""
    match match:
        case Present():
            return True
        case Range(lower, upper):
            return bool(text) and lower <= text and (not upper or text <= upper)
        case OneOf(values, patterns):
            fold = (lambda word: word) if case_sensitive else str.upper
            text = fold(text)
            return any(fold(value) == text for value in values) or any(
                _wildcards(fold(pattern)).match(text) for pattern in patterns
            )


def _wildcards(pattern: str) -> re.Pattern[str]:
    """fnmatch's expressions do not backtrack, however many stars there are."""
    return re.compile(fnmatch.translate(pattern.replace("[", "[[]")))

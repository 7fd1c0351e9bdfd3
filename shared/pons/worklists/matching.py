# SPDX-License-Identifier: Apache-2.0
"""Which worklist entries answer a query, and what of them (PS3.4 C.2.2.2 and K.4.1).

Both are DICOM JSON. The query has an element for each attribute that is to match or to be shown.
Entries may have several scheduled procedure steps: each that matches is an answer of its own, as
the information model has it (PS3.4 K.6.1.1), so that no modality misses the second one.
"""

from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pons.catalog.search import OneOf, accepts, has_wildcard
from pons.dicom.orthanc_json import element_text, reserving_tag
from pons.dicom.person_names import bare
from pons.worklists.times import Span, bound, read_span, within

Elements = Mapping[str, Mapping[str, Any]]
"""Tag ("GGGGEEEE") to VR and value."""

STEPS = "00400100"
"""ScheduledProcedureStepSequence."""
STATION_AET, START_DATE, START_TIME = "00400001", "00400002", "00400003"
UNMATCHED = frozenset(("00080005", "00080052", "00080201"))
"""SpecificCharacterSet, QueryRetrieveLevel and TimezoneOffsetFromUTC say something of the query."""
TIMES = frozenset(("DA", "TM", "DT"))
WILDCARDS = frozenset(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UN", "UR", "UT"))
"""VRs whose values may be matched by wildcards (PS3.4 C.2.2.2.4); UN is a private attribute's."""
ONE_TEXT = frozenset(("LT", "ST", "UT", "UR"))
"""VRs in which a backslash parts no values."""

Matches = Callable[[Mapping[str, Any] | None], bool]


@dataclass(frozen=True, slots=True)
class Key:
    """An attribute that a query names."""

    tag: str
    vr: str
    creator: str
    """Of a private one; then an entry may have it in another block (PS3.5 7.8.1)."""
    matches: Matches | None
    """None: any value will do, also none."""
    items: "Keys | None" = None
    """Of a sequence: what is asked of its items; None: it is shown whole."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What is asked of a data set, or of an item."""

    keys: tuple[Key, ...]
    period: tuple[Span, Span] | None = None
    """Dates and times of scheduled steps, where both together are one period (PS3.4 K.6.1.2.2)."""

    @property
    def universal(self) -> bool:
        """Whether any data set will do."""
        return self.period is None and all(
            key.matches is None and (key.items is None or key.items.universal) for key in self.keys
        )


class Query:
    """What a modality asks for.

    Parameters
    ----------
    elements
        The identifier of its request.
    case_sensitive
        Whether the case of names of persons counts; it does in all other attributes.
    station
        Only steps that are scheduled for this AE title, whatever the query says; empty: all.

    Raises
    ------
    BadRequest
        Wildcards where the VR allows none, or a date or time that is none.
    """

    def __init__(
        self, elements: Elements, *, case_sensitive: bool = False, station: str = ""
    ) -> None:
        self._case_sensitive = case_sensitive
        self._station = station.strip().upper()
        self._keys = self._read(elements)

    @property
    def dates(self) -> tuple[str, str]:
        """First and last day (YYYYMMDD) that a step which matches can begin; empty: any."""
        steps = next((key.items for key in self._keys.keys if key.tag == STEPS), None)
        key = steps and next((key for key in steps.keys if key.tag == START_DATE), None)
        if steps is not None and steps.period is not None:
            span: Span | None = steps.period[0]
        else:
            span = getattr(key and key.matches, "span", None)
        return ("", "") if span is None else (span.lower, span.upper)

    def answers(self, entry: Elements) -> Iterator[Elements]:
        """What of an entry answers the query: nothing, or each step that matches."""
        if not self._matches(self._keys, entry, but=STEPS):
            return
        steps = next((key for key in self._keys.keys if key.tag == STEPS), None)
        items = entry.get(STEPS, {}).get("Value", [])
        keys = steps.items if steps is not None and steps.items is not None else Keys(())
        matching = [item for item in items if self._is_asked(keys, item)]
        if not items and keys.universal and not self._station:
            yield self._shown(self._keys, entry)
        for item in matching:
            yield self._shown(self._keys, {**entry, STEPS: {"vr": "SQ", "Value": [item]}})

    def _is_asked(self, keys: Keys, step: Elements) -> bool:
        if self._station and self._station not in (
            aet.upper() for aet in texts(STATION_AET, step.get(STATION_AET))
        ):
            return False
        return self._matches(keys, step)

    def _matches(self, keys: Keys, dataset: Elements, but: str = "") -> bool:
        for key in keys.keys:
            element = dataset.get(_tag_in(dataset, key))
            if key.tag == but:
                continue
            if key.items is not None:
                items = (element or {}).get("Value", [])
                if not key.items.universal and not any(
                    self._matches(key.items, item) for item in items
                ):
                    return False
            elif key.matches is not None and not key.matches(element):
                return False
        return keys.period is None or _is_in(keys.period, dataset)

    def _shown(self, keys: Keys, dataset: Elements) -> Elements:
        """The attributes that were asked for; what a data set lacks is empty.

        A sequence that it lacks is left out, as wlmscpfs and Orthanc do.
        """
        shown: dict[str, Mapping[str, Any]] = {}
        for key in keys.keys:
            element = dataset.get(_tag_in(dataset, key))
            if element is None:
                if key.vr != "SQ":
                    shown[key.tag] = {"vr": key.vr}
            elif key.items is not None and element["vr"] == "SQ":
                items = [
                    self._shown(key.items, item)
                    for item in element.get("Value", [])
                    if self._matches(key.items, item)
                ]
                shown[key.tag] = {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}
            else:
                shown[key.tag] = element
        return shown

    def _read(self, elements: Elements) -> Keys:
        keys = []
        for tag, element in elements.items():
            if tag.endswith("0000"):
                continue  # a group length
            reserving = reserving_tag(tag)
            creators = texts(reserving, elements.get(reserving)) if reserving else []
            creator = creators[0] if creators and reserving != tag else ""
            matches = items = None
            if element["vr"] == "SQ":
                first: Elements = next(iter(element.get("Value", ())), {})
                items = self._read(first) if first else None
            elif tag not in UNMATCHED and reserving != tag:
                matches = self._match(tag, element)
            keys.append(Key(tag, element["vr"], creator, matches, items))
        return _with_period(tuple(keys))

    def _match(self, tag: str, element: Mapping[str, Any]) -> Matches | None:
        vr, text = element["vr"], "\\".join(texts(tag, element))
        if text in ("", "*"):
            return None
        if vr in TIMES:
            span = read_span(tag, vr, text)
            return InTime(tag, span) if span.lower or span.upper else None
        if vr not in WILDCARDS:
            values = frozenset(text.split("\\"))
            return lambda found: not values.isdisjoint(texts(tag, found))
        name = vr == "PN"
        exact = self._case_sensitive or not name
        words = [text] if vr in ONE_TEXT else text.split("\\")
        if name:
            words = [one for word in words if (one := bare(word))]
            if not words:
                return None  # a name of nothing but delimiters
        match = OneOf(
            tuple(word for word in words if not has_wildcard(word)),
            tuple(word for word in words if has_wildcard(word)),
        )
        read = names if name else texts
        return lambda found: any(
            accepts(match, value, case_sensitive=exact) for value in read(tag, found)
        )


@dataclass(frozen=True, slots=True)
class InTime:
    """Whether one of an attribute's dates or times is in a span."""

    tag: str
    span: Span

    def __call__(self, element: Mapping[str, Any] | None) -> bool:
        return any(within(self.span, value) for value in texts(self.tag, element))


def texts(tag: str, element: Mapping[str, Any] | None) -> list[str]:
    """The values of an element that are not empty, as texts without the spaces around them."""
    if element is None or element["vr"] == "SQ":
        return []
    if "InlineBinary" in element:
        text = b64decode(element["InlineBinary"]).decode("latin-1").rstrip("\0")
    else:
        text = element_text(tag, element) or ""
    parts = [text] if element["vr"] in ONE_TEXT else text.split("\\")
    return [part.strip() for part in parts if part.strip()]


def names(tag: str, element: Mapping[str, Any] | None) -> list[str]:
    """The names of an element: each whole, and each of its component groups."""
    found: list[str] = []
    for name in texts(tag, element):
        groups = [group for group in name.split("=") if group]
        found += dict.fromkeys(map(bare, (name, *groups)))
    return found


def _tag_in(dataset: Elements, key: Key) -> str:
    """The tag that a data set has for the attribute of a key."""
    if not key.creator:
        return key.tag
    group = key.tag[:4]
    for tag, element in dataset.items():
        if tag[:6] == f"{group}00" and texts(tag, element) == [key.creator]:
            return f"{group}{tag[6:]}{key.tag[6:]}"
    return key.tag


def _with_period(keys: tuple[Key, ...]) -> Keys:
    """Keys in which ranges of a step's date and time are one period.

    A bound of the time that has no date beside it says of each day when it begins or ends.
    """
    found = {key.tag: key.matches for key in keys}
    date, time = found.get(START_DATE), found.get(START_TIME)
    if not isinstance(date, InTime) or not isinstance(time, InTime):
        return Keys(keys)
    days, hours = date.span, time.span
    if not (days.is_range and hours.is_range):
        return Keys(keys)
    if (hours.lower and not days.lower) or (hours.upper and not days.upper):
        return Keys(keys)
    plain = tuple(
        Key(key.tag, key.vr, key.creator, None) if key.tag in (START_DATE, START_TIME) else key
        for key in keys
    )
    return Keys(plain, (days, hours))


def _is_in(period: tuple[Span, Span], step: Elements) -> bool:
    days, hours = period
    dates, clock = texts(START_DATE, step.get(START_DATE)), texts(START_TIME, step.get(START_TIME))
    if not dates:
        return False
    # A step without a time begins some time of its day.
    earliest = bound("DA", dates[0], "0") + bound("TM", clock[0] if clock else "", "0")
    latest = earliest if clock else bound("DA", dates[0], "0") + bound("TM", "", "9")
    lower = days.lower and days.lower + (hours.lower or bound("TM", "", "0"))
    upper = days.upper and days.upper + (hours.upper or bound("TM", "", "9"))
    return (not lower or lower <= latest) and (not upper or earliest <= upper)

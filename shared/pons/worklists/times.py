# SPDX-License-Identifier: Apache-2.0
"""Dates and times of queries: single ones, and ranges (PS3.4 C.2.2.2.1 and C.2.2.2.5)."""

import re
from dataclasses import dataclass
from datetime import date

from pons.dicom.tag_names import display_tag
from pons.errors import BadRequest

DIGITS = {"DA": 8, "TM": 12, "DT": 20}
"""Digits of a value of full precision: YYYYMMDD, HHMMSSFFFFFF, and both."""
FORMS = {
    "DA": re.compile(r"\d{4}(\d\d){0,2}"),
    "TM": re.compile(r"\d\d(\d\d){0,2}|\d{6}\d{1,6}"),
    "DT": re.compile(r"\d{4}(\d\d){0,5}|\d{14}\d{1,6}"),
}
OFFSET = re.compile(r"[+-]\d{4}$")
"""A time zone, with which a DT may end."""


@dataclass(frozen=True, slots=True)
class Span:
    """What a query asks of a date or time: digits of full precision, both included."""

    vr: str
    lower: str
    upper: str
    """Empty: no bound."""
    is_range: bool


def read_span(tag: str, vr: str, text: str) -> Span:
    """The span of a key. Raises `BadRequest` for what is no date or time, such as a wildcard."""
    first, dash, last = text.partition("-")
    if vr == "DT" and OFFSET.search(text) and text.count("-") == 1:
        first, dash, last = text, "", ""
    lower, upper = (
        bound(vr, part, fill) if part.strip() else ""
        for part, fill in ((first, "0"), (last if dash else first, "9"))
    )
    for one in (lower, upper):
        if one and not (len(one) == DIGITS[vr] and one.isdecimal()):
            raise BadRequest(f"The value of {display_tag(tag)} ({vr}) cannot be {text!r:.100}")
    return Span(vr, lower, upper, bool(dash))


def within(span: Span, value: str) -> bool:
    """Whether a date or time is in the span."""
    digits = bound(span.vr, value, "0")
    if not digits.isdecimal():
        return False
    return (not span.lower or span.lower <= digits) and (not span.upper or digits <= span.upper)


def is_time(vr: str, value: str) -> bool:
    """Whether `value` is one date or time of full form, as an entry has it."""
    digits = bound(vr, value, "0")
    if vr == "DA":
        return len(value.strip()) >= DIGITS[vr] and is_day(digits)
    return digits.isdecimal()


def is_day(digits: str) -> bool:
    """Whether YYYYMMDD is a day of the calendar."""
    if len(digits) != DIGITS["DA"] or not digits.isdecimal():
        return False
    try:
        date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return True


def bound(vr: str, value: str, fill: str) -> str:
    """The digits of a value, of which those that it leaves open are `fill`.

    What has another form gives something that is not all digits.
    """
    text = value.strip()
    if vr == "DT":
        text = OFFSET.sub("", text)
    # ACR-NEMA wrote 1995.10.15 and 08:56:07 (PS3.5 6.2).
    text = text.replace(".", "").replace(":", "")
    if text and not FORMS[vr].fullmatch(text):
        return "?"
    return text.ljust(DIGITS[vr], fill)

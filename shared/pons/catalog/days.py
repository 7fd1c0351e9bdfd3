# SPDX-License-Identifier: Apache-2.0
"""Days as people write them: `2024-05`, `12.5.2024`, `2024-05-01..`, `last week`.

English, German and French; weeks begin on Monday. What is no date is None, never an error.
"""

import calendar
import re
import unicodedata
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Literal, NamedTuple

Unit = Literal["day", "week", "month", "year"]


class Days(NamedTuple):
    """The first and the last of some days, as DICOM writes them; empty: there is no bound."""

    first: str
    last: str


RELATIVE: dict[tuple[Unit, int], str] = {
    ("day", 0): "today, heute, aujourd'hui",
    ("day", -1): "yesterday, gestern, hier",
    ("day", -2): "vorgestern, avant-hier",
    ("week", 0): "this week, diese woche, cette semaine",
    ("week", -1): "last week, letzte woche, semaine derniere, la semaine derniere",
    ("month", 0): "this month, dieser monat, diesen monat, ce mois",
    ("month", -1): "last month, letzter monat, letzten monat, mois dernier, le mois dernier",
    ("year", 0): "this year, dieses jahr, cette annee",
    ("year", -1): "last year, letztes jahr, annee derniere, l'annee derniere",
}
"""A unit of the calendar, counted from today, and what it is called."""
PHRASES = {phrase: which for which, listed in RELATIVE.items() for phrase in listed.split(", ")}
UNITS: dict[Unit, str] = {
    "day": "days?|tage?|jours?",
    "week": "weeks?|wochen?|semaines?",
    "month": "months?|monate?|mois",
    "year": "years?|jahre?|ans?|annees?",
}
UNIT = "|".join(f"(?P<{unit}>{words})" for unit, words in UNITS.items())
LAST = re.compile(
    rf"(?:(?:last|past|letzten?) (?P<n>\d{{1,4}})|(?:les )?(?P<m>\d{{1,4}}) derni?er(?:e?s)?)"
    rf" (?:{UNIT})",
    re.ASCII,
)

YEAR = r"(?P<year>(?:19|20)\d\d)"
WRITTEN = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        YEAR,
        rf"{YEAR}(?P<between>[-/.])(?P<month>\d\d?)",
        rf"{YEAR}(?P<between>[-/.]?)(?P<month>\d\d)(?P=between)(?P<day>\d\d)",
        rf"{YEAR}(?P<between>[-/.])(?P<month>\d\d?)(?P=between)(?P<day>\d\d?)",
        rf"(?P<month>\d\d?)[./]{YEAR}",
        rf"(?P<day>\d\d?)\.(?P<month>\d\d?)\.{YEAR}",
    )
)
DICOM_RANGE = re.compile(r"(\d{8})?-(\d{8})?", re.ASCII)


def read_days(text: str, today: date) -> Days | None:
    """The days that a text names, or None for one that names none."""
    text = _plain(text)
    lower, dots, upper = text.partition("..")
    if not dots and DICOM_RANGE.fullmatch(text):
        lower, dots, upper = text.partition("-")
    if not dots:
        return _of_one(text, today)
    first = _of_one(lower.strip(), today) if lower.strip() else Days("", "")
    last = _of_one(upper.strip(), today) if upper.strip() else Days("", "")
    if first is None or last is None or not (first.first or last.last):
        return None
    if first.first and last.last and last.last < first.first:
        return Days(last.first, first.last)
    return Days(first.first, last.last)


def _plain(text: str) -> str:
    """Small letters without accents."""
    apart = unicodedata.normalize(
        "NFD", text.strip().casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    )
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def _of_one(text: str, today: date) -> Days | None:
    try:
        return next(_readings(text, today), None)
    except (ValueError, OverflowError):  # the 31st of February, or years before any calendar
        return None


def _readings(text: str, today: date) -> Iterator[Days]:
    if text in PHRASES:
        unit, offset = PHRASES[text]
        yield _calendar(today, unit, offset)
    elif found := LAST.fullmatch(text):
        count = int(found["n"] or found["m"])
        if count:
            unit = next(unit for unit in UNITS if found[unit])
            yield _days(_back(today, unit, count) + timedelta(days=1), today)
    for pattern in WRITTEN:
        if found := pattern.fullmatch(text):
            parts = {
                name: int(text) for name, text in found.groupdict().items() if name != "between"
            }
            if "day" in parts:
                day = date(**parts)
                yield _days(day, day)
            elif "month" in parts:
                yield _month(**parts)
            else:
                yield _days(date(parts["year"], 1, 1), date(parts["year"], 12, 31))


def _calendar(today: date, unit: Unit, offset: int) -> Days:
    """A whole unit of the calendar, so many from the one of today."""
    there = _back(today, unit, -offset)
    match unit:
        case "day":
            return _days(there, there)
        case "week":
            monday = there - timedelta(days=there.weekday())
            return _days(monday, monday + timedelta(days=6))
        case "month":
            return _month(there.year, there.month)
        case "year":
            return _days(date(there.year, 1, 1), date(there.year, 12, 31))


def _back(today: date, unit: Unit, count: int) -> date:
    """The same day so many units before."""
    if unit in ("day", "week"):
        return today - timedelta(days=count * (7 if unit == "week" else 1))
    months = today.year * 12 + today.month - 1 - count * (12 if unit == "year" else 1)
    year, month = months // 12, months % 12 + 1
    return date(year, month, min(today.day, calendar.monthrange(year, month)[1]))


def _month(year: int, month: int) -> Days:
    first = date(year, month, 1)
    return _days(first, first.replace(day=calendar.monthrange(year, month)[1]))


def _days(first: date, last: date) -> Days:
    return Days(f"{first:%Y%m%d}", f"{last:%Y%m%d}")

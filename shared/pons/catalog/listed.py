# SPDX-License-Identifier: Apache-2.0
"""What lists of studies are searched by beside DICOM's matching: words, origin, state.

Words are compared without case and accents, as the index folds both sides.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator

from pons.catalog.days import Days
from pons.catalog.schema import SHORT as BEGINNING
from pons.catalog.schema import STUDY_DATE, start_of
from pons.catalog.search import Field, Listed, State, like, literal_run, literal_start

LINES: dict[Field, tuple[int, ...]] = {
    "name": (1, 5),
    "description": (2, 6),
    "id": (3,),
    "accession": (4,),
}
"""Which lines of a study's words are those of a field (migration 0010_lists_of_studies)."""
SHORT = 3
"""Letters and digits from which on a word is found within another; shorter ones begin it."""
UMLAUTS = re.compile("[äöüøå]", re.IGNORECASE)
"""What is also written with two letters (`spelled_out` of the database)."""


SAYS_NOTHING = "*^=-,;./'\N{RIGHT SINGLE QUOTATION MARK} "
"""At the ends of a piece: what the database folds to spaces or leaves out, and stars."""

Bind = Callable[[str], str]

IN_STATE: dict[State, str] = {
    "arriving": "s.study_key IN (SELECT resource_key FROM unstable)",
    "stable": "NOT EXISTS (SELECT FROM unstable n WHERE n.resource_key = s.study_key)",
    "protected": "s.patient_key IN (SELECT patient_key FROM patients WHERE protected)",
}
OF_UID = """s.study_key = ANY (ARRAY(
    SELECT study_key FROM studies WHERE upper(study_uid) = upper({uid})
    UNION ALL SELECT study_key FROM series WHERE upper(series_uid) = upper({uid})
    UNION ALL SELECT study_key FROM series JOIN instances USING (series_key)
        WHERE upper(sop_instance_uid) = upper({uid})))"""
OF_LABEL = "s.study_key IN (SELECT l.resource_key FROM labels l WHERE l.label = {label})"
OF_ORIGIN = """s.study_key IN (
    SELECT o.study_key FROM series o
    WHERE left(upper(o.remote_aet), 200) = upper({origin}))"""
"""An AE title has 16 characters; the index bounds what may come of others."""
OF_STATION = """s.study_key IN (
    SELECT t.study_key FROM series t
    WHERE left(upper(t.tags ->> '00081010'), 200) LIKE upper({start})
        AND upper(t.tags ->> '00081010') LIKE upper({station}){once})"""
"""The console that made a series (Station Name), which `RemoteAET` need not tell. Its index has
beginnings."""
OF_SERIES = """s.study_key IN (
    SELECT d.study_key FROM series d
    WHERE upper(d.tags ->> '0008103E') LIKE upper({description}){once})"""
"""The Series Description, which says what the study's does not: CBCT, dose, localizer. Its index
has pieces of three characters."""
ONCE = " OFFSET 0"
"""Ends a question for which the index has nothing, so that all series are read at once. Asked of
study after study it is soon answered for few days, and never where no series is so."""
MORE_THAN_KEY = re.compile(r"\bs\.(?!study_key\b)|\bs\b(?!\.)")
"""What a condition says where it looks at a study itself; values are not in it."""
IN_ONE_LINE = """EXISTS (
    SELECT FROM unnest(string_to_array(w.words, E'\\n')) WITH ORDINALITY AS line (text, number)
    WHERE {alike}{of_field})"""
"""The piece is of one field, or of the one that is named: a star does not reach into another."""
WILD = re.compile(r"[*?]")
OF_WORDS = "SELECT w.study_key FROM study_words w WHERE {found}"


def asks_of_key(condition: str) -> bool:
    """Whether a condition looks at no more of a study `s` than its key."""
    return MORE_THAN_KEY.search(condition) is None


def conditions(listed: Listed, bind: Bind, *, dated: bool = False) -> Iterator[str]:
    """What a study `s` must be; `bind` gives the parameter of a value, `dated` says that other
    conditions leave those of some days."""
    once = "" if dated else ONCE
    found: list[str] = []
    for text, field, days in listed.pieces:
        pattern = _pattern(text)
        if not pattern:
            continue  # it says nothing: a star, or no letter at all
        patterns = [f"folded({bind(pattern)})"]
        if UMLAUTS.search(pattern):
            patterns.append(f"folded(spelled_out({bind(pattern)}))")
        anywhere = _like("w.words", patterns)
        if days:
            yield _day_or_piece(days, anywhere, bind)
            continue
        found.append(anywhere)
        if field or WILD.search(text):
            of_field = f" AND line.number = ANY (ARRAY{list(LINES[field])})" if field else ""
            found.append(IN_ONE_LINE.format(alike=_like("line.text", patterns), of_field=of_field))
    if found:
        yield f"s.study_key IN ({OF_WORDS.format(found=' AND '.join(found))})"
    yield from (OF_UID.format(uid=bind(uid)) for uid in listed.uids)
    yield from (OF_LABEL.format(label=bind(label)) for label in listed.labels)
    yield from (OF_ORIGIN.format(origin=bind(origin)) for origin in listed.origins)
    for one in listed.stations:
        start = literal_start(one, BEGINNING)
        yield OF_STATION.format(
            start=bind(f"{like(start)}%"),
            station=bind(f"{like(one)}%"),
            once="" if start else once,
        )
    for one in listed.series:
        known = literal_run(one) >= SHORT
        yield OF_SERIES.format(description=bind(f"%{like(one)}%"), once="" if known else once)
    yield from (IN_STATE[state] for state in listed.states)


def _like(text: str, patterns: list[str]) -> str:
    either = " OR ".join(f"({text}) LIKE {pattern}" for pattern in patterns)
    return f"({either})"


def _day_or_piece(days: Days, found: str, bind: Bind) -> str:
    date = f'({start_of(f"s.tags ->> {STUDY_DATE!r}")}) COLLATE "C"'
    keys = f"ARRAY({OF_WORDS.format(found=found)})"
    between = f"{date} >= {bind(days.first)} AND {date} <= {bind(days.last)}"
    return f"({between} OR s.study_key = ANY ({keys}))"


def _pattern(text: str) -> str:
    """LIKE's pattern of a piece, of a whole beginning where it is short; `*` and `?` are allowed.

    Empty where anything matches.
    """
    text = unicodedata.normalize("NFC", text).strip(SAYS_NOTHING)
    if not text:
        return ""
    begins = " " if sum(map(str.isalnum, text)) < SHORT else ""
    return f"%{begins}{like(text)}%"

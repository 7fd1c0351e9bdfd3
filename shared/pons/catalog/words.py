# SPDX-License-Identifier: Apache-2.0
"""The grammar of the one box in which people search studies: words, all of which must match.

`müller ct 2026-05 label:review is:arriving "mass left"`. A word in front of a colon says what its
word is about; quotes keep words together, which are then nothing but text. Of identifiers there may
be a list, `id:P1,P2,P3`: studies have one of them, as a whole. Nothing is wrong: what is not
understood is a word that names, identifiers or descriptions have.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

from pons.catalog.days import Days, read_days
from pons.catalog.schema import MODALITIES_IN_STUDY, STUDY_DATE
from pons.catalog.search import Listed, Piece, Search, State
from pons.errors import BadRequest

Kind = Literal[
    "text",
    "name",
    "id",
    "accession",
    "description",
    "uid",
    "date",
    "born",
    "modality",
    "label",
    "origin",
    "station",
    "series",
    "state",
]
LONGEST = 8000
"""Characters of a text."""
MOST = 30
"""Terms in a text."""
PHRASE = 4
"""Words of a date: `les 7 derniers jours`."""

ABOUT: dict[str, Kind] = {
    "name": "name",
    "id": "id",
    "acc": "accession",
    "accession": "accession",
    "desc": "description",
    "description": "description",
    "uid": "uid",
    "date": "date",
    "born": "born",
    "mod": "modality",
    "modality": "modality",
    "label": "label",
    "origin": "origin",
    "station": "station",
    "series": "series",
    "is": "state",
}
"""What may stand before a colon."""
LISTED: dict[Kind, str] = {"id": "00100020", "accession": "00080050", "uid": "0020000D"}
"""Of what a list may be, and the tag of a study that has one of it."""
CODES = (
    "BMD CR CT DOC DX ECG EEG EMG EPS ES FID GM IO IVOCT IVUS KO MG MR NM OCT OP OPT OT PR PT PX RF"
    " REG RG RTDOSE RTIMAGE RTINTENT RTPLAN RTRAD RTRECORD RTSEGANN RTSTRUCT RWV SC SEG SM SR TG US"
    " XA XC"
)
MODALITIES = frozenset(CODES.split())
"""Codes that mean a modality where they stand alone (PS3.3 C.7.3.1.1.1, without those that are
words of their own: `mod:PLAN` finds these)."""
BIRTH_DATE = "00100030"
MODALITY = re.compile(r"[A-Za-z0-9_ ]{1,16}", re.ASCII)
UID = re.compile(r"[0-9]+(\.[0-9]+){3,}", re.ASCII)
DAY_OR_NUMBER = re.compile(r"\d{8}", re.ASCII)

QUOTES = (
    '"\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}\N{DOUBLE LOW-9 QUOTATION MARK}'
)
TOKEN = re.compile(
    rf"(?P<of>(?i:id|acc|accession|uid)):(?P<list>[^\s,;{QUOTES}]+(?:[,;]+[^\s,;{QUOTES}]+)+)|"
    rf"(?:(?P<about>[A-Za-z]+):)?"
    rf"(?:[{QUOTES}](?P<phrase>[^{QUOTES}]*)[{QUOTES}]?|(?P<word>[^\s,;{QUOTES}]+))"
)


@dataclass(frozen=True, slots=True)
class Term:
    """What was understood of one part of a text."""

    kind: Kind
    value: str
    start: int
    end: int
    """Where it stands in the text."""
    days: Days | None = None
    """Of `date` and `born`."""

    @property
    def listed(self) -> tuple[str, ...]:
        """The identifiers of a list; none where it is no list."""
        values = values_of(self.value) if self.kind in LISTED else ()
        return values if len(values) > 1 else ()

    @property
    def may_be_a_number(self) -> bool:
        """Whether a date could as well be an identifier: nothing before it says that it is one."""
        alone = self.end - self.start == len(self.value)
        return self.kind == "date" and alone and DAY_OR_NUMBER.fullmatch(self.value) is not None


def values_of(text: str) -> tuple[str, ...]:
    """What commas, semicolons, tabs and ends of lines separate, as in a column of a table."""
    return tuple(filter(None, map(str.strip, re.split(r"[,;\t\r\n]", text))))


def read_words(text: str, today: date) -> tuple[Term, ...]:
    """What a text asks for, in the order of the text.

    Raises `BadRequest` for one that is too long, has too many terms or the character NUL.
    """
    if len(text) > LONGEST:
        raise BadRequest(f"A search has at most {LONGEST} characters", "leave some words out")
    if "\0" in text:
        raise BadRequest("A search cannot be for the character NUL")
    terms = tuple(_terms(text, today))
    if len(terms) > MOST:
        raise BadRequest(f"A search has at most {MOST} words", "leave some out, or quote phrases")
    return terms


def without(text: str, term: Term) -> str:
    """What is left of a text when a term is taken out."""
    parts = (text[: term.start].strip(" \t\r\n,;"), text[term.end :].strip(" \t\r\n,;"))
    return " ".join(filter(None, parts))


def as_search(terms: Iterable[Term]) -> Search:
    """The studies of which all of the terms hold."""
    query: list[tuple[str, str]] = []
    pieces: list[Piece] = []
    named: dict[str, list[str]] = {}
    for term in terms:
        match term.kind:
            case kind if term.listed:
                query.append((LISTED[kind], "\\".join(term.listed)))
            case "text" | "name" | "id" | "accession" | "description":
                pieces.append(Piece(term.value, "" if term.kind == "text" else term.kind))
            case "date" if term.may_be_a_number:
                pieces.append(Piece(term.value, days=term.days))
            case "date" | "born":
                tag = STUDY_DATE if term.kind == "date" else BIRTH_DATE
                query.append((tag, "-".join(term.days or ())))
            case "modality":
                query.append((MODALITIES_IN_STUDY, term.value))
            case kind:
                named.setdefault(kind, []).append(term.value)
    listed = Listed(
        pieces=tuple(pieces),
        uids=tuple(named.get("uid", ())),
        labels=tuple(named.get("label", ())),
        origins=tuple(named.get("origin", ())),
        stations=tuple(named.get("station", ())),
        series=tuple(named.get("series", ())),
        states=tuple(state for state in get_args(State) if state in named.get("state", ())),
    )
    return Search("Study", query=tuple(query), listed=listed)


def _terms(text: str, today: date) -> Iterator[Term]:
    tokens = list(TOKEN.finditer(text))
    while tokens:
        term, used = _dated(tokens[:PHRASE], today) or (_single(tokens[0], today), 1)
        del tokens[:used]
        if term is not None:
            yield term


def _dated(tokens: list[re.Match[str]], today: date) -> tuple[Term, int] | None:
    """The date that the first tokens are together, as many as are, and how many these are."""
    plain: list[re.Match[str]] = []
    for token in tokens:
        if not token["word"] or token["about"]:
            break
        plain.append(token)
    for count in range(len(plain), 0, -1):
        value = " ".join(token["word"] for token in plain[:count])
        if days := read_days(value, today):
            return Term("date", value, plain[0].start(), plain[count - 1].end(), days), count
    return None


def _single(token: re.Match[str], today: date) -> Term | None:
    """What one token is; None for empty quotes."""
    place = token.start(), token.end()
    if token["list"]:
        return Term(ABOUT[token["of"].lower()], ",".join(values_of(token["list"])), *place)
    value = " ".join((token["word"] or token["phrase"] or "").split())
    kind = ABOUT.get((token["about"] or "").lower())
    if kind is not None and value:
        match kind:
            case "date" | "born":
                if days := read_days(value, today):
                    return Term(kind, value, *place, days)
            case "state":
                if value.lower() in get_args(State):
                    return Term(kind, value.lower(), *place)
            case "modality":
                if MODALITY.fullmatch(value):
                    return Term(kind, value.upper(), *place)
            case _:
                return Term(kind, value, *place)
    if not value:
        return None
    if token["about"]:
        return Term("text", token[0], *place)
    if token["word"] and value.upper() in MODALITIES:
        return Term("modality", value.upper(), *place)
    if token["word"] and UID.fullmatch(value):
        return Term("uid", value, *place)
    return Term("text", unicodedata.normalize("NFC", value), *place)

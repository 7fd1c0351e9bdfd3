# SPDX-License-Identifier: Apache-2.0
"""What the one search box understands."""

from datetime import date
from typing import Any

import pytest

from pons.catalog.days import read_days
from pons.catalog.search import Piece
from pons.catalog.words import LONGEST, MOST, as_search, read_words, without
from pons.errors import BadRequest

TODAY = date(2026, 5, 14)
"""A Thursday."""

UNDERSTOOD = [
    ("müller ct 2026-05", ["text müller", "modality CT", "date 2026-05"]),
    ("2026-05 CT müller", ["date 2026-05", "modality CT", "text müller"]),
    ("Müller, Anna", ["text Müller", "text Anna"]),
    ("Müller^Anna", ["text Müller^Anna"]),
    ('"van der  Berg" thorax', ["text van der Berg", "text thorax"]),
    ("„von Wegen“ “x y”", ["text von Wegen", "text x y"]),
    ('"no end', ["text no end"]),
    ('""', []),
    ('name:"" is:" " müller', ["text müller"]),
    ("", []),
    (" \t\n ,;", []),
    ("rtdose RtPlan", ["modality RTDOSE", "modality RTPLAN"]),
    ('"CT" plan', ["text CT", "text plan"]),
    ("mod:plan modality:xyz", ["modality PLAN", "modality XYZ"]),
    ("mod:ä", ["text mod:ä"]),
    (
        "name:müller id:4711 acc:A-1 desc:thorax",
        ["name müller", "id 4711", "accession A-1", "description thorax"],
    ),
    ('NAME:"van der"', ["name van der"]),
    ("id:P1,P2;P3 ct", ["id P1,P2,P3", "modality CT"]),
    ("ID:P1,,P2, acc:A1;A2", ["id P1,P2", "accession A1,A2"]),
    ("id:P1, P2", ["id P1", "text P2"]),
    ("uid:1.2,1.3 name:a,b", ["uid 1.2,1.3", "name a", "text b"]),
    ("pid:P1,P2", ["text pid:P1", "text P2"]),
    ("label:review label:trial-A", ["label review", "label trial-A"]),
    ("origin:CT1", ["origin CT1"]),
    ("station:TrueBeam1", ["station TrueBeam1"]),
    ('series:CBCT series:"cone beam"', ["series CBCT", "series cone beam"]),
    ("is:arriving is:Stable is:protected", ["state arriving", "state stable", "state protected"]),
    ("is:there", ["text is:there"]),
    ("foo:bar name:", ["text foo:bar", "text name:"]),
    ("1.2.840.10008.1 uid:1.2", ["uid 1.2.840.10008.1", "uid 1.2"]),
    ("1.2.3", ["text 1.2.3"]),
    ("born:1958-03-12 born:then", ["born 1958-03-12", "text born:then"]),
    ("date:gestern date:x", ["date gestern", "text date:x"]),
    ("today yesterday", ["date today", "date yesterday"]),
    ("last week rtdose", ["date last week", "modality RTDOSE"]),
    ("last friday", ["text last", "text friday"]),
    ("letzte Woche Müller", ["date letzte Woche", "text Müller"]),
    ("Les 7 derniers jours", ["date Les 7 derniers jours"]),
    ("2024-05-01 .. 2024-06-01", ["date 2024-05-01 .. 2024-06-01"]),
    ("31.02.2024 2024-13", ["text 31.02.2024", "text 2024-13"]),
    ("-ct ..  * %", ["text -ct", "text ..", "text *", "text %"]),
    ("\u202eRTL\u202c \ud7ff 漢字", ["text \u202eRTL\u202c", "text \ud7ff", "text 漢字"]),
    ("<script>alert(1)</script>", ["text <script>alert(1)</script>"]),
]


@pytest.mark.parametrize(("text", "terms"), UNDERSTOOD, ids=[text for text, _ in UNDERSTOOD])
def test_words(text: str, terms: list[str]) -> None:
    """What each word means; what means nothing else is a word."""
    assert [f"{term.kind} {term.value}" for term in read_words(text, TODAY)] == terms


DAYS = [
    ("2024", "20240101", "20241231"),
    ("2024-02", "20240201", "20240229"),
    ("2024-2", "20240201", "20240229"),
    ("02.2024", "20240201", "20240229"),
    ("02/2024", "20240201", "20240229"),
    ("2024-05-12", "20240512", "20240512"),
    ("2024/5/2", "20240502", "20240502"),
    ("12.5.2024", "20240512", "20240512"),
    ("20240512", "20240512", "20240512"),
    ("2024-05-01..2024-06-01", "20240501", "20240601"),
    ("2024-06-01..2024-05", "20240501", "20240601"),
    ("2023..2024-05", "20230101", "20240531"),
    ("2024-05..", "20240501", ""),
    ("..12.5.2024", "", "20240512"),
    ("20240501-20240601", "20240501", "20240601"),
    ("20240501-", "20240501", ""),
    ("-20240601", "", "20240601"),
    ("today", "20260514", "20260514"),
    ("Heute", "20260514", "20260514"),
    ("aujourd’hui", "20260514", "20260514"),
    ("hier", "20260513", "20260513"),
    ("vorgestern", "20260512", "20260512"),
    ("yesterday..today", "20260513", "20260514"),
    ("this week", "20260511", "20260517"),
    ("last week", "20260504", "20260510"),
    ("semaine dernière", "20260504", "20260510"),
    ("this month", "20260501", "20260531"),
    ("letzten Monat", "20260401", "20260430"),
    ("last year", "20250101", "20251231"),
    ("last 7 days", "20260508", "20260514"),
    ("letzte 2 Wochen", "20260501", "20260514"),
    ("3 derniers mois", "20260215", "20260514"),
    ("past 1 year", "20250515", "20260514"),
]


@pytest.mark.parametrize(("text", "first", "last"), DAYS, ids=[text for text, *_ in DAYS])
def test_days(text: str, first: str, last: str) -> None:
    """Dates as they are written in three languages, parts of dates, and ranges."""
    assert read_days(text, TODAY) == (first, last)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "..",
        "-",
        "1899",
        "2100",
        "2024-00",
        "2024-02-30",
        "12.13.2024",
        "5/12/2024",
        "last 0 days",
        "last 9999 years",
        "last 12345 days",
        "2024..x",
        "x..2024",
        "２０２４",
        "20240512 ..  ..",
        "2024-05-",
    ],
)
def test_no_days(text: str) -> None:
    """What is no date, or could be two, is none."""
    assert read_days(text, TODAY) is None


def test_the_last_of_a_month() -> None:
    """A month before the 31st of March is the last of February."""
    assert read_days("last 1 month", date(2026, 3, 31)) == ("20260301", "20260331")
    assert read_days("last month", date(2026, 3, 31)) == ("20260201", "20260228")
    assert read_days("last month", date(2026, 1, 15)) == ("20251201", "20251231")


def test_each_term_can_be_taken_out() -> None:
    """What is left asks for the others, as they were written."""
    text = 'müller,  "mass left"; last week label:a'
    left = [without(text, term) for term in read_words(text, TODAY)]
    assert left == [
        '"mass left"; last week label:a',
        "müller last week label:a",
        'müller,  "mass left" label:a',
        'müller,  "mass left"; last week',
    ]
    assert all(len(read_words(one, TODAY)) == 3 for one in left)


BAD = ["x" * (LONGEST + 1), "x " * MOST + "x", "a\0b", "x" * 65536]


@pytest.mark.parametrize("text", BAD, ids=["long", "many", "nul", "64k"])
def test_what_has_no_bounds(text: str) -> None:
    """It is refused, in words that say what to do."""
    with pytest.raises(BadRequest, match="A search"):
        read_words(text, TODAY)


def test_what_is_searched() -> None:
    """A number that may be a date is looked for as both."""
    search = as_search(read_words("20240512 2024-05 ct mr desc:knie uid:1.2 is:stable", TODAY))
    assert search.query == (
        ("00080020", "20240501-20240531"),
        ("00080061", "CT"),
        ("00080061", "MR"),
    )
    day: Any = ("20240512", "20240512")
    assert search.listed.pieces == (Piece("20240512", days=day), Piece("knie", "description"))
    assert (search.listed.uids, search.listed.states) == (("1.2",), ("stable",))


def test_lists_of_identifiers() -> None:
    """One of them as a whole; what stands alone is a piece."""
    search = as_search(read_words("id:P1,P2 acc:A1;A2 uid:1.2,1.3 id:47", TODAY))
    assert search.query == (
        ("00100020", "P1\\P2"),
        ("00080050", "A1\\A2"),
        ("0020000D", "1.2\\1.3"),
    )
    assert search.listed.pieces == (Piece("47", "id"),)
    assert search.listed.uids == ()


@pytest.mark.parametrize("text", ["date:20240512", 'date:"20240512"'])
def test_what_is_said_to_be_a_date_is_no_number(text: str) -> None:
    """It finds that day, and no identifiers that have the same digits."""
    search = as_search(read_words(text, TODAY))
    assert search.query == (("00080020", "20240512-20240512"),)
    assert search.listed.pieces == ()

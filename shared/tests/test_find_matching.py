# SPDX-License-Identifier: Apache-2.0
"""What a value of a query matches, before any database is asked."""

import time

import pytest

from pons.catalog.search import Match, OneOf, Present, Range, accepts, like, parse_match
from pons.errors import BadRequest

STUDY_DATE, STUDY_TIME, PATIENT_NAME = "00080020", "00080030", "00100010"
DESCRIPTION = "00081030"
STUDY_UID, SERIES_NUMBER, PRIVATE = "0020000D", "00200011", "00091001"
SCHEDULED = "00404005"
"""ScheduledProcedureStepStartDateTime."""


@pytest.mark.parametrize(
    ("tag", "text", "expected"),
    [
        (PATIENT_NAME, "", None),
        (PATIENT_NAME, "  ", None),
        (DESCRIPTION, " ROE ", OneOf(("ROE",))),
        (DESCRIPTION, "ROE-DOE", OneOf(("ROE-DOE",))),
        (DESCRIPTION, "ROE\\DOE", OneOf(("ROE", "DOE"))),
        (DESCRIPTION, "R?E\\DOE", OneOf(("DOE",), ("R?E",))),
        (DESCRIPTION, "ROE^^", OneOf(("ROE^^",))),
        (PATIENT_NAME, "*", Present()),
        (PATIENT_NAME, "*^^ ", Present()),
        (PATIENT_NAME, "^^=", None),
        (PATIENT_NAME, "a^*^^\\", OneOf((), ("a^*^^", "a^*"))),
        (PATIENT_NAME, "a^b^?^", OneOf((), ("a^b^?^", "a^b^?", "a^b^?^^"))),
        (STUDY_DATE, "20240102", OneOf(("20240102",))),
        (STUDY_DATE, "20240102-20240203", Range("20240102", "20240203")),
        (STUDY_DATE, "-20240203", Range("", "20240203")),
        (STUDY_DATE, "20240102-", Range("20240102", "")),
        (STUDY_TIME, "10-11", Range("10", "11~")),
        (STUDY_TIME, "-1015", Range("", "1015~")),
        (STUDY_TIME, "101500.000000-", Range("1015", "")),
        (STUDY_TIME, "000000-101500.500", Range("00", "101500.500~")),
        (STUDY_TIME, "101500.500-x00", Range("101500.5", "x00~")),
        (STUDY_DATE, "-", None),
        (STUDY_UID, "*", Present()),
        (STUDY_UID, "1.2\\1.3", OneOf(("1.2", "1.3"))),
        (PRIVATE, "a*", OneOf((), ("a*",))),
    ],
)
def test_what_a_text_asks_for(tag: str, text: str, expected: Match | None) -> None:
    """Dates and times have ranges, texts have wildcards, everything has lists."""
    assert parse_match(tag, text) == expected


@pytest.mark.parametrize(
    ("asked", "found", "not_found"),
    [
        ("a^b^^^", "a^b a^b^ a^b^^ a^b^^^ a^b== a^b^^=", "a a^b^c a^^b a^b=c ^a^b"),
        ("a", "a a^ a^^^^ a== a^^=", "a^b b"),
        ("a^b^c^d^e", "a^b^c^d^e a^b^c^d^e=", "a^b^c^d"),
        ("a^b=c^d==", "a^b=c^d a^b^^^=c^d^ a^b=c^d=", "a^b c^d a^b=c"),
        ("=c^^", "=c =c^^^ =c=", "c ==c"),
        ("a^?^", "a^b a^b^^^ a^c^", "a^bb a"),
        ("a^b^^^^^", "a^b^^^^^ a^b", "a^b^^^^^^^"),
        ("^^^^=c^d", "^^^^=c^d =c^d", "c^d"),
    ],
)
def test_a_name_is_found_however_it_is_delimited(asked: str, found: str, not_found: str) -> None:
    """Components and groups that are not there may have delimiters, on either side."""
    match = parse_match(PATIENT_NAME, asked)
    assert match is not None
    for names, expected in ((found, True), (not_found, False)):
        for name in names.split():
            assert accepts(match, name, case_sensitive=True) == expected, name


@pytest.mark.parametrize("name", ["=".join("abcdefghijklmnop"), "a^" * 20_000 + "a", "a" * 60_000])
def test_what_is_no_name_has_no_other_spellings(name: str) -> None:
    """Of many groups there were more than any memory holds."""
    assert parse_match(PATIENT_NAME, name) == OneOf((name,))


def test_a_long_list_of_names_asks_for_what_is_written() -> None:
    """As many names can be asked for as values of any other kind."""
    names = [f"a{number}^b" for number in range(2_000)]
    assert parse_match(PATIENT_NAME, "\\".join(names)) == OneOf(tuple(names))


@pytest.mark.parametrize(
    ("tag", "text"), [(STUDY_UID, "1.2*"), (STUDY_DATE, "2024*"), (SERIES_NUMBER, "?")]
)
def test_wildcards_need_a_text(tag: str, text: str) -> None:
    """Identifiers, dates and numbers have no wildcards."""
    with pytest.raises(BadRequest, match="Wildcards cannot be used"):
        parse_match(tag, text)


@pytest.mark.parametrize(
    ("tag", "asked", "found", "not_found"),
    [
        (STUDY_TIME, "-1015", "1015 101500 101530 101559.999999 10", "101600 1016"),
        (STUDY_TIME, "0900-10", "0900 09 100000 1015 105959.9", "085959 11 110000"),
        (STUDY_TIME, "1015-1015", "1015 101500 101530", "101459 101600"),
        (STUDY_TIME, "101500.000000-101500.999999", "1015 101500 101500.5", "101501 101459.9"),
        (STUDY_TIME, "101500.50-", "101500.5 101500.500000 101501", "101500.4 101500"),
        (STUDY_TIME, "000000-000000", "000000 00 000000.5", "000001 01"),
        (SCHEDULED, "20240102-20240102", "20240102 20240102235959", "20240101235959 20240103"),
        (SCHEDULED, "20240102000000.0-", "20240102 20240102000000", "20240101235959"),
        (SCHEDULED, "20000000000000-", "20000000", "1999"),
        (STUDY_DATE, "20240100-20240102", "20240100 20240102", "20240103"),
    ],
)
def test_times_of_less_precision(tag: str, asked: str, found: str, not_found: str) -> None:
    """A range has all of what its bounds say, and what says the same by fewer digits."""
    match = parse_match(tag, asked)
    assert match is not None
    for text, expected in (
        *((t, True) for t in found.split()),
        *((t, False) for t in not_found.split()),
    ):
        assert accepts(match, text, case_sensitive=True) is expected, text


def test_patterns_of_sql() -> None:
    """What means something to LIKE is taken as it is."""
    assert like("a*b?c") == "a%b_c"
    assert like("100%_\\*") == "100\\%\\_\\\\%"


@pytest.mark.parametrize(
    ("match", "text", "accepted"),
    [
        (Present(), "", True),
        (Range("", "20240203"), "20240203", True),
        (Range("", "20240203"), "", False),
        (Range("20240102", ""), "20240101", False),
        (OneOf(("roe",)), "ROE", True),
        (OneOf((), ("m[*]",)), "M[x]", True),
        (OneOf((), ("m[*]",)), "Mx", False),
        (OneOf((), ("?o",)), "ro", True),
        (OneOf((), ("?o",)), "o", False),
        (OneOf(("é",)), "É", True),
    ],
)
def test_values_at_hand(match: Match, text: str, accepted: bool) -> None:
    """A value from a header matches as one in the database does."""
    assert accepts(match, text, case_sensitive=False) is accepted


def test_case_sensitive_values_at_hand() -> None:
    """Case counts when it is asked to."""
    assert not accepts(OneOf(("roe",), ("r*",)), "ROE", case_sensitive=True)
    assert accepts(OneOf((), ("R*",)), "ROE", case_sensitive=True)


def test_a_pattern_of_many_stars_takes_no_time() -> None:
    """A hostile pattern cannot hold the process."""
    started = time.monotonic()
    assert not accepts(OneOf((), ("*a" * 40 + "b",)), "a" * 10_000, case_sensitive=True)
    assert time.monotonic() - started < 10

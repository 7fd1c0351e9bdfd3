# SPDX-License-Identifier: Apache-2.0
"""Which worklist entries answer which queries, case by case of PS3.4 C.2.2.2 and K.6.1.2.2."""

from typing import Any

import pytest

from pons.errors import BadRequest
from pons.worklists.matching import Elements, Query

Json = dict[str, Any]


def element(vr: str, *values: Any) -> Json:
    return {"vr": vr, "Value": list(values)} if values else {"vr": vr}


def name(*groups: str) -> Json:
    kinds = ("Alphabetic", "Ideographic", "Phonetic")
    return element("PN", dict(zip(kinds, groups, strict=False)))


def step(**more: Json) -> Json:
    return {
        "00080060": element("CS", "CT"),
        "00400001": element("AE", "AA32", "AA33"),
        "00400002": element("DA", "20240105"),
        "00400003": element("TM", "143000"),
        "00400006": name("JOHNSON"),
        "00400010": element("SH", "STN456"),
    } | {tag.removeprefix("t"): one for tag, one in more.items()}


def entry(*steps: Json, **more: Json) -> Json:
    return {
        "00080005": element("CS", "ISO_IR 100"),
        "00080050": element("SH", "A100"),
        "00100010": name("VIVALDI^ANTONIO", "韋瓦第", "ヴィヴァルディ"),
        "00100020": element("LO", "AV35674"),
        "0020000D": element("UI", "1.2.3"),
        "00400100": element("SQ", *(steps or (step(),))),
        "00401001": element("SH", "RP454G234"),
    } | {tag.removeprefix("t"): one for tag, one in more.items()}


def found(query: Json, *entries: Json, **more: Any) -> int:
    asked = Query(query, **more)
    return sum(1 for one in entries for _ in asked.answers(one))


def of_step(**keys: Json) -> Json:
    return {"00400100": element("SQ", {tag.removeprefix("t"): key for tag, key in keys.items()})}


MATCHING: list[tuple[str, Json, bool]] = [
    ("universal", {"00100010": element("PN"), "00080050": element("SH")}, True),
    ("universal star", {"00100020": element("LO", "*")}, True),
    ("universal star of a UID", {"0020000D": element("UI", "*")}, True),
    ("universal of what is missing", {"00321060": element("LO")}, True),
    ("a value of what is missing", {"00321060": element("LO", "EXAM6")}, False),
    ("single value", {"00100020": element("LO", "AV35674")}, True),
    ("single value, case", {"00100020": element("LO", "av35674")}, False),
    ("single value, other", {"00100020": element("LO", "AV3567")}, False),
    ("list of UIDs", {"0020000D": element("UI", "1.2.9", "1.2.3")}, True),
    ("list of UIDs without it", {"0020000D": element("UI", "1.2.9", "1.2.4")}, False),
    ("wildcard *", {"00100020": element("LO", "AV*4")}, True),
    ("wildcard ?", {"00100020": element("LO", "AV3567?")}, True),
    ("wildcard ? is one character", {"00100020": element("LO", "AV35674?")}, False),
    ("wildcard of accession number", {"00080050": element("SH", "A1*")}, True),
    ("brackets are no wildcard", {"00100020": element("LO", "[A]V*")}, False),
    ("name, any case", {"00100010": name("vivaldi^antonio")}, True),
    ("name with empty components", {"00100010": name("VIVALDI^ANTONIO^^^")}, True),
    ("name of delimiters alone", {"00100010": name("^^^^")}, True),
    ("name, wildcard", {"00100010": name("VIV*")}, True),
    ("name, wildcard in the middle", {"00100010": name("*ALD*")}, True),
    ("name, family name alone", {"00100010": name("VIVALDI")}, False),
    ("name, ideographic", {"00100010": name("韋瓦*")}, True),
    ("name, other", {"00100010": name("VERDI*")}, False),
    ("requested procedure", {"00401001": element("SH", "RP454G234")}, True),
    ("modality", of_step(t00080060=element("CS", "CT")), True),
    ("other modality", of_step(t00080060=element("CS", "MR")), False),
    ("station, first of two", of_step(t00400001=element("AE", "AA32")), True),
    ("station, second of two", of_step(t00400001=element("AE", "AA33 ")), True),
    ("other station", of_step(t00400001=element("AE", "AA34")), False),
    ("station name", of_step(t00400010=element("SH", "STN*")), True),
    ("physician", of_step(t00400006=name("JOHN*")), True),
    ("day", of_step(t00400002=element("DA", "20240105")), True),
    ("other day", of_step(t00400002=element("DA", "20240106")), False),
    ("day as ACR-NEMA wrote it", of_step(t00400002=element("DA", "2024.01.05")), True),
    ("days", of_step(t00400002=element("DA", "20240101-20240105")), True),
    ("days from", of_step(t00400002=element("DA", "20240105-")), True),
    ("days from later", of_step(t00400002=element("DA", "20240106-")), False),
    ("days until", of_step(t00400002=element("DA", "-20240105")), True),
    ("days until earlier", of_step(t00400002=element("DA", "-20240104")), False),
    ("any day", of_step(t00400002=element("DA", "-")), True),
    ("time", of_step(t00400003=element("TM", "143000")), True),
    ("time of less precision", of_step(t00400003=element("TM", "1430")), True),
    ("other time", of_step(t00400003=element("TM", "1431")), False),
    ("times", of_step(t00400003=element("TM", "12-14")), True),
    ("times from", of_step(t00400003=element("TM", "1430-")), True),
    ("times until", of_step(t00400003=element("TM", "-142959")), False),
    (
        "day and times",
        of_step(t00400002=element("DA", "20240105"), t00400003=element("TM", "1500-")),
        False,
    ),
    (
        "a period that begins the evening before",
        of_step(t00400002=element("DA", "20240104-20240106"), t00400003=element("TM", "1800-0600")),
        True,
    ),
    (
        "a period that begins the same evening",
        of_step(t00400002=element("DA", "20240105-20240106"), t00400003=element("TM", "1800-0600")),
        False,
    ),
    (
        "a period without an end",
        of_step(t00400002=element("DA", "20240104-"), t00400003=element("TM", "1800-")),
        True,
    ),
    (
        "times of each day until one",
        of_step(t00400002=element("DA", "-20240106"), t00400003=element("TM", "1800-")),
        False,
    ),
    ("a sequence without items", {"00400100": element("SQ")}, True),
    ("a sequence with an empty item", {"00400100": element("SQ", {})}, True),
    ("a sequence that is missing", {"00321064": element("SQ", {"00080100": element("SH")})}, True),
    (
        "a value in a sequence that is missing",
        {"00321064": element("SQ", {"00080100": element("SH", "X")})},
        False,
    ),
    ("character set of the query", {"00080005": element("CS", "ISO_IR 192")}, True),
    ("time zone of the query", {"00080201": element("SH", "+0100")}, True),
    ("group length of the query", {"00100000": element("UL", 12)}, True),
]


@pytest.mark.parametrize(
    ("query", "expected"), [case[1:] for case in MATCHING], ids=[case[0] for case in MATCHING]
)
def test_matching(query: Json, expected: bool) -> None:
    """Each kind of matching finds the entry, or does not."""
    assert found(query, entry()) == int(expected)


def test_the_case_of_names_counts_where_it_is_set() -> None:
    """A setting makes names as exact as everything else."""
    assert found({"00100010": name("vivaldi*")}, entry(), case_sensitive=True) == 0
    assert found({"00100010": name("VIVALDI*")}, entry(), case_sensitive=True) == 1


@pytest.mark.parametrize(
    "query",
    [
        of_step(t00400002=element("DA", "2024*")),
        of_step(t00400002=element("DA", "tomorrow")),
        of_step(t00400003=element("TM", "12-1x")),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(query: Json) -> None:
    """It would otherwise find nothing, and the patient would wait."""
    with pytest.raises(BadRequest, match="0040,000"):
        Query(query)


def test_an_answer_has_what_was_asked_for() -> None:
    """Attributes that are missing come empty, sequences that are missing do not, nor what was not
    asked for."""
    query = {
        "00080005": element("CS"),
        "00100010": element("PN", {"Alphabetic": "V*"}),
        "00321060": element("LO"),
        "00321064": element("SQ", {"00080100": element("SH")}),
        **of_step(t00400002=element("DA", "20240101-"), t00400011=element("SH")),
    }
    (answer,) = Query(query).answers(entry())
    assert answer == {
        "00080005": element("CS", "ISO_IR 100"),
        "00100010": name("VIVALDI^ANTONIO", "韋瓦第", "ヴィヴァルディ"),
        "00321060": {"vr": "LO"},
        "00400100": element(
            "SQ", {"00400002": element("DA", "20240105"), "00400011": {"vr": "SH"}}
        ),
    }


def test_a_sequence_without_keys_is_shown_whole() -> None:
    """An empty sequence, or an empty item, asks for all that is there (PS3.4 C.2.2.2.6)."""
    for asked in ({"00400100": element("SQ")}, {"00400100": element("SQ", {})}):
        (answer,) = Query(asked).answers(entry())
        assert answer == {"00400100": element("SQ", step())}


def test_each_step_that_matches_is_an_answer() -> None:
    """A patient with two examinations is on the lists of both machines, once each."""
    two = entry(step(), step(t00080060=element("CS", "MR"), t00400001=element("AE", "MR1")))

    def modalities(query: Json) -> list[Any]:
        answers: list[Elements] = list(Query(query).answers(two))
        return [one["00400100"]["Value"][0]["00080060"]["Value"][0] for one in answers]

    assert modalities(of_step(t00080060=element("CS"))) == ["CT", "MR"]
    assert modalities(of_step(t00080060=element("CS", "MR"))) == ["MR"]
    assert modalities(of_step(t00080060=element("CS"), t00400001=element("AE", "AA33"))) == ["CT"]


def test_a_station_sees_its_own_steps() -> None:
    """With the filter by calling AE title nobody sees another machine's list."""
    other = entry(step(t00400001=element("AE", "OTHER")))
    everything: Json = {"00100010": element("PN")}
    assert found(everything, entry(), other, entry(step(t00400001=element("AE")))) == 3
    assert found(everything, entry(), other, station="aa33 ") == 1
    assert found(of_step(t00400001=element("AE", "OTHER")), entry(), other, station="AA33") == 0
    assert found({"00400100": element("SQ")}, {"00100020": element("LO", "1")}, station="A") == 0


def test_private_attributes_are_found_by_their_creator() -> None:
    """In whichever block the entry has them; the answer has them in the query's."""
    query = {
        "80010010": element("LO", "LIAC"),
        "80011001": element("LO", "ONCO^FRANCO"),
    }
    same = entry(t80010010=element("LO", "LIAC"), t80011001=element("LO", "ONCO^FRANCO"))
    moved = entry(t80010012=element("LO", "LIAC"), t80011201=element("LO", "ONCO^FRANCO"))
    other = entry(t80010010=element("LO", "ELSE"), t80011001=element("LO", "ONCO"))
    assert found(query, same, moved, other) == 2
    (answer,) = Query(query).answers(moved)
    assert answer["80011001"] == element("LO", "ONCO^FRANCO")
    unknown = {
        "80010010": element("LO", "LIAC"),
        "80011001": {"vr": "UN", "InlineBinary": "T05DT15GUkFOQ08A"},
    }
    assert found(unknown, same) == 1


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, ("", "")),
        ({"t00400002": element("DA", "20240105")}, ("20240105", "20240105")),
        ({"t00400002": element("DA", "20240105-")}, ("20240105", "")),
        ({"t00400002": element("DA", "202401")}, ("20240100", "20240199")),
        (
            {
                "t00400002": element("DA", "20240105-20240106"),
                "t00400003": element("TM", "1800-0600"),
            },
            ("20240105", "20240106"),
        ),
    ],
)
def test_a_query_says_on_which_days_to_look(keys: Json, expected: tuple[str, str]) -> None:
    """Of thousands of entries only those days are read."""
    assert Query(of_step(**keys)).dates == expected

# SPDX-License-Identifier: Apache-2.0
"""Lists of studies on real rows: what words find, every order, pages while rows come and go."""

from typing import Any

import pytest

from pons.catalog.connection import HASTY_CONNECTIONS, TooSlow
from pons.catalog.list_order import Cursor, read_cursor
from pons.catalog.search import Search
from pons.catalog.study_order import SORTS, study_order
from pons.catalog.study_pages import StudyRow
from pons.catalog.words import as_search, read_words
from pons.dicom.identity import resource_ids, to_bytes
from pons.errors import BadRequest

from .listing import ID, TODAY, Lists

pytestmark = pytest.mark.anyio

NAME, BIRTH = "00100010", "00100030"
DATE, TIME, ACCESSION, DESCRIPTION = "00080020", "00080030", "00080050", "00081030"


FOUND = {
    "": "abcde",
    "müller": "ab",
    "MUELLER": "ab",
    "muller": "a",
    "eva": "ab",
    "Éva müller": "ab",
    "müller^eva": "ab",
    "eva^müller": "",
    '"muller eva"': "a",
    '"eva muller"': "",
    "ller": "ab",
    "gross": "c",
    "groß": "c",
    "GROSS-gerau": "c",
    "obrien": "d",
    "o'brien": "d",
    "li": "e",
    "ro": "c",
    "x": "",
    "漢": "e",
    "4711": "a",
    "id:4711": "a",
    "name:4711": "",
    "acc:4711": "",
    "A-17.3": "b",
    "accession:17": "b",
    "desc:schadel": "a",
    "schaedel": "a",
    "desc:müller": "",
    "nativ": "ab",
    "ct": "abc",
    "ct mr": "b",
    "mod:plan": "d",
    "plan": "",
    "2026-05": "ab",
    "20260512": "ac",
    "last week": "b",
    "..2025": "cd",
    "born:1958": "a",
    "origin:ct1": "abc",
    "origin:ct": "",
    "station:truebeam": "ab",
    "station:TRUEBEAM2": "b",
    "station:*beam1": "a",
    "station:beam": "",
    "station:%": "",
    "series:cbct": "a",
    'series:"bct pel"': "a",
    "series:cb*pelvis": "a",
    "series:nativ": "",
    "cbct": "",
    "label:review": "b",
    "label:Review": "",
    "is:arriving": "a",
    "is:stable": "bcde",
    "is:protected": "d",
    "is:protected is:arriving": "",
    "1.2.3.4.1": "",
    "uid:1.2": "b",
    "uid:1.2.1": "b",
    "uid:1.2.1.1": "b",
    "uid:1.2.2": "",
    "%": "",
    "_": "",
    "\\": "",
    "50%": "e",
    "m*ller": "ab",
    "name:m*ller": "ab",
    "eva*schaedel": "",
    "eva???schadel": "",
    "name:eva*schaedel": "",
    "desc:sch*nativ": "a",
    "4711*": "a",
    "m?ller": "a",
    "*": "abcde",
    "...": "abcde",
    "\u202e": "",
    "'; DROP TABLE studies; --": "",
}


async def test_words(lists: Lists) -> None:
    """Each word is somewhere in a study, whatever its case and accents, and how it is written."""
    a = await lists.study(
        "1.1", "4711", t00100010="Müller^Eva", t00081030="Schädel nativ", t00080020="20260512",
        t00100030="19580312", station="TrueBeam1", series_description="CBCT Pelvis",
    )  # fmt: skip
    b = await lists.study(
        "1.2", "P2", t00100010="MUELLER^ÉVA", t00081030="Thorax nativ", t00080020="20260504",
        t00080050="A-17.3", modalities=("CT", "MR"), station="TrueBeam2",
    )  # fmt: skip
    await lists.study("1.3", "20260512", t00100010="Groß-Gerau^Rosa", t00080020="20240301")
    await lists.study(
        "1.4", "P4", t00100010="O'Brien^Pat", modalities=("PLAN",), origin="TPS",
        t00080020="20251231",
    )  # fmt: skip
    await lists.study(
        "1.5", "P5", t00100010="LI^NA=漢字", modalities=("US",), origin="", t00081030="50% more"
    )
    await lists.connection.execute("INSERT INTO labels VALUES ($1, 'review')", await lists.key(b))
    await lists.connection.execute(
        "INSERT INTO unstable VALUES ($1, 1, $2, now())", await lists.key(a), to_bytes(a)
    )
    await lists.connection.execute("UPDATE patients SET protected = true WHERE patient_id = 'P4'")
    await lists.connection.execute("UPDATE totals SET studies = 5")
    uids = {"1.1": "a", "1.2": "b", "1.3": "c", "1.4": "d", "1.5": "e"}
    found = {text: "".join(sorted(uids[uid] for uid in await lists.found(text))) for text in FOUND}
    assert found == FOUND


async def test_a_row(lists: Lists) -> None:
    """A row has all that a list shows of a study."""
    identifier = await lists.study(
        "1.1", "P1", t00100010="Roe^Jo", t00080020="20260512", modalities=("SR", "CT", "CT"),
        size=500, t00080090="Dr^Who",
    )  # fmt: skip
    key = await lists.key(identifier)
    await lists.connection.execute("INSERT INTO labels VALUES ($1, 'b'), ($1, 'a')", key)
    (row,) = await lists.pages("-date", 10)
    assert row.last_update.tzinfo is not None
    assert row == StudyRow(
        id=identifier,
        patient=resource_ids("P1", "1.1", "", "").patient,
        study_uid="1.1",
        tags={
            ID: "P1", NAME: "Roe^Jo", DATE: "20260512", "0020000D": "1.1", "00080090": "Dr^Who"
        },
        modalities=["CT", "SR"],
        origins=["CT1"],
        labels=["a", "b"],
        series=3,
        instances=3,
        size=1500,
        arriving=False,
        protected=False,
        last_update=row.last_update,
    )  # fmt: skip


def sorted_by(by: str, row: StudyRow) -> Any:
    """What a row is sorted by; None where it has nothing."""
    tags = row.tags
    match by:
        case "date":
            return (tags[DATE], tags.get(TIME, "")) if tags.get(DATE) else None
        case "name":
            return tags.get(NAME, "").upper().replace("Ä", "A").replace("^", " ") or None
        case "id":
            return tags[ID].upper()
        case "birthDate":
            return tags.get(BIRTH) or None
        case "accession":
            return tags.get(ACCESSION, "").upper() or None
        case "description":
            return tags.get(DESCRIPTION, "").upper() or None
        case "lastUpdate":
            return row.last_update
        case "arrival":
            return 0
    return getattr(row, by)


async def fill(lists: Lists, count: int, start: int = 0) -> None:
    """Studies with equal, empty and missing values of everything."""
    for n in range(start, start + count):
        tags = {
            DATE: ("", "20260101", "20260102", "2026010")[n % 4],
            TIME: ("", "10", "101112.123456")[n % 3],
            NAME: ("Zoe^A", "Äbel^B", "abel^B", "", "Zoe")[n % 5],
            BIRTH: ("", "19600101", "19700101")[n % 3],
            ACCESSION: ("", "b1", "B2", "a3")[n % 4],
            DESCRIPTION: ("", "knee", "Head")[n % 3],
        }
        shown = {
            f"t{tag}": text
            for place, (tag, text) in enumerate(tags.items())
            if text or n % (place + 2)
        }
        modalities = ("CT", "MR")[: 1 + n % 2]
        await lists.study(f"1.{n}", f"p{n % 7}", modalities=modalities, size=n % 4 * 100, **shown)


async def test_every_order(lists: Lists) -> None:
    """Each study comes once, in order, those without a value last; equals in order of arrival."""
    await fill(lists, 60)
    places = {f"1.{n}": n for n in range(60)}
    for by in SORTS:
        for order, descending in ((by, False), (f"-{by}", True)):
            for limit in (7, 500):
                rows = await lists.pages(order, limit)
                expected: list[StudyRow] = []
                for has in (True, False):
                    part = [row for row in rows if (sorted_by(by, row) is not None) == has]
                    part.sort(key=lambda row: places[row.study_uid])
                    expected += sorted(
                        part[::-1] if descending else part,
                        key=lambda row: sorted_by(by, row) or 0,
                        reverse=descending,
                    )
                uids = [row.study_uid for row in rows]
                assert uids == [row.study_uid for row in expected], (order, limit)
                assert sorted(uids) == sorted(places), (order, limit)


@pytest.mark.parametrize("order", ["-date", "date", "name", "-name", "arrival", "accession"])
async def test_pages_while_rows_come_and_go(lists: Lists, order: str) -> None:
    """What is there from the first page to the last comes once, whatever arrives or goes."""
    await fill(lists, 40)
    parsed, after, seen, number = study_order(order), None, [], 40
    while True:
        page = await lists.catalog.study_lists.page(Search("Study"), parsed, after, 5)
        seen += [row.study_uid for row in page.rows]
        await fill(lists, 3, number)
        number += 3
        gone = await lists.key(page.rows[-1].id)
        for table, column in (("instances", "series_key"), ("series", "study_key")):
            await lists.connection.execute(
                f"DELETE FROM {table} WHERE {column} IN"
                f" (SELECT {column} FROM series WHERE study_key = $1)",
                gone,
            )
        await lists.connection.execute("DELETE FROM studies WHERE study_key = $1", gone)
        if page.next is None:
            break
        after = page.next
        assert number < 400
    assert len(seen) == len(set(seen))
    assert {f"1.{n}" for n in range(40)} <= set(seen)


async def test_counts_and_facets(lists: Lists) -> None:
    """Counts are of the studies that are found; labels of series do not count."""
    await fill(lists, 12)
    some = as_search(read_words("name:zoe", TODAY))
    for n in range(12):
        key = await lists.connection.fetchval(
            "SELECT study_key FROM studies WHERE study_uid = $1", f"1.{n}"
        )
        await lists.connection.execute("INSERT INTO labels VALUES ($1, $2)", key, f"l{n % 2}")
    await lists.connection.execute(
        "INSERT INTO labels SELECT series_key, 'of a series' FROM series"
    )
    study_lists = lists.catalog.study_lists
    await lists.connection.execute("UPDATE totals SET studies = 12")
    assert await study_lists.count(Search("Study")) == (12, True)
    assert await study_lists.count(some) == (5, True)
    assert await study_lists.labels(Search("Study")) == [("l0", 6), ("l1", 6)]
    assert await study_lists.labels(some) == [("l0", 3), ("l1", 2)]
    assert await study_lists.modalities(Search("Study")) == [("CT", 12), ("MR", 6)]


async def test_a_plan(lists: Lists) -> None:
    """A plan counts what would go, and names what is protected, and what there is not."""
    first = await lists.study("1.1", "P1", modalities=("CT", "MR"), size=10)
    second = await lists.study("1.2", "P1", size=5)
    kept = await lists.study("1.3", "P2", t00100010="Roe")
    await lists.connection.execute("UPDATE patients SET protected = true WHERE patient_id = 'P2'")
    nobody = "00000000-00000000-00000000-00000000-00000000"
    plan, missing = await lists.catalog.study_lists.plan_of([first, second, kept, nobody, "x"])
    assert missing == [nobody, "x"]
    assert plan == await lists.catalog.study_lists.plan(Search("Study"))
    assert (plan.studies, plan.patients, plan.series, plan.instances, plan.size) == (2, 1, 3, 3, 25)
    assert plan.protected_studies == 1
    ((patient, tags, studies),) = plan.protected
    assert (patient, tags[NAME], studies) == (resource_ids("P2", "", "", "").patient, "Roe", 1)


async def test_what_is_held(lists: Lists) -> None:
    """One statement tells what is here of each study, and whether that is another patient's."""
    whole = await lists.study("1.1", "P1", modalities=("CT", "SR", "CT"))
    other = await lists.study("1.1", "P2")
    odd = await lists.study("1.2a", "P1")
    held = lists.catalog.study_lists.held
    asked = [
        ("1.1", "P2"),
        ("1.1", "P1"),
        ("1.1", "P9"),
        ("1.9", "P1"),
        ("1.2a", ""),
        ("1.1", "P2"),
    ]
    assert await held(asked) == [
        (("1.1", "P2"), other, "P2", 1, 1),
        (("1.1", "P1"), whole, "P1", 3, 3),
        (("1.1", "P9"), whole, "P1", 3, 3),
        (("1.2a", ""), odd, "P1", 1, 1),
    ]
    assert await held([]) == []


class Slow:
    """A reader whose statements take too long."""

    async def row(self, *_: Any) -> Any:
        raise TooSlow("too slow")

    rows = row


async def test_what_takes_too_long(lists: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number is then the planner's estimate, and says so; facets are none at all."""
    await fill(lists, 30)
    await lists.connection.execute("ANALYZE")
    await lists.connection.execute("UPDATE totals SET studies = 30")
    study_lists = lists.catalog.study_lists
    monkeypatch.setattr(study_lists._counter, "hasty", Slow())
    everything = as_search(read_words("origin:CT1", TODAY))
    assert await study_lists.count(everything) == (30, False)
    assert await study_lists.count(Search("Study")) == (30, True)
    assert await study_lists.labels(everything) is None
    assert await study_lists.modalities(everything) is None


async def test_counting_does_not_wait_for_others(lists: Lists) -> None:
    """Where others hold the connections for counting, a number is estimated in time."""
    await fill(lists, 30)
    await lists.connection.execute("ANALYZE")
    study_lists, everything = lists.catalog.study_lists, as_search(read_words("origin:CT1", TODAY))
    for _ in range(HASTY_CONNECTIONS):
        await study_lists._counter.hasty._slots.acquire()
    assert await study_lists.count(everything) == (30, False)
    assert await study_lists.labels(everything) is None


WRONG = [
    "",
    "x",
    "{}",
    "😀",
    Cursor("-date", 1, False, ("20260101",)).encode(),
    Cursor("-date", 1, False, ("20260101", "1", "2")).encode(),
    Cursor("-date", 1, False, (20260101, "10")).encode(),
    Cursor("-date", -1, False, ("20260101", "10")).encode(),
    Cursor("-date", 2**63, False, ("20260101", "10")).encode(),
    Cursor("-date", 1, False, ("2\0", "10")).encode(),
    Cursor("-date", 1, False, ("2" * 201, "10")).encode(),
    Cursor("date", 1, False, ("20260101", "10")).encode(),
    Cursor("-name", 1, False, ("ROE",)).encode(),
    "A" * 5000,
]


@pytest.mark.parametrize("text", WRONG, ids=[text[:40] for text in WRONG])
def test_what_is_no_cursor(text: str) -> None:
    """It is refused before it reaches a statement."""
    with pytest.raises(BadRequest, match="not where a list"):
        read_cursor(text, study_order())


def test_numbers_and_times_in_cursors() -> None:
    """They are of the kind that they are compared with."""
    for order, values in (
        ("size", (2**63,)),
        ("series", (2**31,)),
        ("-instances", (2**31,)),
        ("size", ("1",)),
        ("lastUpdate", ("2026-01-01T00:00:00",)),
        ("lastUpdate", ("0001-01-01T00:00:00+23:59",)),
        ("lastUpdate", ("9999-12-31T23:59:59.999999-23:59",)),
    ):
        with pytest.raises(BadRequest):
            read_cursor(Cursor(order, 1, False, values).encode(), study_order(order))
    with pytest.raises(BadRequest):
        read_cursor(Cursor("size", 1, True, ()).encode(), study_order("size"))


@pytest.mark.parametrize(
    ("order", "most"), [("size", 2**63 - 1), ("series", 2**31 - 1), ("instances", 2**31 - 1)]
)
async def test_the_greatest_numbers_in_cursors(lists: Lists, order: str, most: int) -> None:
    """What is let through is a value that the database takes."""
    parsed = study_order(order)
    cursor = read_cursor(Cursor(order, 2**63 - 1, False, (most,)).encode(), parsed)
    page = await lists.catalog.study_lists.page(Search("Study"), parsed, cursor, 5)
    assert page.rows == []

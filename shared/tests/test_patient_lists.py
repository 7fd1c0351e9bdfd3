# SPDX-License-Identifier: Apache-2.0
"""Lists of patients on real rows: of whom a study is found, every order, pages."""

from typing import Any

import pytest

from pons.catalog.list_order import read_cursor
from pons.catalog.patient_lists import SORTS, PatientRow, patient_order
from pons.catalog.search import Search
from pons.catalog.words import as_search, read_words
from pons.errors import BadRequest

from .listing import TODAY, Lists

pytestmark = pytest.mark.anyio

NAME, BIRTH = "00100010", "00100030"


async def listed(lists: Lists, text: str = "", order: str = "name", limit: int = 2) -> list[Any]:
    """All rows of a list, so many at a time; as many as are counted."""
    search = as_search(read_words(text, TODAY)) if text else Search("Study")
    parsed, after = patient_order(order), None
    rows: list[PatientRow] = []
    while True:
        page = await lists.catalog.patient_lists.page(search, parsed, after, limit)
        rows += page.rows
        if page.next is None:
            break
        assert len(page.rows) == limit
        after = read_cursor(page.next.encode(), parsed)
    assert (len(rows), True) == await lists.catalog.patient_lists.count(search)
    return rows


def ids(rows: list[PatientRow]) -> list[str]:
    return [row.tags["00100020"] for row in rows]


@pytest.fixture
async def some(lists: Lists) -> Lists:
    """Four patients; P1 has two studies, P4 neither name nor birth date."""
    await lists.study(
        "1.1", "P1", t00100010="Müller^Eva", t00100030="19500101", t00080020="20260501"
    )
    await lists.study(
        "1.2",
        "P1",
        modalities=("MR",),
        t00100010="Müller^Eva",
        t00100030="19500101",
        t00080020="20240102",
    )
    await lists.study("2.1", "P2", t00100010="Mustermann^Max", t00100030="19300101")
    await lists.study("3.1", "P3", t00100010="adam^Ina", t00100030="19990101", origin="MR1")
    await lists.study("4.1", "P4")
    await lists.connection.execute("UPDATE totals SET patients = 4")
    return lists


async def test_rows(some: Lists) -> None:
    """What each patient has, whichever study was found."""
    (row,) = await listed(some, "müller mr")
    assert (row.tags[NAME], row.tags[BIRTH]) == ("Müller^Eva", "19500101")
    assert (row.studies, row.latest, row.protected) == (2, "20260501", False)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "P1 P2 P3 P4"),
        ("mull", "P1"),
        ("mr", "P1"),
        ("origin:MR1", "P3"),
        ("nobody", ""),
        ("id:P2", "P2"),
        ("2026-05 müller", "P1"),
        ("muller max", ""),
    ],
)
async def test_those_of_whom_a_study_is_found(some: Lists, text: str, found: str) -> None:
    """All words hold of one study."""
    assert sorted(ids(await listed(some, text))) == found.split()


@pytest.mark.parametrize("limit", [1, 3])
@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("name", "P3 P1 P2 P4"),
        ("-name", "P2 P1 P3 P4"),
        ("id", "P1 P2 P3 P4"),
        ("-id", "P4 P3 P2 P1"),
        ("birthDate", "P2 P1 P3 P4"),
        ("-birthDate", "P3 P1 P2 P4"),
        ("arrival", "P1 P2 P3 P4"),
        ("-arrival", "P4 P3 P2 P1"),
    ],
)
async def test_orders(some: Lists, order: str, expected: str, limit: int) -> None:
    """As people sort; who has no name, or no birth date, comes last in both directions."""
    assert ids(await listed(some, order=order, limit=limit)) == expected.split()


def test_unknown_order() -> None:
    """It says which there are."""
    with pytest.raises(BadRequest, match="cannot be sorted by 'size'") as refused:
        patient_order("size")
    assert all(name in str(refused.value) for name in SORTS)

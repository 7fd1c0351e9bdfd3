# SPDX-License-Identifier: Apache-2.0
"""Searches on real rows: what they find, in which order, and what they show."""

import pytest

from pons.catalog import Fields, Order, Part, Search
from pons.errors import BadRequest

from .findable import (
    ACCESSION,
    BIRTH,
    DATE,
    DESCRIPTION,
    INSTANCE_NUMBER,
    MODALITY,
    NAME,
    NUMBER,
    PATIENT_ID,
    ROWS,
    SERIES_UID,
    SEX,
    SOP_UID,
    STUDY_UID,
    Store,
    Three,
)

pytestmark = pytest.mark.anyio
MODALITIES, CLASSES = "00080061", "00080062"


@pytest.mark.parametrize(
    ("tag", "value", "found"),
    [
        (NAME, "", "hkp"),
        (NAME, "émile^zoë", "h"),
        (NAME, "ÉMILE*", "h"),
        (NAME, "EMILE*", ""),
        (NAME, "émile^zoë^^^", "h"),
        (NAME, "^^", "hkp"),
        (NAME, "*roe*", "kp"),
        (NAME, "ROE^[*]", "kp"),
        (NAME, "R_E*", ""),
        (NAME, "?OE^*", "kp"),
        (NAME, "*", "hkp"),
        (NAME, "nobody\\ROE^[RICHARD]", "kp"),
        (NAME, "nobody\\É*", "h"),
        (PATIENT_ID, "a_1", "h"),
        (PATIENT_ID, "_", ""),
        (PATIENT_ID, "B", "kp"),
        (SEX, "*", "h"),
        (SEX, "M", "h"),
        (BIRTH, "19500101", "h"),
        (DATE, "20240102", "h"),
        (DATE, "20240102\\20240203", "hk"),
        (DATE, "20240101-20240131", "h"),
        (DATE, "-20240201", "h"),
        (DATE, "20240103-", "k"),
        (ACCESSION, "ACC-1", "h"),
        (DESCRIPTION, "*100%", "h"),
        (DESCRIPTION, "*0%0*", ""),
        (STUDY_UID, "1.2\\1.3", "kp"),
        (STUDY_UID, "*", "hkp"),
        (MODALITIES, "CT", "hp"),
        (MODALITIES, "MR\\PT", "kp"),
        (MODALITIES, "US", ""),
        (MODALITY, "PT", "p"),
        (CLASSES, "1.2.840.10008.1", "hkp"),
        (CLASSES, "1.2", ""),
        (NUMBER, "10", ""),
        (SOP_UID, "1.1.1.1", ""),
        (ROWS, "256", "k"),
        (ROWS, "256\\512", "hk"),
        ("00104000", "claustro*", "h"),
        ("00104000", "*", "hk"),
    ],
)
async def test_matching(three: Three, tag: str, value: str, found: str) -> None:
    """Values, lists, ranges and wildcards find what they mean, whatever its case."""
    assert await three.studies({tag: value}) == found


async def test_times_of_less_precision(three: Three) -> None:
    """Ranges of times have all that their bounds say, in columns and in headers alike."""
    for number, time in enumerate(("1015", "101500", "101530.5", "101600")):
        await three.store.instance(
            f"T/9.{number}/9.{number}.1/9.{number}.1.1", s00080030=time, h00080033=time
        )
    for asked, found in (
        ("-1015", 3),
        ("0900-101500", 2),
        ("101500.000000-101500.999999", 2),
        ("101530.50-", 2),
    ):
        for tag in ("00080030", "00080033"):
            ids = await three.store.ids("Instance", {PATIENT_ID: "T", tag: asked})
            assert len(ids) == found, (tag, asked)


async def test_names_with_empty_components(three: Three) -> None:
    """An image may have delimiters behind which nothing comes, and a query others, or none."""
    for number, name in enumerate(("Müller^Jörg^^", "Müller^Jörg=", "Müller^Jörg^A")):
        await three.store.instance(f"N{number}/9{number}/1/1", p00100010=name, h00081050=name)
    for asked in ("Müller^Jörg", "müller^jörg^^^==", "Müller^Jö?g^^", "nobody\\Müller^Jörg^"):
        for tag in (NAME, "00081050"):
            for case in (False, True):
                found = await three.store.ids(
                    "Study", {PATIENT_ID: "N*", tag: asked}, case_sensitive=case
                )
                folded = not case or asked.startswith(("M", "n"))
                fewer = "?" in asked  # a pattern has no spellings with empty groups
                assert len(found) == (2 - fewer if folded else 0), (asked, tag, case)


async def test_case(three: Three) -> None:
    """With regard to case, only the exact text matches, in columns and in headers."""
    assert await three.studies({NAME: "*roe*"}, case_sensitive=True) == ""
    assert await three.studies({NAME: "*ROE*"}, case_sensitive=True) == "kp"
    assert await three.studies({NAME: "x\\ROE^[RICHARD]"}, case_sensitive=True) == "kp"
    assert await three.studies({ACCESSION: "ACC-1"}, case_sensitive=True) == ""
    assert await three.studies({"00104000": "claustro*"}, case_sensitive=True) == ""


async def test_levels(three: Three) -> None:
    """Tags of upper levels are searched at every level, those of lower levels match nothing."""
    store = three.store
    assert await store.ids("Patient", {NAME: "*roe*"}) == [three.knee.patient]
    assert await store.ids("Patient", {DATE: "20240102"}) == []
    assert await store.ids("Patient", {MODALITIES: "CT"}) == []
    assert len(await store.ids("Series", {NAME: "*roe*"})) == 3
    assert len(await store.ids("Series", {MODALITIES: "PT"})) == 2
    assert len(await store.ids("Instance", {MODALITIES: "PT", PATIENT_ID: "B"})) == 2
    query = {PATIENT_ID: "A_1", STUDY_UID: "1.1", SERIES_UID: "1.1.1", SOP_UID: "1.1.1.1"}
    assert await store.ids("Instance", query) == [three.head.instance]


async def test_labels(three: Three) -> None:
    """All, any or none of some labels; none of no labels means to have none."""
    await three.store.label("Study", three.head.study, "a", "b")
    await three.store.label("Study", three.knee.study, "a")
    for labels, constraint, found in (
        (("a",), "All", "hk"),
        (("a", "b"), "All", "h"),
        (("b", "c"), "Any", "h"),
        (("b",), "None", "kp"),
        ((), "All", "hkp"),
        ((), "Any", "hkp"),
        ((), "None", "p"),
    ):
        more = {"labels": labels, "labels_constraint": constraint}
        assert await three.studies({}, **more) == found, more
    shown = await three.store.objects(Search("Study"))
    assert [study.labels for study in shown] == [["a", "b"], ["a"], []]


async def test_metadata(three: Three) -> None:
    """Metadata of clients and of the store itself are searched and shown alike."""
    store = three.store
    await store.metadata("Series", three.head.series, 1234, "Left")
    await store.metadata("Series", three.knee.series, 1234, "Left lower")
    for text, count in (("LEFT", 1), ("left*", 2), ("x\\left", 1), ("*", 2), ("", 4)):
        assert len(await store.ids("Series", metadata=((1234, text),))) == count, text
    assert len(await store.ids("Series", metadata=((3, "ct1"),))) == 4
    assert await store.ids("Series", metadata=((3, "CT2"),)) == []
    wanted = Fields(frozenset((Part.METADATA,)))
    shown = (await store.objects(Search("Series", limit=1), wanted))[0]
    assert (shown.metadata[1234], shown.metadata[3]) == ("Left", "CT1")


async def test_order(three: Three) -> None:
    """Sorting by text or number, by own and upper levels; without the key comes last."""
    store = three.store

    async def numbers(*order: Order) -> list[str]:
        found = await store.objects(Search("Series", order=order))
        return [series.tags.get(NUMBER, "-") for series in found]

    assert await numbers(Order(NUMBER)) == ["10", "9", "zero", "-"]
    assert await numbers(Order(NUMBER, descending=True)) == ["zero", "9", "10", "-"]
    assert await numbers(Order(NUMBER, kind="integer")) == ["9", "10", "zero", "-"]
    assert await numbers(Order(NUMBER, kind="float", descending=True)) == ["10", "9", "zero", "-"]
    assert await numbers(Order(DATE, descending=True)) == ["9", "10", "zero", "-"]
    assert await numbers(Order(ROWS)) == ["10", "9", "zero", "-"]
    await store.metadata("Series", three.pet.series, 1234, "1e400")
    await store.metadata("Series", three.knee.series, 1234, "7.5")
    by_metadata = Order(metadata=1234, kind="float")
    assert await numbers(by_metadata) == ["9", "zero", "10", "-"]


async def test_windows(findable: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """`since` and `limit` cut any search alike, however many pages it takes."""
    monkeypatch.setattr("pons.catalog.catalog.IDS_PAGE", 2)
    monkeypatch.setattr("pons.catalog.catalog.HEADERS_PAGE", 2)
    arrived = [
        (
            await findable.instance(
                f"P/1/1/{n}", **{f"i{INSTANCE_NUMBER}": f"{9 - n}", f"h{ROWS}": "1"}
            )
        )
        for n in range(7)
    ]
    ids = [found.instance for found in arrived]
    number = (Order(INSTANCE_NUMBER, kind="integer"),)
    for since in (0, 1, 4, 7, 9):
        for limit in (0, 1, 2, 3, 5, 100):
            window = slice(since, since + limit if limit else None)
            cut = {"since": since, "limit": limit}
            assert await findable.ids("Instance", **cut) == ids[window], cut
            assert await findable.ids("Instance", {PATIENT_ID: "P"}, **cut) == ids[window], cut
            assert await findable.ids("Instance", order=number, **cut) == ids[::-1][window], cut
            if not since:
                found = await findable.ids("Instance", {ROWS: "1"}, limit=limit)
                assert found == ids[window], cut
                found = await findable.ids("Instance", {ROWS: "1"}, order=number, limit=limit)
                assert found == ids[::-1][window], cut
    assert await findable.ids("Instance", {ROWS: "1"}, candidates=5) == ids[:5]
    with pytest.raises(BadRequest, match="Since cannot be used"):
        await findable.ids("Instance", {ROWS: "1"}, since=1)


async def test_what_cannot_be_asked(three: Three) -> None:
    """Computed numbers and the character NUL are refused, not ignored."""
    with pytest.raises(BadRequest, match="computed"):
        await three.studies({"00201206": "2"})
    with pytest.raises(BadRequest, match="NUL"):
        await three.studies({NAME: "a\0b"})
    with pytest.raises(BadRequest, match="NUL"):
        await three.studies({}, labels=("a\0",))

# SPDX-License-Identifier: Apache-2.0
"""Texts as long as a file can make them: each is taken, and found by all of it."""

import random
import re
from typing import Any

import pytest

from pons.catalog import Catalog, Search, open_catalog
from pons.dicom.attributes import MAIN_TAGS
from pons.dicom.levels import LEVELS
from pons.header.model import MAX_PATIENT_ID, MAX_TEXT, MAX_UID
from pons.objects import FileObjects
from pons.settings import DatabaseSettings, Settings
from pons_index.database import Database
from pons_testing.events import received
from pons_testing.postgres import PostgresServer

pytestmark = pytest.mark.anyio
Index = Any

NAME, PATIENT_ID, BIRTH = "00100010", "00100020", "00100030"
ACCESSION, DATE, MODALITY = "00080050", "00080020", "00080060"
LETTERS = {
    "ascii": "".join(map(chr, range(0x21, 0x5C))),
    "chinese": "".join(map(chr, range(0x4E00, 0x9FA0))),
    "beyond": "".join(map(chr, range(0x20000, 0x20400))),
}
WHOLE_UIDS = {"studies_by_uid", "series_by_uid", "instances_by_uid", "worklists_of_studies"}
"""Their texts have at most `MAX_UID` characters, and capitals at most three times as many."""


def long_text(kind: str, length: int, seed: int = 1) -> str:
    """Random, so that no compression makes it fit."""
    return "".join(random.Random(seed).choices(LETTERS[kind], k=length))


@pytest.mark.parametrize("kind", LETTERS)
async def test_every_main_tag_may_be_long(index: Index, kind: str) -> None:
    """What was acknowledged is not refused for its length, whichever attribute it is."""
    text = long_text(kind, 30_000)
    identifiers = ("0020000D", "0020000E", "00080018", PATIENT_ID)
    main = {tag: ("LO", text) for level in LEVELS for tag in MAIN_TAGS[level]}
    for tag in identifiers:
        del main[tag]
    event = received(
        "1.2.3.4.5",
        patient_id=long_text(kind, MAX_PATIENT_ID),
        **{f"t{tag}": value for tag, value in main.items()},
    )
    assert await index.write(event) == ["Success"]
    assert index.refused == []
    assert await index.value("SELECT tags ->> '00080050' FROM studies") == text


async def test_identifiers_may_be_as_long_as_the_scan_takes_them(index: Index) -> None:
    """The longest identifiers of the widest characters fit into every index."""
    for number, letter in enumerate("\u0390\U0002a6d6A"):  # capitals of the first are three
        uid = long_text("beyond", MAX_UID - 1, number) + letter
        wide = "\u0390" * MAX_UID if number == 0 else uid
        event = received(
            wide, study_uid=wide, series_uid=wide, patient_id=(wide * 4)[:MAX_PATIENT_ID]
        )
        assert await index.write(event) == ["Success"]
    assert index.refused == []


async def test_a_name_of_the_longest_text_is_taken(index: Index) -> None:
    """The longest value that a header keeps, with its trigrams."""
    event = received("1.2.3.4.5", t00100010=("PN", long_text("ascii", MAX_TEXT)))
    assert await index.write(event) == ["Success"]


async def test_no_index_has_a_whole_text_without_a_bound(database: Database) -> None:
    """An index that is added later is caught here, not by a sender's instance."""
    rows = await database.pool.fetch(
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()"
    )
    unbounded = {
        row["indexname"]
        for row in rows
        if "USING btree" in row["indexdef"]
        and re.search(r"->>|\((upper|lower)\(|text_pattern_ops", row["indexdef"])
        and '"left"(' not in row["indexdef"]
    }
    assert unbounded == WHOLE_UIDS


async def test_what_is_long_is_found_by_all_of_it(
    index: Index, postgres: PostgresServer, objects: FileObjects
) -> None:
    """Two texts that differ at their ends are told apart, whatever their indexes have of them."""
    text = re.sub(r"[-*?\\]", "+", long_text("ascii", 5000))  # what means more in a query
    ends = {"x": text + "x", "y": text + "y"}
    for end, value in ends.items():
        event = received(
            f"1.2.3.4.{ord(end)}",
            patient_id=value[-MAX_PATIENT_ID:],
            study_uid=f"1.2.{ord(end)}",
            series_uid=f"1.2.3.{ord(end)}",
            t00100010=("PN", value),
            t00080050=("SH", value),
            t00080060=("CS", value),
            t00080020=("DA", value),
            t00100030=("DA", value),
        )
        assert await index.write(event) == ["Success"]
    async with _catalog(index.database, objects) as catalog:
        for tag in (NAME, ACCESSION, DATE, BIRTH, MODALITY):
            for end, value in ends.items():
                for asked in (value, value.lower(), f"{value}\\other", f"{text[:70]}*{end}"):
                    if tag in (DATE, BIRTH) and asked != value:
                        continue
                    wanted = [f"1.2.{ord(end)}"]
                    assert await _studies(catalog, tag, asked) == wanted, (tag, asked[-10:])
            both = ["1.2.120", "1.2.121"]
            if tag not in (DATE, BIRTH):
                assert await _studies(catalog, tag, f"{text[:70]}*") == both
                assert await _studies(catalog, tag, f"{text[:7]}*") == both
        for end, value in ends.items():
            patient_id = value[-MAX_PATIENT_ID:]
            assert await _studies(catalog, PATIENT_ID, patient_id) == [f"1.2.{ord(end)}"]
            assert len(await catalog.look_up(patient_id.lower())) == 1
            found = await catalog.browser.patients_with_id([patient_id])
            assert [entry.tags[PATIENT_ID] for entry in found] == [patient_id]
        assert await _studies(catalog, DATE, f"-{ends['x']}") == ["1.2.120"]
        assert await _studies(catalog, DATE, f"{ends['y']}-") == ["1.2.121"]
        pages = [page async for page in catalog.browser.studies_between("", "~~~")]
        assert len(pages[0]) == 2


def _catalog(database: Database, objects: FileObjects) -> Any:
    url = database.pool._connect_args[0]
    return open_catalog(Settings(database=DatabaseSettings(url=url)), objects)


async def _studies(catalog: Catalog, tag: str, asked: str) -> list[str]:
    """The UIDs of what a search finds, sorted."""
    query = Search("Study", ((tag, asked),))
    found = [one async for page in catalog.search(query) for one in page]
    assert await catalog.count(query) == len(found)
    return sorted(resource.tags["0020000D"] for resource in found)

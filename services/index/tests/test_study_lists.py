# SPDX-License-Identifier: Apache-2.0
"""What lists of studies are sorted and searched by holds after every write."""

import time
import unicodedata
from typing import Any

import pytest
from msgspec import structs

from pons.dicom.identity import resource_ids
from pons_testing.events import received

pytestmark = pytest.mark.anyio
Index = Any

KEPT = "SELECT study_key, series, instances, size, last_update FROM study_sums ORDER BY 1"
COUNTED = """
    SELECT study_key, count(DISTINCT series_key)::int, count(*), sum(size)::bigint,
        studies.last_update
    FROM studies JOIN series USING (study_key) JOIN instances USING (series_key)
    GROUP BY 1, 5 ORDER BY 1
"""


async def require_true(index: Index, studies: int) -> None:
    """The sums are what counting gives, of so many studies."""
    kept = [tuple(row) for row in await index.fetch(KEPT)]
    assert kept == [tuple(row) for row in await index.fetch(COUNTED)]
    assert len(kept) == studies


async def test_sums_are_what_counting_gives(index: Index) -> None:
    """After a batch, more of it, what comes twice, and a deletion at each level."""
    uids = [(f"1.{n % 3}", f"1.{n % 3}.{n % 6}", f"1.{n % 3}.{n % 6}.{n}") for n in range(30)]
    events = [
        received(sop, study_uid=study, series_uid=series, content=b"x" * (100 + n))
        for n, (study, series, sop) in enumerate(uids)
    ]
    await index.write(*events[:10])
    await require_true(index, 3)
    await index.write(*events)
    await require_true(index, 3)
    await index.delete("Instance", resource_ids("P1", *uids[0]).instance)
    await require_true(index, 3)
    await index.delete("Series", resource_ids("P1", *uids[0]).series)
    await require_true(index, 3)
    await index.delete("Study", resource_ids("P1", *uids[1]).study)
    await require_true(index, 2)
    await index.delete("Patient", resource_ids("P1", *uids[0]).patient)
    await require_true(index, 0)
    assert await index.value("SELECT count(*) FROM study_words") == 0


async def test_an_instance_that_is_replaced_counts_once(open_index: Any) -> None:
    """With the size that it has now."""
    index = open_index(overwrite_instances="Always")
    await index.write(received("1.1", content=b"x" * 100))
    await index.write(received("1.1", content=b"x" * 250))
    await require_true(index, 1)
    assert await index.value("SELECT size FROM study_sums") == 250


async def test_what_comes_last_is_latest(index: Index) -> None:
    """The order by last update is that of the studies' own, also of what was received earlier."""
    for study, ago in ((1, 5), (2, 3), (3, 9), (1, 2), (2, 8)):
        event = received(f"{study}.{ago}", study_uid=f"1.{study}", series_uid=f"1.{study}.0")
        await index.write(structs.replace(event, received_at=time.time() - ago))


WORDS = "SELECT words FROM study_words JOIN studies USING (study_key) WHERE study_uid = $1"


async def test_words_are_those_of_the_study(index: Index) -> None:
    """Without accents and case, umlauts both ways, and each behind a space."""
    await index.write(
        received(
            "1.1",
            study_uid="1",
            t00100010=("PN", "Müller-Groß^Éva"),
            t00081030=("LO", "Schädel, nativ"),
            t00080050=("SH", "A-17.3"),
        )
    )
    words = await index.value(WORDS, "1")
    for piece in (
        " MULLER GROSS EVA ",
        " MUELLER GROSS EVA",
        " SCHADEL  NATIV ",
        " SCHAEDEL",
        " A 17 3",
    ):
        assert piece in words
    assert await index.value("SELECT name FROM study_words") == "MULLER GROSS EVA"


async def test_umlauts_of_two_characters(index: Index) -> None:
    """Letters whose dots are a character of their own are spelled out like those that are one."""
    one, two = "Müller^Åse", unicodedata.normalize("NFD", "Müller^Åse")
    for uid, name in (("1", one), ("2", two)):
        await index.write(
            received(
                f"{uid}.1",
                study_uid=uid,
                series_uid=f"{uid}.0",
                patient_id=f"P{uid}",
                t00100010=("PN", name),
            )
        )
    assert one != two
    words = [(await index.value(WORDS, uid)).replace(f" P{uid} ", " P ") for uid in "12"]
    assert words[0] == words[1]
    assert " MUELLER AASE" in words[0]

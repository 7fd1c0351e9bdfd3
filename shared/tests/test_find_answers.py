# SPDX-License-Identifier: Apache-2.0
"""What a search answers of what it finds: parents, tags, parts, counts."""

import json
from typing import Any

import pytest

from pons.catalog import Catalog, Fields, Part, Search
from pons.dicom.levels import LEVELS
from pons.dicom.main_tags import main_sequences
from pons.dicom.tag_names import display_tag
from pons.errors import BadRequest

from .findable import (
    DATE,
    DESCRIPTION,
    KEYS,
    MODALITY,
    NAME,
    ROWS,
    Three,
)

pytestmark = pytest.mark.anyio


async def test_parents(three: Three) -> None:
    """A search can be about what is below one resource; below an unknown one is nothing."""
    store, head = three.store, three.head
    assert await store.ids("Instance", parent=("Patient", head.patient)) == [head.instance]
    assert await store.ids("Series", parent=("Study", head.study)) == [head.series]
    assert await store.ids("Series", {MODALITY: "MR"}, parent=("Study", head.study)) == []
    for unknown in ("x", head.instance):
        assert await store.ids("Series", parent=("Study", unknown)) == []
    with pytest.raises(BadRequest, match="has no study below it"):
        await store.ids("Study", parent=("Series", head.series))


async def test_requested_tags(three: Three) -> None:
    """Requested tags come from any level above, from a header below, or are computed."""
    store = three.store
    tags = (NAME, DATE, ROWS, "00400275", "00104000", *MODALITIES_AND_COUNTS)
    wanted = Fields(frozenset(), tags)
    for level, computed in (
        ("Patient", {"00201200": "1", "00201202": "1", "00201204": "1"}),
        ("Study", {"00080061": "CT", "00080062": "1.2.840.10008.1", "00201206": "1"}),
        ("Series", {"00201209": "1"}),
        ("Instance", {"00080056": "ONLINE"}),
    ):
        found = await store.catalog.find(level, getattr(three.head, KEYS[level]), wanted)  # type: ignore[arg-type]
        assert found is not None
        above = {NAME: "Émile^Zoë"} | ({DATE: "20240102"} if level != "Patient" else {})
        assert found.requested == above | computed, level
        assert json.loads(found.elements[ROWS]) == {"vr": "LO", "Value": ["512"]}
        assert ("00400275" in found.elements) == (level in ("Series", "Instance"))
        assert found.labels == []
    pages = await store.objects(Search("Study", query=((DESCRIPTION, "whole*"),)), wanted)
    assert pages[0].requested["00080061"] == "CT\\PT"
    assert pages[0].requested["00201206"] == "2"


async def test_main_sequences_of_each_level(three: Three) -> None:
    """Shown with the main tags of their own level, requested from those below; without a header,
    which lacks them here; and told as metadata and in the list of main tags."""
    run, ids = three.store.connection.execute, three.head
    item = '[{"00080100": {"vr": "SH", "Value": ["X"]}}]'
    for table, tag in (
        ("patients", "00102293"),
        ("studies", "00081032"),
        ("instances", "00081140"),
    ):
        kept = f'{{"{tag}": {{"vr": "SQ", "Value": {item}}}}}'
        await run(f"UPDATE {table} SET sequences = $1", kept)
    sequences = main_sequences(
        {
            "Patient": ["PatientBreedCodeSequence"],
            "Study": ["ProcedureCodeSequence"],
            "Instance": ["ReferencedImageSequence"],
        }
    )
    old = three.store.catalog
    catalog = Catalog(*([old._reader] * 3), old.headers._objects, sequences=sequences)
    own = {"Patient": "00102293", "Study": "00081032", "Series": "00400275", "Instance": "00081140"}
    for position, level in enumerate(LEVELS):
        identifier = getattr(ids, KEYS[level])
        plain = await catalog.find(level, identifier)
        assert plain is not None
        assert list(plain.sequences) == [own[level]]
        wanted = Fields(frozenset(), tuple(sorted(own.values())))
        found = await catalog.find(level, identifier, wanted)
        assert found is not None
        assert set(found.elements) == {own[above] for above in LEVELS[: position + 1]}
        assert json.loads(found.elements["00102293"]) == {"vr": "SQ", "Value": json.loads(item)}
        metadata = await catalog.metadata(level, identifier)
        assert metadata is not None
        told = json.loads(metadata[16])
        shown = told["Sequences"][display_tag(own[level])]
        assert (len(told["Sequences"]), told["Version"]) == (1, 1)
        assert (shown["Type"], len(shown["Value"])) == ("Sequence", 1)
        one = await catalog.find_metadata(level, identifier, 16)
        assert one is not None
        assert json.loads(one.value) == told
        parts = Fields(frozenset([Part.METADATA]))
        resource = await catalog.find(level, identifier, parts)
        assert resource is not None
        assert resource.metadata == metadata
        pages = [page async for page in catalog.search(Search(level))]
        assert {tuple(one.sequences) for page in pages for one in page} == {(own[level],)}


MODALITIES_AND_COUNTS = (
    "00080056",
    "00080061",
    "00080062",
    "00201200",
    "00201202",
    "00201204",
    "00201206",
    "00201209",
)


async def test_parts(three: Three) -> None:
    """Only what is asked for is read; a DICOM file is an attachment of its instance."""
    store = three.store
    await store.metadata("Study", three.head.study, 5, three.knee.study)
    study = await store.catalog.find("Study", three.head.study)
    assert study is not None
    assert study.sources == {5: three.knee.study}
    bare = await store.catalog.find("Study", three.head.study, Fields(frozenset()))
    assert bare is not None
    assert (bare.parent, bare.children, bare.tags, bare.last_update) == ("", [], {}, None)
    attached = Fields(frozenset((Part.ATTACHMENTS,)))
    instance = await store.catalog.find("Instance", three.head.instance, attached)
    assert instance is not None
    assert instance.attachments[0]["UncompressedSize"] == 9


async def test_counting(three: Three) -> None:
    """Counting agrees with finding; what only headers tell cannot be counted."""
    catalog = three.store.catalog
    await three.store.connection.execute("UPDATE totals SET studies = 3, series = 4")
    for level, expected in (("Study", 3), ("Series", 4)):
        assert await catalog.count(Search(level)) == expected  # type: ignore[arg-type]
    assert await catalog.count(Search("Study", query=((NAME, "*roe*"),))) == 2
    assert await catalog.count(Search("Series", parent=("Patient", three.knee.patient))) == 3
    with pytest.raises(BadRequest, match="Only main DICOM tags can be counted"):
        await catalog.count(Search("Study", query=((ROWS, "256"),)))


async def test_lookup(three: Three) -> None:
    """An identifier of DICOM's finds its resource, whole and in any case."""
    catalog = three.store.catalog
    assert await catalog.look_up("a_1") == [("Patient", three.head.patient)]
    assert await catalog.look_up(" 1.1\n") == [("Study", three.head.study)]
    assert await catalog.look_up("1.1.1") == [("Series", three.head.series)]
    assert await catalog.look_up("1.1.1.1") == [("Instance", three.head.instance)]
    for nothing in ("", " ", "_", "%", "acc-1", "a\0"):
        assert await catalog.look_up(nothing) == []


async def test_bulk(three: Three) -> None:
    """Resources of any level come in the order asked, or as those of one level, once each."""
    catalog, head, knee = three.store.catalog, three.head, three.knee

    async def bulk(ids: list[str], level: Any = None) -> list[str]:
        return [found.id async for page in catalog.bulk(ids, level) for found in page]

    asked = [head.instance, "nonsense", knee.patient, head.study, head.series]
    assert await bulk(asked) == [head.instance, knee.patient, head.study, head.series]
    assert await bulk(asked, "Patient") == [head.patient, knee.patient]
    assert await bulk(asked, "Study") == [head.study, knee.study, three.pet.study]
    for level in LEVELS:
        assert await bulk([head.instance], level) == [getattr(head, KEYS[level])]
        assert await bulk([head.patient], level) == [getattr(head, KEYS[level])]

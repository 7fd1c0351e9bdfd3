# SPDX-License-Identifier: Apache-2.0
"""What Explorer is told of worklist entries, and what its form makes of them."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from pons.catalog.worklists import KeptWorklist, Worklists
from pons.dicom.orthanc_json import element_text
from pons.dicom.tag_names import parse_tag
from pons.errors import BadRequest, Unavailable
from pons.worklists.entry import from_tags, study_uid
from pons.worklists.folder import WorklistFile, WorklistFolder
from pons.worklists.matching import STEPS, Elements
from pons_gateway.models.known_worklists import WorklistFields

MOST = 5_000
"""Entries that a page shows; who has more asks over REST."""
STEP_FIELDS = frozenset(
    ("Modality", "ScheduledPerformingPhysicianName", "ScheduledStationAETitle")
) | {f"ScheduledProcedureStep{one}" for one in ("StartDate", "StartTime", "Description")}
"""What of a form is said of the first step; the rest is said of the entry."""
TAGS = {name: parse_tag(name) for name in WorklistFields.model_fields}
NEEDED = ("PatientName", "PatientID", "Modality", "ScheduledProcedureStepStartDate")
"""Without these no modality can use an entry (PS3.4 table K.6-1, return key type 1)."""


async def known_worklists(kept: Worklists, folder: WorklistFolder | None) -> dict[str, Any]:
    """All entries, those that the store keeps first; of a folder that is away, why."""
    entries: list[dict[str, Any]] = []
    async for page in kept.pages():
        entries += await asyncio.to_thread(_of_store, page)
        if len(entries) > MOST:
            break
    problem = ""
    if folder is not None and len(entries) <= MOST:
        try:
            async for files in folder.files():
                entries += await asyncio.to_thread(_of_folder, files)
                if len(entries) > MOST:
                    break
        except Unavailable as error:
            problem = str(error)
    return {
        "entries": entries[:MOST],
        "more": len(entries) > MOST,
        "hasFolder": folder is not None,
        "folderProblem": problem,
    }


def _of_store(page: list[KeptWorklist]) -> list[dict[str, Any]]:
    return [_entry(one.tags, str(one.id), one.revision) for one in page]


def _of_folder(files: list[WorklistFile]) -> list[dict[str, Any]]:
    return [_entry(one.tags or b"{}", file=one.name, problem=one.why) for one in files]


def _entry(
    tags: bytes, worklist_id: str = "", revision: int = 0, file: str = "", problem: str = ""
) -> dict[str, Any]:
    elements = msgspec.json.decode(tags)
    steps = elements.get(STEPS, {}).get("Value") or []
    first = steps[0] if steps else {}
    fields = {
        name: _text(tag, first if name in STEP_FIELDS else elements) for name, tag in TAGS.items()
    }
    return {
        "id": worklist_id,
        "revision": revision,
        "file": file,
        "problem": problem,
        "studyUid": study_uid(elements),
        "steps": len(steps),
        "fields": fields,
    }


def _text(tag: str, elements: Elements) -> str:
    return (element_text(tag, elements[tag]) or "") if tag in elements else ""


def with_fields(elements: Elements, fields: WorklistFields) -> Elements:
    """An entry with what a form says of it; everything else of it, and further steps, stay.

    Raises `BadRequest`, whose text begins with the name of the field that is wrong.
    """
    values = {name: text.strip() for name, text in fields.model_dump().items()}
    for name in NEEDED:
        if not values[name]:
            raise BadRequest(f"{name}: An entry needs it", "PS3.4 table K.6-1")
    steps = elements.get(STEPS, {}).get("Value") or [{}]
    step = {name: text for name, text in values.items() if name in STEP_FIELDS}
    of_entry = {name: text for name, text in values.items() if name not in STEP_FIELDS}
    first = _changed(steps[0], step)
    entry = _changed(elements, of_entry)
    return dict(sorted({**entry, STEPS: {"vr": "SQ", "Value": [first, *steps[1:]]}}.items()))


def _changed(before: Elements, values: Mapping[str, str]) -> dict[str, Any]:
    changed: dict[str, Any] = dict(before)
    for name, text in values.items():
        # What was never there stays away; what was there and is taken away stays without a value.
        if text != _text(TAGS[name], before):
            changed |= _written(name, text)
    return dict(sorted(changed.items()))


def _written(name: str, text: str) -> Elements:
    try:
        return from_tags({name: text})
    except BadRequest as error:
        raise BadRequest(f"{name}: {error}") from None

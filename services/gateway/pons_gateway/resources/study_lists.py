# SPDX-License-Identifier: Apache-2.0
"""Lists of studies for Explorer: from what is asked to searches, and from rows to JSON."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from pons.catalog import Search
from pons.catalog.counting import Count
from pons.catalog.days import read_days
from pons.catalog.schema import MODALITIES_IN_STUDY
from pons.catalog.study_lists import Held, Plan, StudyLists
from pons.catalog.study_pages import StudyRow
from pons.catalog.words import Kind, Term, as_search, read_words, without
from pons.dicom.attributes import Tags
from pons.dicom.tag_names import parse_tag
from pons.errors import BadRequest, NotFound
from pons.messages.index import DeleteLabel, PutLabel
from pons.messages.services import Done
from pons_gateway.backends import Ask
from pons_gateway.models.study_lists import Asked, Filters

SEX = "00100040"
SHOWN = {
    "patientName": "00100010",
    "patientId": "00100020",
    "birthDate": "00100030",
    "sex": SEX,
    "date": "00080020",
    "time": "00080030",
    "description": "00081030",
    "accession": "00080050",
}
"""Members of a row that are tags."""
OF_WORDS: dict[str, Kind] = {"name": "name", "description": "description"}
OF_TEXT: dict[str, Kind] = {
    "patient_id": "id",
    "accession": "accession",
    "study_uid": "uid",
    "origin": "origin",
    "station": "station",
}
OF_DAYS: dict[str, Kind] = {"date": "date", "birth_date": "born"}
"""Filters and what they are as terms of a text."""
WITHOUT_SECONDS = 5.0
"""After which no more is counted of what a list would have without one of its terms."""
AT_A_TIME = 8
"""Commands about labels that are under way."""


def today(asked: Asked) -> date:
    """The day where people sit. Raises `BadRequest` for one that there is not."""
    try:
        return date.fromisoformat(asked.today) if asked.today else date.today()  # noqa: DTZ011 local
    except ValueError:
        raise BadRequest(f"There is no such day: {asked.today}") from None


def terms_of(asked: Asked) -> tuple[Term, ...]:
    """What was understood of the text. Raises `BadRequest` for one without bounds."""
    return read_words(asked.text, today(asked))


def search_of(asked: Asked, terms: Sequence[Term]) -> Search:
    """The search of these terms and the filters. Raises `BadRequest` for what is no date."""
    filters = asked.filters
    search = as_search([*terms, *_as_terms(filters, today(asked))])
    query = list(search.query)
    if filters.modalities:
        query.append((MODALITIES_IN_STUDY, "\\".join(filters.modalities)))
    if filters.sex:
        query.append((SEX, filters.sex))
    return replace(
        search,
        query=tuple(query),
        labels=tuple(filters.labels),
        labels_constraint=filters.labels_constraint,
    )


def _as_terms(filters: Filters, day: date) -> Iterator[Term]:
    for name, kind in OF_WORDS.items():
        for word in getattr(filters, name).split():
            yield Term(kind, word, 0, 0)
    for name, kind in OF_TEXT.items():
        if text := getattr(filters, name).strip():
            yield Term(kind, text, 0, 0)
    for name, kind in OF_DAYS.items():
        if text := getattr(filters, name).strip():
            days = read_days(text, day)
            if days is None:
                raise BadRequest(
                    f"This is no date: {text[:40]!r}", "write 2024, 2024-05, 12.5.2024, or a..b"
                )
            yield Term(kind, text if kind == "born" else "", 0, 0, days)
    for state in filters.states:
        yield Term("state", state, 0, 0)


def understood(asked: Asked, terms: Sequence[Term]) -> list[dict[str, str]]:
    """The terms as a page shows them."""
    return [_told(asked, term) for term in terms]


def _told(asked: Asked, term: Term) -> dict[str, str]:
    told = {"kind": term.kind, "value": term.value}
    if term.days is not None:
        told |= {"from": term.days.first, "to": term.days.last}
    return told | {"without": without(asked.text, term)}


def further_tags(columns: Sequence[str], main: Tags) -> dict[str, str]:
    """Column to tag. Raises `BadRequest` for what a list cannot show."""
    tags = {}
    for column in columns:
        tag = parse_tag(column)
        if tag not in main["Study"] and tag not in main["Patient"]:
            raise BadRequest(
                f"A list cannot show {column}", "it shows main tags of studies and patients"
            )
        tags[column] = tag
    return tags


def row_json(row: StudyRow, further: dict[str, str]) -> dict[str, Any]:
    """A row as JSON."""
    return {
        "id": row.id,
        "patient": row.patient,
        "studyUid": row.study_uid,
        **{name: row.tags.get(tag) or "" for name, tag in SHOWN.items()},
        "modalities": row.modalities,
        "series": row.series,
        "instances": row.instances,
        "size": row.size,
        "origins": row.origins,
        "labels": row.labels,
        "arriving": row.arriving,
        "protected": row.protected,
        "lastUpdate": f"{row.last_update:%Y-%m-%dT%H:%M:%S.%f}Z",
        "more": {column: row.tags.get(tag) or "" for column, tag in further.items()},
    }


def count_json(count: Count) -> dict[str, Any]:
    return {"value": count.value, "exact": count.exact}


def facet_json(facet: list[tuple[str, int]] | None) -> list[dict[str, Any]] | None:
    return None if facet is None else [{"value": value, "count": n} for value, n in facet]


def held_json(one: Held) -> dict[str, Any]:
    """What is here of a study."""
    study_uid, patient_id = one.asked
    return {
        "studyUid": study_uid,
        "askedPatientId": patient_id,
        "id": one.id,
        "patientId": one.patient_id,
        "series": one.series,
        "instances": one.instances,
    }


def plan_json(plan: Plan, missing: Sequence[str]) -> dict[str, Any]:
    """A plan as JSON."""
    return {
        "studies": plan.studies,
        "patients": plan.patients,
        "series": plan.series,
        "instances": plan.instances,
        "size": plan.size,
        "protected": [
            {
                "patient": patient,
                "patientName": tags.get(SHOWN["patientName"]) or "",
                "patientId": tags.get(SHOWN["patientId"]) or "",
                "studies": studies,
            }
            for patient, tags, studies in plan.protected
        ],
        "protectedStudies": plan.protected_studies,
        "missing": list(missing),
    }


async def counts_without(asked: Asked, lists: StudyLists) -> list[dict[str, Any]]:
    """How many there are without each term, and each filter; those that take long are left out."""
    terms, counted = terms_of(asked), []
    others = [
        (_told(asked, term), search_of(asked, [other for other in terms if other is not term]))
        for term in terms
    ]
    for name, left in _filters_without(asked.filters):
        told = {"kind": "filter", "value": name, "without": asked.text}
        others.append((told, search_of(asked.model_copy(update={"filters": left}), terms)))
    deadline = time.monotonic() + WITHOUT_SECONDS
    for told, search in others:
        if time.monotonic() > deadline:
            break
        count = count_json(await lists.count(search))
        counted.append(
            {name: told[name] for name in ("kind", "value", "without")} | {"count": count}
        )
    return counted


def _filters_without(filters: Filters) -> Iterator[tuple[str, Filters]]:
    """Each filter by its name, and all but this one. Labels are one with what is asked of them."""
    fields = Filters.model_fields
    usual = {name: field.get_default() for name, field in fields.items()}
    given = {name for name in usual if getattr(filters, name) != usual[name]}
    of_labels = {"labels", "labels_constraint"}
    if "labels" in given:
        given.discard("labels_constraint")  # it says how many of them
    elif filters.labels_constraint != "None":
        given.discard("labels_constraint")  # of no labels it asks nothing
    for name in sorted(given):
        taken = of_labels if name in of_labels else {name}
        left = filters.model_copy(update={one: usual[one] for one in taken})
        yield fields[name].alias or name, left


async def change_labels(
    studies: Sequence[str], add: Sequence[str], remove: Sequence[str], ask: Ask
) -> list[str]:
    """Put labels on studies and take others off; those that there are not are given back."""
    missing: list[str] = []
    left = iter(dict.fromkeys(studies))

    async def change() -> None:
        for study in left:
            commands = [
                *(PutLabel("Study", study, label) for label in add),
                *(DeleteLabel("Study", study, label) for label in remove),
            ]
            try:
                for command in commands:
                    await ask("index", command, Done)
            except NotFound:
                missing.append(study)

    for failed in await asyncio.gather(
        *(change() for _ in range(AT_A_TIME)), return_exceptions=True
    ):
        if isinstance(failed, BaseException):
            raise failed
    return missing

# SPDX-License-Identifier: Apache-2.0
"""Explorer's list of patients: those of whom a search finds a study."""

from typing import Any

from fastapi import Response

from pons.catalog import Search
from pons.catalog.counting import Count
from pons.catalog.list_order import read_cursor
from pons.catalog.patient_lists import PatientRow, patient_order
from pons_gateway.dependencies import BackendsDep
from pons_gateway.models.patient_lists import PatientsAsked, PatientsPage
from pons_gateway.models.study_lists import Asked, CountOfRows
from pons_gateway.resources.study_lists import (
    SHOWN,
    count_json,
    search_of,
    terms_of,
    understood,
)
from pons_gateway.responses.answers import json_answer
from pons_gateway.routers import tag_tree
from pons_gateway.routing import Router, page

router = Router(tag_tree.router.title, tag_tree.router.description, prefix="/explorer/api")

OF_PATIENTS = ("patientName", "patientId", "birthDate", "sex")
"""Members of a row that are tags."""


@router.post("/patients", summary="A page of a list of patients", response_model=PatientsPage)
@page
async def patients(asked: PatientsAsked, backends: BackendsDep) -> Response:
    """Rows in the order asked for, and what was understood. Not in a store without patients."""
    lists, terms = backends.catalog.patient_lists, terms_of(asked)
    order, search = patient_order(asked.sort), search_of(asked, terms)
    after = None if asked.after is None else read_cursor(asked.after, order)
    found = await lists.page(search, order, after, asked.limit)
    count = None
    if after is None and found.next is None:
        count = Count(len(found.rows), exact=True)
    elif search == Search("Study"):
        count = await lists.count(search)
    return json_answer(
        {
            "rows": [_row_json(row) for row in found.rows],
            "next": found.next and found.next.encode(),
            "understood": understood(asked, terms),
            "count": count and count_json(count),
        }
    )


@router.post("/patients/count", summary="How many patients there are", response_model=CountOfRows)
@page
async def count(asked: Asked, backends: BackendsDep) -> Response:
    """Counted where that takes no longer than a second; else about so many, which is said."""
    search = search_of(asked, terms_of(asked))
    return json_answer(count_json(await backends.catalog.patient_lists.count(search)))


def _row_json(row: PatientRow) -> dict[str, Any]:
    return {
        "id": row.id,
        **{name: row.tags.get(SHOWN[name]) or "" for name in OF_PATIENTS},
        "studies": row.studies,
        "latest": row.latest,
        "protected": row.protected,
        "lastUpdate": f"{row.last_update:%Y-%m-%dT%H:%M:%S.%f}Z",
    }

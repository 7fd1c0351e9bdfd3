# SPDX-License-Identifier: Apache-2.0
"""Explorer's list of studies: search, pages, counts, and what is done with all that match."""

import time
from dataclasses import replace

from fastapi import Response

from pons.catalog import Search
from pons.catalog.counting import Count
from pons.catalog.list_order import read_cursor
from pons.catalog.study_order import study_order
from pons.dicom.main_tags import main_tags
from pons.errors import BadRequest
from pons_gateway.dependencies import BackendsDep
from pons_gateway.models.held_studies import HeldStudy, StudiesTold
from pons_gateway.models.study_lists import (
    MOST_NAMED,
    Asked,
    Chosen,
    CountOfRows,
    DeletionPlan,
    Facets,
    IdentifiersAsked,
    Labelled,
    LabelsAsked,
    ListedPage,
    PageAsked,
    Without,
)
from pons_gateway.resources.study_lists import (
    change_labels,
    count_json,
    counts_without,
    facet_json,
    further_tags,
    held_json,
    plan_json,
    row_json,
    search_of,
    terms_of,
    understood,
)
from pons_gateway.responses.answers import JSON_TYPE, Answer, json_answer, json_bytes, json_list
from pons_gateway.routers import tag_tree
from pons_gateway.routing import Router, page, writes

router = Router(tag_tree.router.title, tag_tree.router.description, prefix="/explorer/api")


@router.post("/studies", summary="A page of a list of studies", response_model=ListedPage)
@page
async def studies(asked: PageAsked, backends: BackendsDep) -> Response:
    """Rows in the order asked for, and what was understood. `Server-Timing` tells what it took."""
    began = time.perf_counter()
    lists, terms, order = backends.catalog.study_lists, terms_of(asked), study_order(asked.sort)
    search = search_of(asked, terms)
    after = None if asked.after is None else read_cursor(asked.after, order)
    further = further_tags(asked.columns, main_tags(backends.settings.index.extra_main_tags))
    read = time.perf_counter()
    found = await lists.page(search, order, after, asked.limit)
    count = None
    if after is None and found.next is None:
        count = Count(len(found.rows), exact=True)
    elif search == Search("Study"):
        count = await lists.count(search)
    database = time.perf_counter() - read
    body = json_bytes(
        {
            "rows": [row_json(row, further) for row in found.rows],
            "next": found.next and found.next.encode(),
            "understood": understood(asked, terms),
            "count": count and count_json(count),
        }
    )
    total = time.perf_counter() - began
    timing = f"db;dur={database * 1000:.1f}, total;dur={total * 1000:.1f}".encode()
    return Answer(body, 200, JSON_TYPE, (b"server-timing", timing))


@router.post("/studies/count", summary="How many studies there are", response_model=CountOfRows)
@page
async def count(asked: Asked, backends: BackendsDep) -> Response:
    """Counted where that takes no longer than a second; else about so many, which is said."""
    search = search_of(asked, terms_of(asked))
    return json_answer(count_json(await backends.catalog.study_lists.count(search)))


@router.post(
    "/studies/facets", summary="Labels and modalities of studies, counted", response_model=Facets
)
@page
async def facets(asked: Asked, backends: BackendsDep) -> Response:
    """Of all that match; null where counting takes too long."""
    search, lists = search_of(asked, terms_of(asked)), backends.catalog.study_lists
    return json_answer(
        {
            "labels": facet_json(await lists.labels(search)),
            "modalities": facet_json(await lists.modalities(search)),
        }
    )


@router.post(
    "/studies/without",
    summary="How many studies there are without each part of what is asked",
    response_model=list[Without],
)
@page
async def losses(asked: Asked, backends: BackendsDep) -> Response:
    """Each word of the text, then each filter. After five seconds the rest is left out."""
    return json_answer(await counts_without(asked, backends.catalog.study_lists))


@router.post(
    "/studies/identifiers", summary="Identifiers of all that match", response_model=list[str]
)
@page
async def identifiers(asked: IdentifiersAsked, backends: BackendsDep) -> Response:
    """In order of arrival, as they are read; no more than the limit."""
    search = replace(search_of(asked, terms_of(asked)), limit=asked.limit)
    return await json_list(backends.catalog.search_ids(search))


@router.post(
    "/studies/held",
    summary="Which studies that others tell of are here",
    response_model=list[HeldStudy],
)
@page
async def held(asked: StudiesTold, backends: BackendsDep) -> Response:
    """Those that are not here are left out."""
    told = [(one.study_uid, one.patient_id) for one in asked.studies]
    return json_answer([held_json(one) for one in await backends.catalog.study_lists.held(told)])


@router.post(
    "/delete/plan", summary="What deleting studies would take", response_model=DeletionPlan
)
@page
async def delete_plan(chosen: Chosen, backends: BackendsDep) -> Response:
    """Nothing is deleted; studies of protected patients are counted apart."""
    lists = backends.catalog.study_lists
    if chosen.query is not None:
        return json_answer(
            plan_json(await lists.plan(search_of(chosen.query, terms_of(chosen.query))), [])
        )
    return json_answer(plan_json(*await lists.plan_of(chosen.studies or [])))


@router.post(
    "/labels", summary="Put labels on studies, and take others off", response_model=Labelled
)
@page
@writes
async def labels(asked: LabelsAsked, backends: BackendsDep) -> Response:
    """May be repeated. Raises BadRequest where a search finds more than one request changes."""
    studies = asked.studies or []
    if asked.query is not None:
        search = replace(search_of(asked.query, terms_of(asked.query)), limit=MOST_NAMED + 1)
        studies = [one async for some in backends.catalog.search_ids(search) for one in some]
        if len(studies) > MOST_NAMED:
            raise BadRequest(
                f"More than {MOST_NAMED} studies match", "ask for fewer, or name them in parts"
            )
    missing = await change_labels(studies, asked.add, asked.remove, backends.ask)
    changed = len(dict.fromkeys(studies)) - len(missing)
    return json_answer({"changed": changed, "missing": missing})

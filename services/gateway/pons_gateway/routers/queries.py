# SPDX-License-Identifier: Apache-2.0
"""Queries to modalities (C-FIND): their answers are kept until they are deleted or too old."""

from typing import Annotated, Any

from fastapi import Body, Depends, Path, Query, Request, Response
from fastapi.responses import PlainTextResponse

from pons.dicom.levels import LEVELS, PLURAL
from pons.dicom.orthanc_json import format_tags
from pons.messages.egress import AnsweredQuery, FindModality
from pons_gateway.backends import Backends
from pons_gateway.dependencies import BackendsDep
from pons_gateway.errors import UnknownItem
from pons_gateway.models import queries
from pons_gateway.models.jobs import SubmittedJob
from pons_gateway.models.queries import (
    BelowRequest,
    Index,
    OfAnswer,
    OfQuery,
    QueryRequest,
    RetrieveBody,
)
from pons_gateway.models.retrieval import RetrievalContent
from pons_gateway.models.tags import StyleQuery, Tags
from pons_gateway.query import Flag
from pons_gateway.resources.asking import (
    ask_below,
    ask_modality,
    levels_below,
    shown_answer,
    shown_answers,
)
from pons_gateway.resources.retrieving import retrieve_answers
from pons_gateway.resources.sending import ended
from pons_gateway.responses.answers import done, json_answer, json_list, text_answer
from pons_gateway.responses.media_types import takes_text
from pons_gateway.routing import Router, or_text

router = Router("Queries", "What modalities were asked for by C-FIND, and what they answered.")

Name = Annotated[str, Path(description="Name of the modality.")]
QueryId = Annotated[str, Path(alias="id", description="Identifier, as lists give it.")]
Number = Annotated[Index, Path(alias="index", description="Number of the answer, from 0 on.")]
Expand = Annotated[Flag, Query(description="Give answers instead of their numbers.")]
Style = Annotated[StyleQuery, Query()]
Retrieved = Annotated[RetrieveBody, Body(default_factory=RetrieveBody)]


async def query_of(query_id: QueryId, backends: BackendsDep) -> AnsweredQuery:
    """The query in the path. Raises `NotFound`."""
    return await backends.queries.get(query_id)


QueryDep = Annotated[AnsweredQuery, Depends(query_of)]


async def number_of(index: Number, query: QueryDep) -> int:
    """The number of an answer that there is. Raises `UnknownItem`."""
    if not 0 <= index < query.count:
        raise UnknownItem(f"The query has {query.count} answers, and none has the number {index}")
    return index


NumberDep = Annotated[int, Depends(number_of)]


@router.post(
    "/modalities/{name}/query",
    summary="Ask a modality for patients, studies, series or instances (C-FIND)",
    response_model=queries.Query,
)
async def ask(name: Name, body: QueryRequest, backends: BackendsDep) -> Response:
    """Once all answers have come. An answer of 500 says why not all of them did."""
    query = await ask_modality(
        backends,
        FindModality(
            modality=name,
            level=body.Level,
            query=body.Query,
            normalize=body.Normalize,
            local_aet=body.LocalAet,
            timeout=body.Timeout or None,
        ),
    )
    return json_answer(made(query))


@router.get("/queries", summary="List queries", response_model=list[str])
async def list_queries(backends: BackendsDep) -> Response:
    return json_answer(await backends.queries.ids())


@router.get("/queries/{id}", summary="What can be done with a query", response_model=list[OfQuery])
async def operations(_query: QueryDep) -> Response:
    return json_answer(["answers", "level", "modality", "query", "retrieve"])


@router.delete("/queries/{id}", summary="Forget a query and its answers", response_class=Response)
async def delete(query_id: QueryId, backends: BackendsDep) -> Response:
    """It is no error where there is none."""
    await backends.queries.delete(query_id)
    return done()


@router.get(
    "/queries/{id}/level",
    summary="The level that was asked for",
    response_class=PlainTextResponse,
)
async def level(query: QueryDep) -> Response:
    return text_answer(query.level)


@router.get(
    "/queries/{id}/modality",
    summary="The name of the modality that was asked",
    response_class=PlainTextResponse,
)
async def modality(query: QueryDep) -> Response:
    return text_answer(query.modality)


@router.get("/queries/{id}/query", summary="What was asked for", response_model=Tags)
async def original(query: QueryDep, asked: Style) -> Response:
    return json_answer(format_tags(dict(sorted(query.query.items())), asked.style))


@router.get(
    "/queries/{id}/answers",
    summary="List the answers to a query",
    response_model=list[str] | list[Tags],
)
async def list_answers(
    query: QueryDep, asked: Style, backends: BackendsDep, expand: Expand = False
) -> Response:
    """Their numbers, or with `expand` themselves."""
    if not expand:
        return json_answer([str(index) for index in range(query.count)])
    return await json_list(shown_answers(backends, query, asked.style))


@router.get(
    "/queries/{id}/answers/{index}",
    summary="What can be done with an answer",
    response_model=list[OfAnswer],
)
async def answer_operations(_index: NumberDep, query: QueryDep) -> Response:
    below = [f"query-{PLURAL[level]}" for level in levels_below(query)]
    return json_answer(["content", "retrieve", *below])


@router.get("/queries/{id}/answers/{index}/content", summary="Show an answer", response_model=Tags)
async def content(
    index: NumberDep, query: QueryDep, asked: Style, backends: BackendsDep
) -> Response:
    return json_answer(shown_answer(await backends.queries.answer(query, index), asked.style))


@router.post(
    "/queries/{id}/retrieve",
    summary="Retrieve what all answers tell of (C-MOVE or C-GET), as a job",
    response_model=RetrievalContent | SubmittedJob,
    openapi_extra=takes_text("AE title that it goes to; empty: this store.", "PONS"),
)
@or_text
async def retrieve(query: QueryDep, body: Retrieved, backends: BackendsDep) -> Response:
    """What was retrieved, once the job has ended; with `Asynchronous` the job that goes on."""
    return await retrieved(backends, query, None, body)


@router.post(
    "/queries/{id}/answers/{index}/retrieve",
    summary="Retrieve what an answer tells of (C-MOVE or C-GET), as a job",
    response_model=RetrievalContent | SubmittedJob,
    openapi_extra=takes_text("AE title that it goes to; empty: this store.", "PONS"),
)
@or_text
async def retrieve_answer(
    index: NumberDep, query: QueryDep, body: Retrieved, backends: BackendsDep
) -> Response:
    """As for all of them."""
    return await retrieved(backends, query, index, body)


async def retrieved(
    backends: Backends, query: AnsweredQuery, index: int | None, body: RetrieveBody
) -> Response:
    job_id = await retrieve_answers(backends, query, index, body)
    if not body.synchronous:
        return json_answer({"ID": job_id, "Path": f"/jobs/{job_id}"})
    return json_answer((await ended(backends, job_id)).content)


async def below(
    request: Request, index: NumberDep, query: QueryDep, body: BelowRequest, backends: BackendsDep
) -> Response:
    """The answer's identifiers are added to the query."""
    plural = request.scope["route"].path.rpartition("-")[2]
    lower = next(one for one in LEVELS if PLURAL[one] == plural)
    command = FindModality(
        modality=query.modality,
        level=lower,
        query=body.Query,
        normalize=body.Normalize,
        local_aet=body.LocalAet or query.local_aet,
        timeout=body.Timeout or query.timeout,
    )
    return json_answer(made(await ask_below(backends, query, index, lower, command)))


for plural in ("studies", "series", "instances"):
    router.post(
        f"/queries/{{id}}/answers/{{index}}/query-{plural}",
        summary=f"Ask the same modality for the {plural} of an answer (C-FIND)",
        response_model=queries.Query,
    )(below)


def made(query: AnsweredQuery) -> dict[str, Any]:
    return {"ID": query.id, "Path": f"/queries/{query.id}"}

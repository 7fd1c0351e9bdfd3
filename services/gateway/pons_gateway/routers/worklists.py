# SPDX-License-Identifier: Apache-2.0
"""Worklist entries: what is scheduled, for modalities to ask for by C-FIND."""

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import Depends, Path, Query, Request, Response

from pons.catalog.worklists import KeptWorklist
from pons.dicom.orthanc_json import Style, format_elements
from pons.errors import NotFound
from pons.messages.index import DeleteWorklist, PutWorklist
from pons.messages.services import Done
from pons.objects import new_key
from pons.objects.bodies import freed, pieces
from pons.worklists.entry import (
    LARGEST_ENTRY,
    all_tags,
    check_step,
    from_file,
    from_tags,
    study_uid,
    with_study_uid,
    writing,
)
from pons.worklists.matching import Elements
from pons_gateway.backends import Backends
from pons_gateway.bodies.gathering import gathered, limited
from pons_gateway.dependencies import BackendsDep
from pons_gateway.files.revisions import ask_revised
from pons_gateway.models.worklists import MadeWorklist, Worklist, WorklistBody, WorklistFormat
from pons_gateway.resources.configuration import RevisionDep
from pons_gateway.responses.answers import done, json_answer, json_list
from pons_gateway.responses.media_types import DICOM, takes
from pons_gateway.routing import Router, writes

LARGEST_FILE = 4 * LARGEST_ENTRY

router = Router("Worklists", "What is scheduled, for modalities to ask for (modality worklist).")

Format = Annotated[WorklistFormat, Query()]


async def id_of(
    text: Annotated[str, Path(alias="id", description="Identifier, as lists give it.")],
) -> UUID:
    """The identifier in the path. Raises `NotFound` for what is none."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(
            f"There is no worklist {text!r:.100}", "GET /worklists lists those there are"
        ) from None


Identifier = Annotated[UUID, Depends(id_of)]


@router.get("/worklists", summary="List worklist entries", response_model=list[Worklist])
async def list_worklists(asked: Format, backends: BackendsDep) -> Response:
    """Those that the store keeps, the oldest first; files of `worklists.folder` are not listed."""

    async def shown_pages() -> AsyncIterator[list[Any]]:
        async for page in backends.catalog.worklists.pages():
            yield [shown(one, asked.style) for one in page]

    return await json_list(shown_pages())


@router.post(
    "/worklists/create", summary="Make a worklist entry of attributes", response_model=MadeWorklist
)
@writes
async def create(body: WorklistBody, backends: BackendsDep) -> Response:
    """Modalities find it from now on, until it ends, or is old (`worklists.keep_hours`)."""
    return await made(backends, checked(body))


@router.post(
    "/worklists",
    summary="Make a worklist entry of a DICOM file",
    response_model=MadeWorklist,
    openapi_extra=takes(DICOM),
)
@writes
async def create_from_file(request: Request, backends: BackendsDep) -> Response:
    """Such as DCMTK's `dump2dcm` makes."""
    body = await gathered(limited(request, LARGEST_FILE), backends.objects, LARGEST_FILE)
    with freed(body):
        content = b"".join(pieces(body))
    return await made(backends, from_file(content, backends.live.now.default_charset))


@router.get("/worklists/{id}", summary="Show a worklist entry", response_model=Worklist)
async def show(worklist_id: Identifier, asked: Format, backends: BackendsDep) -> Response:
    found = await backends.catalog.worklists.find(worklist_id)
    if found is None:
        raise NotFound(
            f"There is no worklist {worklist_id}", "GET /worklists lists those there are"
        )
    answer = json_answer(shown(found, asked.style))
    answer.headers["etag"] = f'"{found.revision}"'
    return answer


@router.put("/worklists/{id}", summary="Replace a worklist entry", response_model=MadeWorklist)
@writes
async def replace(
    worklist_id: Identifier, body: WorklistBody, revision: RevisionDep, backends: BackendsDep
) -> Response:
    """All of it: what the body lacks is not in the entry any more, but for its StudyInstanceUID."""
    return await made(backends, checked(body), worklist_id, revision)


@router.delete("/worklists/{id}", summary="End a worklist entry", response_class=Response)
@writes
async def delete(worklist_id: Identifier, revision: RevisionDep, backends: BackendsDep) -> Response:
    """No modality finds it any more."""
    await ask_revised(backends, DeleteWorklist(worklist_id, revision), Done)
    return done()


def checked(body: WorklistBody) -> Elements:
    """The entry that a body describes. Raises `BadRequest`."""
    elements = from_tags(body.Tags)
    if not body.Force:
        check_step(elements)
    return elements


async def made(
    backends: Backends,
    elements: Elements,
    replaced: UUID | None = None,
    revision: int | None = None,
) -> Response:
    """Keep an entry; the answer that names it. `revision` is that of the one it replaces."""
    if backends.settings.worklists.set_study_uid:
        elements = with_study_uid(elements, await study_of(backends, replaced))
    command: PutWorklist = writing(
        replaced or new_key(), elements, replace=replaced is not None, revision=revision
    )
    await ask_revised(backends, command, Done)
    made_id = str(command.worklist_id)
    return json_answer({"ID": made_id, "Path": f"/worklists/{made_id}"})


async def study_of(backends: Backends, worklist_id: UUID | None) -> str:
    """The StudyInstanceUID of an entry that is there: a modality may be making images of it."""
    kept = None if worklist_id is None else await backends.catalog.worklists.find(worklist_id)
    return study_uid(msgspec.json.decode(kept.tags)) if kept else ""


def shown(one: KeptWorklist, style: Style) -> dict[str, Any]:
    """An entry as Orthanc shows it, with all of its text."""
    elements = msgspec.json.decode(one.tags)
    return {
        "ID": str(one.id),
        "Tags": format_elements(elements, style, all_tags(elements)),
        "CreationDate": f"{one.created:%Y%m%dT%H%M%S}",
    }

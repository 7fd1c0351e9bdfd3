# SPDX-License-Identifier: Apache-2.0
"""Labels: words that clients put on resources."""

from typing import Annotated

from fastapi import Depends, Path, Response

from pons.dicom.labels import LABEL
from pons.errors import BadRequest
from pons.messages.index import DeleteLabel, PutLabel
from pons.messages.services import Done
from pons_gateway.dependencies import BackendsDep, LevelDep, ResourceId
from pons_gateway.errors import known
from pons_gateway.responses.answers import done, json_answer, silent
from pons_gateway.routing import LevelRouter, writes

router = LevelRouter("Labels", "Words that clients put on resources, to find them by.")

Word = Annotated[str, Path(alias="label", description="The label.")]


async def valid_label(word: Word) -> str:
    """A label that can be put and taken off. Raises `BadRequest` for what is none."""
    if LABEL.fullmatch(word) is None:
        raise BadRequest("A label has 1 to 64 letters, digits, _ or -")
    return word


Label = Annotated[str, Depends(valid_label)]


async def labels_of(level: LevelDep, identifier: ResourceId, backends: BackendsDep) -> list[str]:
    """The labels of a resource. Raises `NotFound` for an unknown one."""
    return known(await backends.catalog.labels(level, identifier))


LabelsDep = Annotated[list[str], Depends(labels_of)]


@router.get("/{id}/labels", summary="List the labels of a {level}", response_model=list[str])
async def list_labels(labels: LabelsDep) -> Response:
    """In ascending order."""
    return json_answer(labels)


@router.get(
    "/{id}/labels/{label}",
    summary="Whether a {level} has a label (404: no)",
    response_class=Response,
)
async def show(word: Word, labels: LabelsDep) -> Response:
    """200 and 404 have no body; of an unknown resource, 404 has one."""
    return done() if word in labels else silent(404)


@router.put("/{id}/labels/{label}", summary="Put a label on a {level}", response_class=Response)
@writes
async def put(
    level: LevelDep, identifier: ResourceId, label: Label, backends: BackendsDep
) -> Response:
    """The label is there afterwards; to put it twice is no error."""
    await backends.ask("index", PutLabel(level, identifier, label), Done)
    return done()


@router.delete(
    "/{id}/labels/{label}", summary="Take a label off a {level}", response_class=Response
)
@writes
async def delete(
    level: LevelDep, identifier: ResourceId, label: Label, backends: BackendsDep
) -> Response:
    """The label is not there afterwards; to take it off twice is no error."""
    await backends.ask("index", DeleteLabel(level, identifier, label), Done)
    return done()

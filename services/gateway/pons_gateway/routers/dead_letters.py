# SPDX-License-Identifier: Apache-2.0
"""What was received and could not be indexed: seen, tried again, or let be."""

from typing import Annotated

from fastapi import Query, Response

from pons.errors import NotFound
from pons.messages.index import DismissDeadLetter
from pons.messages.services import Done
from pons.objects.stored_file import forms_of
from pons_gateway.dependencies import BackendsDep
from pons_gateway.files.file_answer import file_answer
from pons_gateway.models.dead_letters import DeadLetter, LetterNumber, LettersQuery, Retried
from pons_gateway.resources.long_commands import retry_letters
from pons_gateway.resources.resource_json import letter_json
from pons_gateway.responses.answers import done, json_answer
from pons_gateway.responses.media_types import DICOM, NO_BODY, answers
from pons_gateway.routing import Router, writes

router = Router(
    "Dead letters",
    "What was received and kept but could not be indexed, which is a fault of the store's.",
    prefix="/tools/dead-letters",
)


@router.get("", summary="Dead letters, oldest first", response_model=list[DeadLetter])
async def list_letters(asked: Annotated[LettersQuery, Query()], backends: BackendsDep) -> Response:
    """Those that nobody has dismissed."""
    letters = await backends.catalog.dead_letters.listed(asked.since or 0, asked.most)
    return json_answer([letter_json(letter) for letter in letters])


@router.get("/{letter}", summary="One dead letter, dismissed or not", response_model=DeadLetter)
async def show_letter(number: LetterNumber, backends: BackendsDep) -> Response:
    """Raises NotFound for an unknown one, and for one that is in the index now."""
    letter = await backends.catalog.dead_letters.find(number)
    if letter is None:
        raise NotFound("There is no such dead letter")
    return json_answer(letter_json(letter))


@router.get(
    "/{letter}/file",
    summary="The file that a dead letter is about, as it was received",
    response_class=Response,
    responses=answers(DICOM),
)
async def file_of_letter(number: LetterNumber, backends: BackendsDep) -> Response:
    """Also of one that is dismissed. Raises NotFound for an unknown one, where nobody knows its
    file, and where that is gone."""
    letter = await backends.catalog.dead_letters.find(number)
    if letter is None:
        raise NotFound("There is no such dead letter")
    if letter.object_key is None:
        raise NotFound("Nobody knows which file it is about", letter.reason)
    stored, *_ = await forms_of(backends.objects, letter.object_key)
    return await file_answer(
        backends.objects, stored, stored.size, DICOM, f"dead-letter-{number}.dcm"
    )


@router.post(
    "/retry",
    summary="Try every dead letter again that nobody has dismissed",
    response_model=Retried,
)
@writes
async def retry_all(backends: BackendsDep) -> Response:
    """Answered when all were tried; who hangs up ends it."""
    return json_answer(await retry_letters(None, backends.ask))


@router.post("/{letter}/retry", summary="Try a dead letter again", response_model=Retried)
@writes
async def retry_one(number: LetterNumber, backends: BackendsDep) -> Response:
    """Also one that is dismissed. Raises NotFound for an unknown one."""
    return json_answer(await retry_letters([number], backends.ask))


@router.delete(
    "/{letter}",
    summary="Let a dead letter be: it is not listed or counted any more, and its file stays",
    **NO_BODY,
)
@writes
async def dismiss(number: LetterNumber, backends: BackendsDep) -> Response:
    """Raises NotFound for an unknown one."""
    await backends.ask("index", DismissDeadLetter(number), Done)
    return done()

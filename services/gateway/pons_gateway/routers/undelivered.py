# SPDX-License-Identifier: Apache-2.0
"""What could not be delivered to other systems: seen by destination, tried again, or let go."""

from typing import Annotated

from fastapi import Depends, Path, Query, Response

from pons.jobs import DeadLetters
from pons_gateway.dependencies import BackendsDep
from pons_gateway.models.undelivered import (
    Resumed,
    Undelivered,
    UndeliveredJob,
    UndeliveredQuery,
    WhichDestination,
    letter_json,
    page,
)
from pons_gateway.responses.answers import done, json_answer
from pons_gateway.responses.media_types import NO_BODY
from pons_gateway.routing import Router

router = Router(
    "Undelivered",
    "Jobs whose destination did not take what they were to send, after all their tries.",
    prefix="/jobs/dead-letters",
)


async def letters_of(backends: BackendsDep) -> DeadLetters:
    return DeadLetters(backends.jobs)


LettersDep = Annotated[DeadLetters, Depends(letters_of)]
LetterId = Annotated[str, Path(alias="letter", description="Identifier of the job.")]
Which = Annotated[WhichDestination, Query()]


@router.get(
    "",
    summary="What was not delivered, oldest first, with causes",
    response_model=list[Undelivered],
)
async def list_letters(
    asked: Annotated[UndeliveredQuery, Query()], letters: LettersDep
) -> Response:
    """A job is here once its tries are used up, or its destination has refused for good."""
    listed = await letters.listed(asked.destination)
    return json_answer([letter_json(letter) for letter in page(listed, asked)])


@router.get("/{letter}", summary="One of them, with all of it", response_model=UndeliveredJob)
async def show_letter(letter: LetterId, letters: LettersDep) -> Response:
    """Raises NotFound for an unknown one, and for a job that is no dead letter any more."""
    job = await letters.find(letter)
    return json_answer({**letter_json(job.document), "Content": job.content})


@router.post("/retry", summary="Try them again, from where they stopped", response_model=Resumed)
async def retry_all(which: Which, letters: LettersDep) -> Response:
    """All, or those of one destination. Answered at once; `/jobs` tells how they fare."""
    return json_answer({"Jobs": await letters.retry_all(which.destination)})


@router.post(
    "/{letter}/retry", summary="Try one again, from where it stopped", response_model=Resumed
)
async def retry_one(letter: LetterId, letters: LettersDep) -> Response:
    """Raises NotFound for an unknown one."""
    await letters.retry(letter)
    return json_answer({"Jobs": [letter]})


@router.delete(
    "/{letter}", summary="Let it go: what it was to send is not sent any more", **NO_BODY
)
async def let_go(letter: LetterId, letters: LettersDep) -> Response:
    """Raises NotFound for an unknown one."""
    await letters.delete(letter)
    return done()

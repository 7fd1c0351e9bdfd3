# SPDX-License-Identifier: Apache-2.0
"""What was received and could not be indexed: seen, tried again, or let be."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pons.catalog.dead_letters import DeadLetter
from pons.errors import NotFound
from pons.messages.index import DismissDeadLetter, Retried, RetryDeadLetters
from pons.messages.services import Done
from pons_gateway.answers import done, json_answer
from pons_gateway.backends import Backends
from pons_gateway.legacy import Group
from pons_gateway.parameters import Number
from pons_gateway.resource_json import timestamp
from pons_gateway.routes.resources import ID

PATIENCE = 600.0
"""Seconds that one command may take: each file is read again."""
DEFAULT_LIMIT = 100
MAX_LIMIT = 1000

SINCE = Number("since", "Only what came after this number.", lenient=True)
LIMIT = Number("limit", "So many at most; 100 without.", lenient=True)
FOLDER = "/tools/dead-letters"
EXAMPLE = {
    "ID": 3,
    "Reason": "the database refuses a value (SQLSTATE 54000)",
    "Since": "20240102T101112",
    "LastRetry": None,
    "Dismissed": None,
    "Object": "0192f0c1-7a3b-7c11-9f6e-2d5c8a4b9e10",
    "Instances": [
        {
            "Patient": ID,
            "Study": ID,
            "Series": ID,
            "Instance": ID,
            "StudyInstanceUID": "1.2.3",
            "SeriesInstanceUID": "1.2.3.4",
            "SOPInstanceUID": "1.2.3.4.5",
            "Object": "0192f0c1-7a3b-7c11-9f6e-2d5c8a4b9e10",
        }
    ],
}
RETRIED = {"Indexed": [3], "Failed": {"4": "The file is not there any more"}}

GROUP = Group(
    "Dead letters",
    "What was received and kept but could not be indexed, which is a fault of the store's.",
)


@GROUP.get(FOLDER, "Dead letters, oldest first", query=(SINCE, LIMIT), example=[EXAMPLE])
async def list_letters(request: Request, backends: Backends) -> Response:
    limit = min(LIMIT(request) or DEFAULT_LIMIT, MAX_LIMIT)
    letters = await backends.catalog.dead_letters.listed(SINCE(request) or 0, limit)
    return json_answer([_letter_json(letter) for letter in letters])


@GROUP.get(f"{FOLDER}/{{letter}}", "One dead letter, dismissed or not", example=EXAMPLE)
async def show_letter(request: Request, backends: Backends) -> Response:
    letter = await backends.catalog.dead_letters.find(_number(request))
    if letter is None:
        raise NotFound("There is no such dead letter")
    return json_answer(_letter_json(letter))


@GROUP.post(
    f"{FOLDER}/retry",
    "Try every dead letter again that nobody has dismissed",
    example=RETRIED,
    writes=True,
)
async def retry_all(_request: Request, backends: Backends) -> Response:
    return json_answer(await _retry(backends, None))


@GROUP.post(f"{FOLDER}/{{letter}}/retry", "Try a dead letter again", example=RETRIED, writes=True)
async def retry_one(request: Request, backends: Backends) -> Response:
    return json_answer(await _retry(backends, [_number(request)]))


@GROUP.delete(
    f"{FOLDER}/{{letter}}",
    "Let a dead letter be: it is not listed or counted any more, and its file stays",
    gives="",
    writes=True,
)
async def dismiss(request: Request, backends: Backends) -> Response:
    await backends.ask("index", DismissDeadLetter(_number(request)), Done)
    return done()


async def _retry(backends: Backends, letters: list[int] | None) -> dict[str, Any]:
    """Ask for part after part; who hangs up ends it."""
    indexed: list[int] = []
    failed: dict[str, str] = {}
    following: int | None = 0
    while following is not None:
        part = RetryDeadLetters(letters, following)
        answer: Retried = await backends.ask("index", part, Retried, within=PATIENCE)
        indexed += answer.indexed
        failed |= {str(number): why for number, why in answer.failed.items()}
        following = answer.next
    return {"Indexed": indexed, "Failed": failed}


def _number(request: Request) -> int:
    text: str = request.path_params["letter"]
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise NotFound("There is no such dead letter", "their numbers are listed by " + FOLDER)
    return int(text)


def _letter_json(letter: DeadLetter) -> dict[str, Any]:
    moments = {"LastRetry": letter.tried, "Dismissed": letter.dismissed}
    return {
        "ID": letter.number,
        "Reason": letter.reason,
        "Since": timestamp(letter.since),
        **{name: None if moment is None else timestamp(moment) for name, moment in moments.items()},
        "Object": None if letter.object_key is None else str(letter.object_key),
        "Instances": [
            {
                "Patient": instance.ids.patient,
                "Study": instance.ids.study,
                "Series": instance.ids.series,
                "Instance": instance.ids.instance,
                "StudyInstanceUID": instance.study_uid,
                "SeriesInstanceUID": instance.series_uid,
                "SOPInstanceUID": instance.sop_instance_uid,
                "Object": str(instance.object_key),
            }
            for instance in letter.instances
        ],
    }

# SPDX-License-Identifier: Apache-2.0
"""Retrieving what answers to a query tell of (C-MOVE, C-GET), as jobs of egress."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from pons.dicom.levels import Level
from pons.errors import BadRequest
from pons.jobs import RetrieveRequest, submit_retrieve
from pons.jobs.retrieve import (
    ACCESSION_NUMBER,
    LEVEL_TAG,
    LEVEL_WORDS,
    UNIQUE_KEYS,
    Identifier,
    identifier_of,
)
from pons.messages.egress import AnsweredQuery
from pons.messages.modality import Modality
from pons_gateway.backends import Backends
from pons_gateway.errors import telling_unknown_items
from pons_gateway.models.queries import RetrieveBody

PATIENT, STUDY, SERIES, INSTANCE = UNIQUE_KEYS.values()
NAMING: dict[Level, tuple[str, ...]] = {
    "Patient": (PATIENT,),
    "Study": (STUDY,),
    "Series": (STUDY, SERIES),
    "Instance": (STUDY, SERIES, INSTANCE),
}
"""What names an entity of each level, at patient root or study root (PS3.4 C.6)."""
SHOWN = (ACCESSION_NUMBER, *UNIQUE_KEYS.values())
LARGEST_REQUEST = 256 * 1024
"""Bytes of the identifiers of a job, which is kept and rewritten as one message."""


async def retrieve_answers(
    backends: Backends, query: AnsweredQuery, index: int | None, body: RetrieveBody
) -> str:
    """Have one answer retrieved, or all of them; gives the id of the job.

    Raises `BadRequest` for answers that do not say what they are of, and for too many.
    """
    level = query.level
    if level == "Worklist":
        raise BadRequest("What a worklist tells of cannot be retrieved")
    with telling_unknown_items():
        modality = await backends.modalities.read(query.modality)
    default_aet = backends.settings.dicom.aet
    asked = RetrieveRequest(
        modality=query.modality,
        method=_method(body, modality, backends),
        identifiers=[],
        target_aet=body.TargetAet,
        synchronous=body.synchronous,
        priority=body.Priority or 0,
        permissive=body.Permissive,
        local_aet=query.local_aet,
        timeout=body.Timeout or query.timeout or 0.0,
        user_data=body.UserData,
    )
    if asked.method == "C-GET" and body.TargetAet not in ("", asked.local(modality, default_aet)):
        raise BadRequest(
            f"C-GET brings instances to this store alone, not to {body.TargetAet!r}",
            'give "RetrieveMethod": "C-MOVE"',
        )
    shown: list[Identifier] = []
    size = 0
    async for page in _answers(backends, query, index):
        for answer in page:
            tags = _told(answer)
            shown.append({**tags, LEVEL_TAG: LEVEL_WORDS[level]})
            keys = {tag: tags[tag] for tag in NAMING[level] if tags.get(tag)}
            asked.identifiers.append(identifier_of(level, keys))
        size += len(msgspec.msgpack.encode(shown[-len(page) :]))
        if size > LARGEST_REQUEST:
            raise BadRequest(
                "The query has more answers than one job can retrieve",
                "ask more precisely, or retrieve them one by one",
            )
    if not shown:
        raise BadRequest("The query has no answers that could be retrieved")
    return await submit_retrieve(
        backends.jobs, asked, modality, default_aet, style=body.style, shown=shown
    )


def _method(body: RetrieveBody, modality: Modality, backends: Backends) -> Any:
    wanted = (body.RetrieveMethod, modality.retrieve_method)
    default = backends.settings.egress.retrieve_method
    return next((one for one in wanted if one != "SystemDefault"), default)


async def _answers(
    backends: Backends, query: AnsweredQuery, index: int | None
) -> AsyncIterator[list[bytes]]:
    if index is not None:
        yield [await backends.queries.answer(query, index)]
        return
    async for page in backends.queries.pages(query):
        yield page


def _told(answer: bytes) -> Identifier:
    """What an answer says of what it is of, by tag."""
    elements: dict[str, Any] = msgspec.json.decode(answer)
    return {
        tag: str(next(iter(elements[tag].get("Value", ())), "") or "")
        for tag in SHOWN
        if tag in elements
    }

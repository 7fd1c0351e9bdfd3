# SPDX-License-Identifier: Apache-2.0
"""Explorer's view of what was sent."""

from fastapi import Response

from pons.catalog.sent import Sent
from pons_gateway.dependencies import BackendsDep
from pons_gateway.models.sent import SentAsked, SentPage, SentRow
from pons_gateway.responses.answers import json_answer
from pons_gateway.routers import tag_tree
from pons_gateway.routing import Router, page

router = Router(tag_tree.router.title, tag_tree.router.description, prefix="/explorer/api")


@router.post("/sent", summary="What was sent, newest first", response_model=SentPage)
@page
async def sent(asked: SentAsked, backends: BackendsDep) -> Response:
    """The log of `/exports`, by destination and patient."""
    rows, more = await backends.catalog.sent.page(
        asked.destination, asked.patient, asked.before, asked.limit
    )
    told = SentPage(rows=[_row(one) for one in rows], next=rows[-1].seq if more else None)
    return json_answer(told.model_dump(by_alias=True))


def _row(one: Sent) -> SentRow:
    return SentRow(
        seq=one.seq,
        level=one.level,
        id=one.resource_id,
        destination=one.destination,
        patient_id=one.patient_id,
        patient_name=one.patient_name,
        description=one.description,
        study=one.study,
        study_uid=one.study_uid,
        date=f"{one.date:%Y-%m-%dT%H:%M:%S.%f}Z",
    )

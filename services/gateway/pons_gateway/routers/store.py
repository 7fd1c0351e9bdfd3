# SPDX-License-Identifier: Apache-2.0
"""What Explorer's page of the store shows."""

from typing import Annotated

from fastapi import Query, Response

from pons_gateway.dependencies import BackendsDep
from pons_gateway.models.store_history import HistoryQuery, StoreHistory, history_of
from pons_gateway.responses.answers import json_answer
from pons_gateway.routing import Router, page

router = Router("Store", "What the store did lately.", prefix="/explorer/api")


@router.get(
    "/rates",
    summary="What came, what is held and what waited, step by step, for a week",
    response_model=StoreHistory,
)
@page
async def rates(asked: Annotated[HistoryQuery, Query()], backends: BackendsDep) -> Response:
    """The present step is not over, and left out. Raises Unavailable while the database is away."""
    steps = await backends.catalog.history.read(asked.hours, asked.seconds)
    return json_answer(history_of(steps, asked.seconds).model_dump(by_alias=True))

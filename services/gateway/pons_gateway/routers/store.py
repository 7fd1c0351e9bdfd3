# SPDX-License-Identifier: Apache-2.0
"""What Explorer's page of the store shows."""

import asyncio
from typing import Annotated

from fastapi import Query, Response

from pons.messages.services import SERVICES
from pons.objects.free_space import disk_of
from pons_gateway.dependencies import BackendsDep
from pons_gateway.models.store_history import HistoryQuery, StoreHistory, history_of
from pons_gateway.models.store_state import (
    ServicesPresent,
    StoreState,
    process_of,
    store_state,
)
from pons_gateway.responses.answers import json_answer
from pons_gateway.routing import Router, page

router = Router(
    "Store", "What the store is, who serves it, and what it did.", prefix="/explorer/api"
)


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


@router.get("/store", summary="What the store is and how full it is", response_model=StoreState)
@page
async def store(backends: BackendsDep) -> Response:
    """No secret is in it. Raises Unavailable while the database is away."""
    totals = await backends.catalog.totals()
    disk = await asyncio.to_thread(disk_of, backends.settings.storage)
    return json_answer(store_state(backends.settings, totals, disk).model_dump(by_alias=True))


@router.get(
    "/services",
    summary="Every process of the store that answers, and whether it is well",
    response_model=ServicesPresent,
)
@page
async def services(backends: BackendsDep) -> Response:
    """Answered within four seconds, and much sooner where all are well. Raises Unavailable."""
    present = await backends.call_roll()
    silent = sorted(set(SERVICES) - {one.service for one in present})
    told = ServicesPresent(processes=[process_of(one) for one in present], silent=silent)
    return json_answer(told.model_dump(by_alias=True))

# SPDX-License-Identifier: Apache-2.0
"""Operation: how much is logged, what is measured, the store's end and new start."""

from typing import Annotated

from fastapi import Depends, Request, Response

from pons.remotes.live import CATEGORIES
from pons.runtime.exit_codes import RESTART_STORE, STOP_STORE
from pons_gateway.bodies.text import FlagBody, TextBody
from pons_gateway.dependencies import BackendsDep
from pons_gateway.models.answers import Done
from pons_gateway.operation.log_levels import put_verbosity, verbosity_of
from pons_gateway.operation.prometheus import exposition
from pons_gateway.responses.answers import Answer, done, json_answer, text_answer
from pons_gateway.responses.media_types import NO_BODY, gives_text, takes_text
from pons_gateway.routing import Router

EXPOSITION_TYPE = (b"content-type", b"text/plain; version=0.0.4")

ALL = "/tools/log-level"
OF_CATEGORY = f"{ALL}-"

router = Router("Operation", "How much is logged, what is measured, and the store's end.")

_verbosity = takes_text("default, verbose or trace.", "verbose")


@router.get(
    ALL,
    summary="How much is logged by every service: default, verbose or trace",
    **gives_text("default"),
)
async def log_level(backends: BackendsDep) -> Response:
    """That of the category `generic`."""
    return text_answer(verbosity_of("generic", backends.live))


@router.put(
    ALL,
    summary="Change how much is logged by every service",
    openapi_extra=_verbosity,
    **NO_BODY,
)
async def put_log_level(verbosity: TextBody, backends: BackendsDep) -> Response:
    """It is that of every category then. Raises BadRequest for a word that is none of the three."""
    await put_verbosity(verbosity, CATEGORIES, backends.live)
    return done()


async def category_of(request: Request) -> str:
    """The category that the path of the route ends with."""
    path: str = request.scope["route"].path
    return path.removeprefix(OF_CATEGORY)


CategoryDep = Annotated[str, Depends(category_of)]


async def log_level_of(category: CategoryDep, backends: BackendsDep) -> Response:
    """Orthanc's categories; those that are nothing here are kept, too."""
    return text_answer(verbosity_of(category, backends.live))


async def put_log_level_of(
    category: CategoryDep, verbosity: TextBody, backends: BackendsDep
) -> Response:
    """Raises BadRequest for a word that is none of the three."""
    await put_verbosity(verbosity, [category], backends.live)
    return done()


for _category in CATEGORIES:
    router.add_api_route(
        f"{OF_CATEGORY}{_category}",
        log_level_of,
        methods=["GET"],
        summary=f"How much is logged of category {_category}: default, verbose or trace",
        **gives_text("default"),
    )
    router.add_api_route(
        f"{OF_CATEGORY}{_category}",
        put_log_level_of,
        methods=["PUT"],
        summary=f"Change how much is logged of category {_category}",
        openapi_extra=_verbosity,
        **NO_BODY,
    )


@router.get(
    "/tools/metrics",
    summary="Whether /tools/metrics-prometheus has values",
    **gives_text("1"),
)
async def metrics(backends: BackendsDep) -> Response:
    """1 or 0."""
    return text_answer(str(int(backends.live.now.metrics)))


@router.put(
    "/tools/metrics",
    summary="Turn the metrics on or off",
    openapi_extra=takes_text("1 or true, 0 or false.", "1"),
    **NO_BODY,
)
async def put_metrics(flag: FlagBody, backends: BackendsDep) -> Response:
    """The metrics of the health ports stay as they are."""
    await backends.live.put(metrics=flag)
    return done()


@router.get(
    "/tools/metrics-prometheus",
    summary="What is stored and under way, for Prometheus (more: /metrics of each health port)",
    **gives_text("orthanc_count_studies 12 1735689600000\n"),
)
async def metrics_prometheus(backends: BackendsDep) -> Response:
    """Empty where the metrics are turned off."""
    text = await exposition(backends) if backends.live.now.metrics else ""
    return Answer(text.encode(), 200, EXPOSITION_TYPE)


@router.post(
    "/tools/reset",
    summary="Forget what REST changed of the settings, and start the services again",
    response_model=Done,
)
async def reset(backends: BackendsDep) -> Response:
    """Answered before the services end."""
    await backends.live.reset()
    backends.health.end(RESTART_STORE)
    return json_answer({})


@router.post(
    "/tools/shutdown",
    summary="Stop the store; where services are supervised one by one, the gateway starts again",
    response_model=Done,
)
async def shutdown(backends: BackendsDep) -> Response:
    """Answered before the store ends."""
    backends.health.end(STOP_STORE)
    return json_answer({})

# SPDX-License-Identifier: Apache-2.0
"""Operation: how much is logged, what is measured, the store's end and new start."""

from collections.abc import Iterable
from typing import Annotated, get_args

from fastapi import Depends, Request, Response

from pons.errors import BadRequest
from pons.remotes.live import CATEGORIES, Verbosity
from pons.runtime.exit_codes import RESTART_STORE, STOP_STORE
from pons_gateway.backends import Backends
from pons_gateway.bodies.text import LONGEST_SHOWN, FlagBody, TextBody
from pons_gateway.dependencies import BackendsDep
from pons_gateway.models.answers import Done
from pons_gateway.operation.prometheus import exposition
from pons_gateway.responses.answers import Answer, done, json_answer, text_answer
from pons_gateway.responses.media_types import NO_BODY, gives_text, takes_text
from pons_gateway.routing import Router

EXPOSITION_TYPE = (b"content-type", b"text/plain; version=0.0.4")

VERBOSITIES: tuple[str, ...] = get_args(Verbosity)
ALL = "/tools/log-level"
OF_CATEGORY = f"{ALL}-"

router = Router("Operation", "How much is logged, what is measured, and the store's end.")


def verbosity_of(category: str, backends: Backends) -> str:
    """How much is logged of a category."""
    return backends.live.now.verbosity.get(category, "default")


async def put_verbosity(verbosity: str, categories: Iterable[str], backends: Backends) -> None:
    """Log so much of these categories, in every service. Raises `BadRequest` for another word."""
    if verbosity not in VERBOSITIES:
        wrong, expected = verbosity[:LONGEST_SHOWN], ", ".join(VERBOSITIES)
        raise BadRequest(f"The verbosity is one of {expected}, not {wrong!r}")
    live = backends.live
    await live.put(verbosity=live.now.verbosity | dict.fromkeys(categories, verbosity))


_verbosity = takes_text("default, verbose or trace.", "verbose")


@router.get(
    ALL,
    summary="How much is logged by every service: default, verbose or trace",
    **gives_text("default"),
)
async def log_level(backends: BackendsDep) -> Response:
    """That of the category `generic`."""
    return text_answer(verbosity_of("generic", backends))


@router.put(
    ALL,
    summary="Change how much is logged by every service",
    openapi_extra=_verbosity,
    **NO_BODY,
)
async def put_log_level(verbosity: TextBody, backends: BackendsDep) -> Response:
    """It is that of every category then. Raises BadRequest for a word that is none of the three."""
    await put_verbosity(verbosity, CATEGORIES, backends)
    return done()


async def category_of(request: Request) -> str:
    """The category that the path of the route ends with."""
    path: str = request.scope["route"].path
    return path.removeprefix(OF_CATEGORY)


CategoryDep = Annotated[str, Depends(category_of)]


async def log_level_of(category: CategoryDep, backends: BackendsDep) -> Response:
    """Orthanc's categories; those that are nothing here are kept, too."""
    return text_answer(verbosity_of(category, backends))


async def put_log_level_of(
    category: CategoryDep, verbosity: TextBody, backends: BackendsDep
) -> Response:
    """Raises BadRequest for a word that is none of the three."""
    await put_verbosity(verbosity, [category], backends)
    return done()


for _category in CATEGORIES:
    router.get(
        f"{OF_CATEGORY}{_category}",
        summary=f"How much is logged of category {_category}: default, verbose or trace",
        **gives_text("default"),
    )(log_level_of)
    router.put(
        f"{OF_CATEGORY}{_category}",
        summary=f"Change how much is logged of category {_category}",
        openapi_extra=_verbosity,
        **NO_BODY,
    )(put_log_level_of)


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

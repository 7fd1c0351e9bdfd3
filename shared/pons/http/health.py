# SPDX-License-Identifier: Apache-2.0
"""The health port: whether a service works, for orchestrators, and its metrics for Prometheus."""

from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from prometheus_client import make_asgi_app
from pydantic import BaseModel, Field
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

import pons
from pons.health.readiness import Health


class Liveness(BaseModel):
    """That the process runs."""

    service: str = Field(description="Name of the service.", examples=["index"])


class TaskReport(BaseModel):
    """What one background task says of itself."""

    last_success: str = Field("", description="When it last got on.")
    waiting_since: str = Field("", description="Since when it does not get on.")
    cause: str = Field("", description="Why, as far as it knows.")


class Readiness(Liveness):
    """Whether the service can do its work now; what has nothing to tell is left out."""

    ready: bool = Field(description="Whether nothing is missing.")
    failures: dict[str, str] = Field(description="What is missing, by name, and why.")
    shortages: dict[str, str] = Field({}, description="Where there is no room.")
    warnings: dict[str, str] = Field({}, description="What somebody should look at all the same.")
    tasks: dict[str, TaskReport] = Field({}, description="The background tasks by name.")


NOSNIFF = {"x-content-type-options": "nosniff"}
NOT_READY: dict[int | str, dict[str, Any]] = {
    503: {"model": Readiness, "description": "Not ready: the body says why"}
}


def live_answer(health: Health) -> Response:
    """Answers `/health/live`."""
    return JSONResponse(health.liveness(), headers=NOSNIFF)


async def ready_answer(health: Health) -> Response:
    """Answers `/health/ready`: 503 while something is missing."""
    report = await health.readiness()
    return JSONResponse(report, 200 if report["ready"] else 503, NOSNIFF)


def health_app(health: Health) -> FastAPI:
    """The application of a service's health port."""
    app = FastAPI(
        title=f"Pons {health.service}: health",
        version=pons.__version__,
        redirect_slashes=False,
        docs_url=None,  # its pages need files from elsewhere
        redoc_url=None,
    )

    @app.get("/health/live", summary="Whether the process runs", response_model=Liveness)
    async def live() -> Response:
        return live_answer(health)

    @app.get(
        "/health/ready",
        summary="Whether everything that the service needs works",
        response_model=Readiness,
        responses=NOT_READY,
    )
    async def ready() -> Response:
        return await ready_answer(health)

    app.router.routes.append(Route("/metrics", Measured(health), methods=["GET"]))
    return app


class Measured:
    """Prometheus' own application, told first how the service is now."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._metrics = make_asgi_app()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._health.measure()
        await self._metrics(scope, receive, send)

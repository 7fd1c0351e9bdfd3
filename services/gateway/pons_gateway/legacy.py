# SPDX-License-Identifier: Apache-2.0
"""Routes that are still written as tables of handlers, adapted to the application."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pons_gateway import openapi
from pons_gateway.backends import Backends
from pons_gateway.parameters import Parameter
from pons_gateway.routing import LeanRoute

Handler = Callable[[Request, Backends], Awaitable[Response]]

REST = "..."
"""Ends the name of a last parameter that takes all segments that are left, one at least."""

JSON = "application/json"
TEXT = "text/plain"


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: what answers it, and what its readers should know."""

    method: str
    path: str
    handler: Handler
    summary: str
    query: tuple[Parameter, ...] = ()
    takes: str = ""
    """Media type of the body that it takes, if any."""
    body: Any = None
    """An example of that body."""
    gives: str = JSON
    example: Any = None
    """An example of its answer."""
    public: bool = False
    """Answered without authentication."""
    pages: bool = False
    """Not there in a store without pages for people, as in Orthanc without its Explorer."""
    writes: bool = False
    """Not there in a store that is read-only, as in Orthanc."""

    @property
    def described_path(self) -> str:
        """The path as OpenAPI spells it, which has no word for a parameter of many segments."""
        return self.path.replace(f"{REST}}}", "}")


@dataclass(frozen=True, slots=True)
class Group:
    """Routes that belong together, as one chapter of the documentation."""

    title: str
    description: str
    routes: list[Route] = field(default_factory=list)

    def add(self, method: str, path: str, handler: Handler, summary: str, **more: Any) -> None:
        self.routes.append(Route(method, path, handler, summary, **more))

    def get(self, path: str, summary: str, **more: Any) -> Callable[[Handler], Handler]:
        return self._adding("GET", path, summary, more)

    def post(self, path: str, summary: str, **more: Any) -> Callable[[Handler], Handler]:
        return self._adding("POST", path, summary, more)

    def put(self, path: str, summary: str, **more: Any) -> Callable[[Handler], Handler]:
        return self._adding("PUT", path, summary, more)

    def delete(self, path: str, summary: str, **more: Any) -> Callable[[Handler], Handler]:
        return self._adding("DELETE", path, summary, more)

    def _adding(
        self, method: str, path: str, summary: str, more: dict[str, Any]
    ) -> Callable[[Handler], Handler]:
        def add(handler: Handler) -> Handler:
            self.add(method, path, handler, summary, **more)
            return handler

        return add


def adapted(groups: Iterable[Group]) -> Iterator[LeanRoute]:
    """These routes as FastAPI's, documented as they were."""
    for group in groups:
        for route in group.routes:
            yield _adapted(route, group.title)


def _adapted(route: Route, title: str) -> LeanRoute:
    handler = route.handler

    async def endpoint(request: Request) -> Response:
        return await handler(request, request.app.state.backends)

    for mark in ("writes", "pages", "public"):
        if getattr(route, mark):
            endpoint.__dict__.setdefault("marks", set()).add("page" if mark == "pages" else mark)
    return LeanRoute(
        route.path.replace(f"{REST}}}", ":path}"),
        endpoint,
        methods=[route.method],
        tags=[title],
        summary=route.summary,
        openapi_extra=openapi.operation(route),
        response_model=None,
    )

# SPDX-License-Identifier: Apache-2.0
"""How a request finds its route: FastAPI's routers, behind a tree of path segments.

A path is looked up at the same cost for ten routes and for five hundred. The tree is built from the
routes of the application, and also knows what Orthanc makes of paths: slashes may come twice, what
only has paths below it is a directory, and `Allow` lists methods in Orthanc's order.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import structlog
from anyio import BrokenResourceError
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.datastructures import Default
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from pons.dicom.levels import LEVELS, PLURAL, Level
from pons.errors import DamagedObject
from pons_gateway.bodies.json import LONGEST_BODY, SHORT_BODY, JsonRequest
from pons_gateway.models.failures import FAILURES
from pons_gateway.query import reading_whole_queries
from pons_gateway.responses.answers import json_answer

log = structlog.get_logger()

METHODS = ("GET", "POST", "PUT", "DELETE")
"""The methods of Orthanc's interface, in the order in which it lists them in `Allow`."""
REST = ":path}"
"""Ends a last parameter that takes all segments that are left, one at least."""

Handler = Callable[[Request], Awaitable[Response]]
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def writes(endpoint: Endpoint) -> Endpoint:
    """Not there in a store that is read-only, as in Orthanc."""
    return _marked(endpoint, "writes")


def page(endpoint: Endpoint) -> Endpoint:
    """Not there in a store without pages for people, as in Orthanc without its Explorer."""
    return _marked(endpoint, "page")


def in_place_of_a_page(endpoint: Endpoint) -> Endpoint:
    """Not there where setting `http.ui_folder` names a page, which is served at these paths."""
    return _marked(endpoint, "in_place_of_a_page")


def or_text(endpoint: Endpoint) -> Endpoint:
    """A body that is no JSON is a text, as where one identifier will do."""
    return _marked(endpoint, "or_text")


def public(endpoint: Endpoint) -> Endpoint:
    """Answered without authentication; a body is a short one."""
    return _marked(endpoint, "public")


def _marked(endpoint: Endpoint, mark: str) -> Endpoint:
    endpoint.__dict__.setdefault("marks", set()).add(mark)
    return endpoint


def has_mark(route: BaseRoute, mark: str) -> bool:
    """Whether the route's endpoint has one of the marks above."""
    return mark in getattr(getattr(route, "endpoint", None), "marks", ())


class GatewayRoute(APIRoute):
    """FastAPI's route with five habits of ours.

    - It does not look at a JSON body's `Content-Type`, and curl calls what it posts a form: without
      that header FastAPI reads JSON (`strict_content_type=False`).
    - It reads bodies within bounds: see `JsonRequest`.
    - It reads a model of the query at once: see `reading_whole_queries`.
    - It looks again when an object is missing, which may have been deleted or replaced between its
      row and itself.
    - A client that leaves a stream of events is no error: see `until_left`.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        if self.is_sse_stream:
            self.app = until_left(self.app)
        self.app = AsyncExitStackMiddleware(self.app)  # which FastAPI has around all (`Gateway`)

    def get_route_handler(self) -> Callable[[Request], Any]:
        documented = self.dependant
        self.dependant = reading_whole_queries(documented)
        handler = super().get_route_handler()
        self.dependant = documented
        takes_json, takes_body = self.body_field is not None, self.methods != {"GET"}
        text_too = has_mark(self, "or_text")
        longest = SHORT_BODY if has_mark(self, "public") else LONGEST_BODY

        async def handle(request: Request) -> Response:
            if takes_json:
                headers = request.scope["headers"]
                request.scope["headers"] = [one for one in headers if one[0] != b"content-type"]
            if not takes_body:
                return await once_more(handler, request)
            async with AsyncExitStack() as held:
                body = JsonRequest(
                    request.scope, request.receive, held, or_text=text_too, longest=longest
                )
                return await once_more(handler, body)

        return handle


def until_left(app: ASGIApp) -> ASGIApp:
    """The application of a route that sends events, which ends quietly when its client has gone.

    FastAPI closes the stream between the endpoint and the client first, and ends those who write
    to it then: whoever was just writing raises.
    """

    async def send_events(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except* BrokenResourceError:
            log.debug("client left", path=scope["path"])

    return send_events


class LeanRoute(APIRoute):
    """A route whose endpoint is given the request alone, and answers itself.

    For the few that clients call by the thousand: FastAPI's own handling of a path parameter, a
    flag and a dependency costs more than the answer. The endpoint's parameters are documented by
    the `dependencies` of the route, which nobody solves.
    """

    def __init__(self, path: str, endpoint: Handler, **options: Any) -> None:
        super().__init__(path, endpoint, **options)

        async def lean(scope: Scope, receive: Receive, send: Send) -> None:
            request = Request(scope, receive, send)
            response = await once_more(endpoint, request)
            await response(scope, receive, send)

        self.app = lean


async def once_more(handler: Handler, request: Request) -> Response:
    """What the handler answers, or answers to a second try of a GET that missed an object."""
    try:
        return await handler(request)
    except DamagedObject as error:
        if request.scope["method"] != "GET" or error.what != "missing":
            raise
    return await handler(request)


class Router(APIRouter):
    """Routes that belong together, as one chapter of the documentation."""

    def __init__(self, title: str, description: str, **options: Any) -> None:
        super().__init__(
            tags=[title],
            route_class=GatewayRoute,
            responses=FAILURES,
            strict_content_type=False,
            **options,
        )
        self.title = title
        self.description = description

    def lean(
        self, path: str, method: str = "GET", **options: Any
    ) -> Callable[[Endpoint], Endpoint]:
        """A request by a `LeanRoute`."""

        def add(endpoint: Endpoint) -> Endpoint:
            self.add_api_route(
                path, endpoint, methods=[method], route_class_override=LeanRoute, **options
            )
            return endpoint

        return add


class LevelRouter(Router):
    """Each of its routes is there at every level: `{folder}` and `{level}` in texts are filled in.

    A path begins below `/patients`, `/studies`, `/series` and `/instances`; `LevelDep` tells an
    endpoint which of them was asked. `response_model` may be a table, by level.
    """

    def __init__(self, title: str, description: str, levels: Iterable[Level] = LEVELS) -> None:
        super().__init__(title, description)
        self.levels = tuple(levels)

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        summary = options.pop("summary", None) or ""
        model = options.pop("response_model", Default(None))
        for level in self.levels:
            folder = PLURAL[level]
            words = {"level": level.lower(), "folder": folder}
            super().add_api_route(
                f"/{folder}{path}",
                endpoint,
                summary=summary.format(**words),
                response_model=model[level] if isinstance(model, Mapping) else model,
                **options,
            )


class Node:
    """One segment of the paths: literal ones below it, or one parameter, or all that is left."""

    __slots__ = (
        *("allow", "children", "has_files", "mount", "parameter", "public", "rest", "routes"),
    )

    def __init__(self) -> None:
        self.children: dict[str, Node] = {}
        self.parameter: tuple[str, Node] | None = None
        self.rest: tuple[str, Node] | None = None
        self.routes: dict[str, APIRoute] = {}
        self.mount: ASGIApp | None = None
        self.allow = ""
        self.public = False
        self.has_files = False

    def child(self, segment: str) -> "Node":
        if not segment.startswith("{"):
            return self.children.setdefault(segment, Node())
        if segment.endswith(REST):
            self.rest = _same(self.rest, segment[1:].removesuffix(REST))
            return self.rest[1]
        self.parameter = _same(self.parameter, segment[1:-1])
        return self.parameter[1]

    @property
    def is_directory(self) -> bool:
        """Whether a GET lists what is below: nothing answers here, and literal names follow."""
        return bool(self.children) and not self.routes

    @property
    def names(self) -> list[str]:
        """What a directory lists: folders of files are none of Orthanc's paths."""
        return sorted(name for name, below in self.children.items() if not below.has_files)


class TreeRouter(APIRouter):
    """The application's router. Its tree is built once, when all routes are there."""

    def __init__(self, **options: Any) -> None:
        super().__init__(redirect_slashes=False, **options)
        self._root = Node()
        self.files: ASGIApp = super().app
        """Sends what `frontend` has, with FastAPI's own matching, where no route is."""

    def grow(self, routes: Iterable[BaseRoute]) -> None:
        """Add routes, which are complete: they are not changed by being here."""
        for route in routes:
            self.routes.append(route)
            self._add(route)

    def frontend(self, path: str, **options: Any) -> None:
        """As FastAPI's, whose own matching is asked for these paths alone."""
        super().frontend(path, **options)
        for node in self._nodes_of_files(path):
            node.has_files = True

    def publish_files(self, path: str) -> None:
        """Answer for the files of `frontend` at this path without authentication."""
        for node in self._nodes_of_files(path):
            node.public = True

    def is_public(self, path: str) -> bool:
        """Whether something at this path is answered without authentication."""
        node = self._find(path)[0]
        return node is not None and node.public

    def app(  # type: ignore[override] # is awaited, and need not be a coroutine of its own
        self, scope: Scope, receive: Receive, send: Send
    ) -> Awaitable[None]:
        """Pass a request on to its route, or to a file of `frontend`.

        Raises `HTTPException` 404 for an unknown path, and 405 with `Allow`.
        """
        if scope["type"] != "http":
            return super().app(scope, receive, send)
        path, method = scope["path"], scope["method"]
        node, parameters = self._find(path)
        if node is None:
            raise HTTPException(404)
        if node.mount is not None:
            return node.mount(scope, receive, send)
        route = node.routes.get(method)
        if route is not None:
            scope["path_params"] = parameters
            scope["route"], scope["endpoint"] = route, route.endpoint
            return route.app(scope, receive, send)
        if node.routes:
            raise HTTPException(405, headers={"allow": node.allow})
        if node.has_files:
            if method != "GET":
                raise HTTPException(405, headers={"allow": "GET"})
            return self.files(scope, receive, send)
        if method == "GET" and node.is_directory and path.strip("/"):
            return json_answer(node.names)(scope, receive, send)
        raise HTTPException(404)

    def _find(self, path: str) -> tuple[Node | None, dict[str, str]]:
        """The node of a path and the values of its parameters; slashes may come twice."""
        node = self._root
        parameters: dict[str, str] = {}
        segments = [segment for segment in path.split("/") if segment]
        for position, segment in enumerate(segments):
            below = node.children.get(segment)
            if below is None:
                if node.rest is not None:
                    name, below = node.rest
                    parameters[name] = "/".join(segments[position:])
                    return below, parameters
                if node.parameter is None:
                    return None, parameters
                name, below = node.parameter
                parameters[name] = segment
            elif below.mount is not None:
                return below, parameters
            node = below
        return node, parameters

    def _node(self, path: str) -> Node:
        """The node of a route's path, which is made where it is not there."""
        node = self._root
        for segment in filter(None, path.split("/")):
            node = node.child(segment)
        return node

    def _nodes_of_files(self, path: str) -> tuple[Node, Node]:
        """The node of a folder of files, and that of everything below it which is no route."""
        return self._node(path), self._node(f"{path}/{{path{REST}")

    def _add(self, route: BaseRoute) -> None:
        path = route.path if isinstance(route, Mount | APIRoute) else ""
        node = self._node(path)
        if isinstance(route, Mount):
            node.mount = route.app
            return
        if not isinstance(route, APIRoute):
            raise TypeError(f"{route!r} is no route of ours")
        for method in route.methods or ():
            if method in node.routes:
                raise ValueError(f"{method} {path} comes twice")
            node.routes[method] = route
        node.public |= has_mark(route, "public")
        node.allow = ",".join(method for method in METHODS if method in node.routes)


def _same(known: tuple[str, Node] | None, name: str) -> tuple[str, Node]:
    if known is not None and known[0] != name:
        raise ValueError(f"{{{name}}} is {{{known[0]}}} in another route")
    return known or (name, Node())

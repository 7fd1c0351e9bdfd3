# SPDX-License-Identifier: Apache-2.0
"""Which handler answers which method and path; also what the documentation is made from.

A path is looked up in a tree, at the same cost for ten routes and for five hundred.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pons_gateway.backends import Backends
from pons_gateway.parameters import Parameter

Handler = Callable[[Request, Backends], Awaitable[Response]]

METHODS = ("GET", "POST", "PUT", "DELETE")
"""The methods of Orthanc's interface, in the order in which it lists them in `Allow`."""

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


class Node:
    """One segment of the paths: literal ones below it, or one parameter, or all that is left."""

    __slots__ = ("allow", "children", "parameter", "public", "rest", "routes")

    def __init__(self) -> None:
        self.children: dict[str, Node] = {}
        self.parameter: tuple[str, Node] | None = None
        self.rest: tuple[str, Node] | None = None
        self.routes: dict[str, Route] = {}
        self.allow = ""
        self.public = False

    def child(self, segment: str) -> "Node":
        if not segment.startswith("{"):
            return self.children.setdefault(segment, Node())
        name = segment[1:-1]
        if name.endswith(REST):
            self.rest = _same(self.rest, name.removesuffix(REST))
            return self.rest[1]
        self.parameter = _same(self.parameter, name)
        return self.parameter[1]

    @property
    def is_directory(self) -> bool:
        """Whether a GET lists what is below: nothing answers here, and literal names follow."""
        return bool(self.children) and not self.routes


class Routes:
    """All routes of the gateway."""

    def __init__(self, groups: Iterable[Group]) -> None:
        self.groups = list(groups)
        self._root = Node()
        for route in self:
            self._add(route)

    def __iter__(self) -> Iterator[Route]:
        for group in self.groups:
            yield from group.routes

    def only(self, offered: Callable[[Route], bool]) -> "Routes":
        """Those that are offered; where none is left of a path, it is as if it never was."""
        return Routes(
            replace(group, routes=list(filter(offered, group.routes))) for group in self.groups
        )

    def find(self, path: str) -> tuple[Node, dict[str, str]] | None:
        """The node of a path and the values of its parameters; slashes may come twice."""
        node, parameters = self._root, {}
        segments = [segment for segment in path.split("/") if segment]
        for position, segment in enumerate(segments):
            below = node.children.get(segment)
            if below is None:
                if node.rest is not None:
                    name, below = node.rest
                    parameters[name] = "/".join(segments[position:])
                    return below, parameters
                if node.parameter is None:
                    return None
                name, below = node.parameter
                parameters[name] = segment
            node = below
        return node, parameters

    def _add(self, route: Route) -> None:
        node = self._root
        for segment in filter(None, route.path.split("/")):
            node = node.child(segment)
        if route.method in node.routes:
            raise ValueError(f"{route.method} {route.path} comes twice")
        node.routes[route.method] = route
        node.public |= route.public
        node.allow = ",".join(method for method in METHODS if method in node.routes)


def _same(known: tuple[str, Node] | None, name: str) -> tuple[str, Node]:
    if known is not None and known[0] != name:
        raise ValueError(f"{{{name}}} is {{{known[0]}}} in another route")
    return known or (name, Node())

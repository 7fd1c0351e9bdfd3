# SPDX-License-Identifier: Apache-2.0
"""HTTP requests as spans: those that are answered, and those that are asked of other services."""

import httpx
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pons.traces.attributes import Attribute
from pons.traces.spans import HEADER, Span, span, trace_headers

KNOWN_METHODS = frozenset(
    ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "MKCOL", "MOVE")
)
OTHER_METHOD = "_OTHER"
"""What OpenTelemetry calls a method that is none: a client may make up any number of them."""
_HEADER = HEADER.encode()


class Traced:
    """Tells each request as a span, which goes on from the `traceparent` that it may have.

    Of its path only the template is told: what stands for a variable, and what is asked for behind
    a question mark, may be a person's. Probes of health are not told.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/health/"):
            await self.app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in KNOWN_METHODS else OTHER_METHOD
        client = scope.get("client")
        about: dict[Attribute, str | int | float] = {Attribute.HTTP_METHOD: method}
        if client:
            about[Attribute.CLIENT_ADDRESS] = client[0]
        with span(method, "server", about, parent=_parent(scope)) as traced:

            async def told(message: Message) -> None:
                if message["type"] == "http.response.start":
                    _tell_status(traced, message["status"])
                await send(message)

            try:
                await self.app(scope, receive, told)
            finally:
                if template := getattr(scope.get("route"), "path", ""):
                    traced.rename(f"{method} {template}")
                    traced.set(Attribute.HTTP_ROUTE, template)


def _parent(scope: Scope) -> str:
    values = [value for name, value in scope["headers"] if name == _HEADER]
    return values[0].decode("latin-1") if len(values) == 1 else ""


def _tell_status(traced: Span, status: int) -> None:
    traced.set(Attribute.HTTP_STATUS, status)
    if status >= 500:
        traced.fail(str(status))


async def go_on(request: httpx.Request) -> None:
    """A hook of httpx: what is asked of another service is part of the same trace."""
    request.headers.update(trace_headers())

# SPDX-License-Identifier: Apache-2.0
"""Which method a request really has, and which are none of ours."""

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Receive, Scope, Send

from pons_gateway.responses.answers import silent
from pons_gateway.routing import METHODS

OTHER_METHODS = frozenset(
    (
        *("HEAD", "OPTIONS", "TRACE", "CONNECT", "PATCH"),
        *("PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK"),
    )
)
"""Words that HTTP and WebDAV know and that no route answers to; the share does."""
OVERRIDING = ("PUT", "DELETE")
"""For clients that know only GET and POST."""


class Methods:
    """`_method` in the query of a GET, `X-HTTP-Method-Override` of a POST: `scope["method"]` is
    what is meant, and `scope["overridden"]` what was sent instead. The WebDAV share (`is_shared`)
    has methods of its own."""

    def __init__(self, app: ASGIApp, *, is_shared: Callable[[str], bool]) -> None:
        self.app = app
        self._is_shared = is_shared

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http" and not self._is_shared(scope["path"]):
            method = scope["method"]
            if method not in METHODS:
                return silent(404 if method in OTHER_METHODS else 400)(scope, receive, send)
            if method == "POST" or (method == "GET" and b"_method" in scope["query_string"]):
                meant = _meant(method, scope)
                if meant is None:
                    return silent(400)(scope, receive, send)
                if meant != method:
                    scope["method"], scope["overridden"] = meant, method
        return self.app(scope, receive, send)


def _meant(method: str, scope: Scope) -> str | None:
    """The method that is meant; None for a word that overrides nothing."""
    if method == "GET":
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        word = query.get("_method", [None])[-1]
    else:
        headers = dict(scope["headers"])
        word = headers.get(b"x-http-method-override")
        word = None if word is None else word.decode("latin-1")
    if word is None:
        return method
    return word.upper() if word.upper() in OVERRIDING else None

# SPDX-License-Identifier: Apache-2.0
"""The ASGI application: Orthanc's conventions of HTTP around the handlers."""

from collections.abc import Mapping
from time import perf_counter
from typing import Any

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pons.errors import DamagedObject, Forbidden, NotFound, PonsError, log_text
from pons.objects.damage import notice
from pons_gateway import metrics
from pons_gateway.answers import PLAIN_TYPE, Answer, json_answer, silent
from pons_gateway.authentication import Authentication
from pons_gateway.backends import Backends
from pons_gateway.errors import HTTP_STATUS, describe, error_answer, orthanc_error
from pons_gateway.forms import compressed, preferred
from pons_gateway.routes import ROUTES, routes_of
from pons_gateway.routing import METHODS, Handler, Routes
from pons_gateway.webdav import PREFIX, Share

log = structlog.get_logger()

OTHER_METHODS = frozenset(
    [
        "HEAD",
        "OPTIONS",
        "TRACE",
        "CONNECT",
        "PATCH",
        "PROPFIND",
        "PROPPATCH",
        "MKCOL",
        "COPY",
        "MOVE",
        "LOCK",
        "UNLOCK",
    ]
)
"""Words that HTTP and WebDAV know and that no route answers to; buckets may."""

UNAUTHORIZED = Answer(
    b"", 401, (b"www-authenticate", b'Basic realm="Orthanc Secure Area", charset="UTF-8"')
)
CROSS_SITE = Forbidden(
    "A page of another site may not change anything here", "setting http.allow_cross_site"
)
MEGABYTE = 1024 * 1024


class Gateway:
    """Answers each request by its route, with Orthanc's statuses, headers and error bodies."""

    def __init__(
        self,
        backends: Backends,
        routes: Routes = ROUTES,
        buckets: Mapping[str, Handler] | None = None,
    ) -> None:
        """`buckets`: what answers, whatever the method, below a first segment of the path."""
        self._backends = backends
        self._routes = routes
        self._buckets = buckets or {}
        self._authentication = Authentication(backends.settings.http.users)
        self._describing = backends.settings.http.describe_errors
        self._compressing = backends.settings.http.compress_answers
        self._cross_site = backends.settings.http.allow_cross_site
        self._max_body = backends.settings.http.max_body_mb * MEGABYTE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        headers = dict(scope["headers"])
        with metrics.ACTIVE:
            try:
                answer = preferred(await self._answer(scope, receive), headers)
            except ClientDisconnect:
                return  # nobody is left to answer to
            if self._compressing:
                answer = await compressed(answer, headers)
            await answer(scope, receive, send)
        metrics.answered(scope["method"], answer.status_code, perf_counter() - started)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        path, method = scope["path"], scope["method"]
        found = self._routes.find(path)
        if found is None or not found[0].public:
            user = await self._authentication.user(scope["headers"])
            if user is None:
                return UNAUTHORIZED
            scope["user"] = user
        bucket = self._buckets.get(path.lstrip("/").partition("/")[0])
        if bucket is not None:
            refusal = self._refusal(method, scope) if method == "PUT" else None
            return refusal or await self._handled(bucket, Request(scope, receive), method, path)
        if method not in METHODS:
            return silent(404 if method in OTHER_METHODS else 400)
        if method != "GET" or b"_method" in scope["query_string"]:
            wanted = _overridden(method, scope)
            refusal = self._refusal(method, scope) if method in ("POST", "PUT") else None
            if wanted is None or refusal is not None:
                return silent(400) if refusal is None else refusal
            method = wanted
        if method != "GET" and self._is_from_another_site(scope):
            return error_answer(CROSS_SITE, method, path, describing=self._describing)
        if found is None:
            return self._unknown_uri(method, path)
        node, scope["path_params"] = found
        route = node.routes.get(method)
        if route is None:
            if method == "GET" and node.is_directory and path.strip("/"):
                return json_answer(sorted(node.children))
            if not node.routes:
                return self._unknown_uri(method, path)
            return Answer(b"", 405, (b"allow", node.allow.encode()))
        return await self._handled(route.handler, Request(scope, receive), method, path)

    async def _handled(self, handler: Any, request: Request, method: str, path: str) -> Response:
        try:
            response: Response = await self._told(handler, request, method)
        except PonsError as error:
            notice(error)
            if orthanc_error(error).http >= 500:
                log.warning("request failed", method=method, path=path, error=log_text(error))
            return error_answer(error, method, path, describing=self._describing)
        except ClientDisconnect:
            raise
        except Exception as error:  # the edge: anything else is a bug
            log.exception("request failed", method=method, path=path)
            return error_answer(error, method, path, describing=self._describing)
        return response

    async def _told(self, handler: Any, request: Request, method: str) -> Response:
        """What the handler answers. When an object is missing it looks again: that may have been
        deleted or replaced between its row and itself."""
        try:
            return await handler(request, self._backends)  # type: ignore[no-any-return]
        except DamagedObject as error:
            if method != "GET" or error.what != "missing":
                raise
        return await handler(request, self._backends)  # type: ignore[no-any-return]

    def _is_from_another_site(self, scope: Scope) -> bool:
        """Whether a page of another site sent this: browsers say so, programs do not.

        Such a page can send a form, or an image's address with `_method=delete`; a browser adds
        credentials that it remembers.
        """
        fetched_from = dict(scope["headers"]).get(b"sec-fetch-site", b"")
        return not self._cross_site and fetched_from == b"cross-site"

    def _unknown_uri(self, method: str, path: str) -> Answer:
        if not self._describing:
            return silent(404)
        # text/plain, so that no browser takes a path that was sent for HTML
        return describe(HTTP_STATUS[NotFound], "", method, path, PLAIN_TYPE)

    def _refusal(self, method: str, scope: Scope) -> Answer | None:
        """The answer to a body that is too large, or whose length is unknown."""
        for name, value in scope["headers"]:
            if name == b"content-length":
                return silent(413) if int(value) > self._max_body else None
            if name == b"transfer-encoding":
                return None
        return silent(411)


def _overridden(method: str, scope: Scope) -> str | None:
    """The method that is meant (PUT and DELETE for clients that know only GET and POST)."""
    if method == "GET":
        fake = Request(scope).query_params.get("_method")
    elif method == "POST":
        fake = Request(scope).headers.get("x-http-method-override")
    else:
        return method
    if fake is None:
        return method
    return fake.upper() if fake.upper() in ("PUT", "DELETE") else None


def create_app(backends: Backends) -> Gateway:
    """The application that serves `backends`."""
    buckets = {PREFIX: Share()} if backends.settings.webdav.enabled else {}
    return Gateway(backends, routes_of(backends.settings), buckets)

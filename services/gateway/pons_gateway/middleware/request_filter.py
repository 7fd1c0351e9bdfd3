# SPDX-License-Identifier: Apache-2.0
"""Asks scripts whether a request is let in."""

from collections.abc import Awaitable

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from pons.errors import Forbidden, ScriptUnavailable, Unavailable
from pons.lua.functions import INCOMING_HTTP
from pons.lua.scripts import ScriptFailed, Scripts
from pons_gateway.errors import error_answer

log = structlog.get_logger()

EXECUTE = "/tools/execute-script"
WAY_BACK = f"it was posted: POST {INCOMING_HTTP} = nil to {EXECUTE} takes it away"


class RequestFilter:
    """403 for a request that `IncomingHttpRequestFilter` does not let in, and 503 when that fails.

    It sees the method that the request ends with, after an override, and the path as the router
    takes it, whatever slashes come twice or at its end. What scripts of the store ask themselves is
    let in, as are public paths, by which those who run the store see how it is. Where the function
    was posted, and stands in no file of the settings, `/tools/execute-script` is let in as well:
    who may post scripts may replace it in any case, and a wrong one must not shut everybody out.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http" and not scope.get("lua"):
            scripts: Scripts = scope["app"].state.backends.lua
            if scripts.defines(INCOMING_HTTP) and not _is_open(scripts, scope):
                return self._if_let_in(scripts, scope, receive, send)
        return self.app(scope, receive, send)

    async def _if_let_in(
        self, scripts: Scripts, scope: Scope, receive: Receive, send: Send
    ) -> None:
        try:
            await _require(scripts, scope)
        except (Forbidden, Unavailable) as error:
            await error_answer(error, scope)(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _is_open(scripts: Scripts, scope: Scope) -> bool:
    """Whether a request is let in whatever the function says."""
    if _path(scope) == EXECUTE and scripts.is_posted(INCOMING_HTTP):
        return True
    is_public: bool = scope["app"].router.is_public(scope["path"])
    return is_public


def _path(scope: Scope) -> str:
    return "/" + "/".join(filter(None, scope["path"].split("/")))


async def _require(scripts: Scripts, scope: Scope) -> None:
    """Raises `Forbidden`, and `Unavailable` where a script cannot tell."""
    client = scope["client"]
    told = (
        scope["method"],
        _path(scope),
        client[0] if client else "",
        scope["user"],
        dict(Headers(scope=scope)),
    )
    try:
        outcome = await scripts.call(INCOMING_HTTP, *told, wanted="boolean")
    except ScriptFailed as error:
        log.error("lua filter failed", function=INCOMING_HTTP, error=str(error))
        raise ScriptUnavailable(
            "A Lua script could not tell whether to let the request in", _way_back(scripts)
        ) from error
    if not outcome.value:
        raise Forbidden("A Lua script does not let the request in", _way_back(scripts))


def _way_back(scripts: Scripts) -> str:
    """How a posted function is undone; nothing where the settings have it."""
    return WAY_BACK if scripts.is_posted(INCOMING_HTTP) else ""

# SPDX-License-Identifier: Apache-2.0
"""Refuses bodies that are too large, or whose length nobody knows, before they are read."""

from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from pons_gateway.responses.answers import silent


class BodyLength:
    """411 for a POST or PUT without a length, 413 for one of more than `most` bytes.

    A body that comes in chunks is counted by whoever reads it.
    """

    def __init__(self, app: ASGIApp, *, most: int, is_shared: Callable[[str], bool]) -> None:
        self.app = app
        self._most = most
        self._is_shared = is_shared

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http" and scope["method"] in ("POST", "PUT"):
            refused = self._refused(scope)
            if refused:
                return silent(refused)(scope, receive, send)
        return self.app(scope, receive, send)

    def _refused(self, scope: Scope) -> int:
        if self._is_shared(scope["path"]) and scope["method"] != "PUT":
            return 0
        for name, value in scope["headers"]:
            if name == b"content-length":
                return 413 if int(value) > self._most else 0
            if name == b"transfer-encoding":
                return 0
        return 411

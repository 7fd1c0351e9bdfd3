# SPDX-License-Identifier: Apache-2.0
"""Lets in whom the store knows."""

from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from pons_gateway.answers import Answer
from pons_gateway.authentication import Authentication

UNAUTHORIZED = Answer(
    b"", 401, (b"www-authenticate", b'Basic realm="Orthanc Secure Area", charset="UTF-8"')
)


class Authenticated:
    """401 without a user's password, except for what is public; `scope["user"]` is the user."""

    def __init__(
        self, app: ASGIApp, *, authentication: Authentication, is_public: Callable[[str], bool]
    ) -> None:
        self.app = app
        self._authentication = authentication
        self._is_public = is_public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            user: str | None = ""
            if self._authentication.needed and not self._is_public(scope["path"]):
                user = await self._authentication.user(scope["headers"])
            if user is None:
                await UNAUTHORIZED(scope, receive, send)
                return
            scope["user"] = user
        await self.app(scope, receive, send)

# SPDX-License-Identifier: Apache-2.0
"""Who may ask render: the store's gateways, by a secret that they share with it."""

import hmac

import structlog
from fastapi import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pons.settings import Settings, SettingsError, is_loopback

log = structlog.get_logger()


def refuse_to_be_open(settings: Settings) -> None:
    """Raise `SettingsError` where render would show every image to whoever reaches it."""
    host = settings.render.host
    if not settings.render.token and not is_loopback(host):
        raise SettingsError(
            f"render.host = {host!r} would let anyone see every image: set render.token, to the "
            "same secret for render and the gateway, or let render listen on loopback"
        )


class TokenRequired:
    """Answers 401 to whoever does not show the token, before anything is read or looked up."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or self._is_shown(scope):
            await self._app(scope, receive, send)
            return
        log.warning("a caller without the store's token is refused", path=scope["path"])
        await Response(status_code=401, headers={"www-authenticate": "Bearer"})(
            scope, receive, send
        )

    def _is_shown(self, scope: Scope) -> bool:
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        scheme, _, token = given.partition(b" ")
        return hmac.compare_digest(token, self._token) and scheme.lower() == b"bearer"

# SPDX-License-Identifier: Apache-2.0
"""How other services ask the render service."""

import httpx
import structlog

from pons.http.traced import go_on
from pons.settings import Settings

log = structlog.get_logger()

_CONNECT_SECONDS = 3
"""For one try, the name's lookup included: where replicas come and go, that is slow at times."""
_CONNECT_AGAIN = 2
"""More tries, one at once and one half a second later: a replica that ends is another's turn."""


def open_render(
    settings: Settings,
    connections: int | None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> httpx.AsyncClient:
    """What asks render, by so many connections at most, and shows it the store's token.

    `transport`: another way to it than a connection to `render_url`.
    """
    token = settings.render.token
    secure = httpx.URL(settings.render_url).scheme == "https"
    return httpx.AsyncClient(
        base_url=settings.render_url,
        headers={"authorization": f"Bearer {token}"} if token else {},
        timeout=render_timeout(settings.render.timeout + 5),
        trust_env=False,
        event_hooks={"request": [go_on]} if settings.traces.endpoint else None,
        transport=transport or _AskingAgain(connections, secure=secure),
    )


def render_timeout(silence: float | None) -> httpx.Timeout:
    """Seconds for an answer that keeps silent so long (None: for ever)."""
    return httpx.Timeout(silence, connect=_CONNECT_SECONDS)


class _AskingAgain(httpx.AsyncBaseTransport):
    """Connections to render, of which one that ends before its answer begins costs nothing.

    A replica that leaves closes those that are kept, at times just when they are used again. All
    that render is asked changes nothing, so it can be asked once more.
    """

    def __init__(self, connections: int | None, *, secure: bool) -> None:
        self._connections = httpx.AsyncHTTPTransport(
            # Without TLS no certificates of authorities are read, which takes 20 ms.
            verify=secure,
            limits=httpx.Limits(max_connections=connections),
            retries=_CONNECT_AGAIN,
            trust_env=False,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self._connections.handle_async_request(request)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError) as error:
            log.info("render is asked again", path=request.url.path, reason=repr(error))
        return await self._connections.handle_async_request(request)

    async def aclose(self) -> None:
        await self._connections.aclose()

# SPDX-License-Identifier: Apache-2.0
"""How other services ask the render service."""

import httpx

from pons.http.traced import go_on
from pons.settings import Settings


def open_render(
    settings: Settings,
    connections: int | None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> httpx.AsyncClient:
    """What asks render, by so many connections at most, and shows it the store's token.

    `transport`: another way to it than a connection to `render_url`.
    """
    patience = settings.render.timeout + 5
    token = settings.render.token
    return httpx.AsyncClient(
        base_url=settings.render_url,
        headers={"authorization": f"Bearer {token}"} if token else {},
        timeout=httpx.Timeout(patience, connect=2),
        limits=httpx.Limits(max_connections=connections),
        trust_env=False,
        event_hooks={"request": [go_on]} if settings.traces.endpoint else None,
        transport=transport,
    )

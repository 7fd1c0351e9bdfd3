# SPDX-License-Identifier: Apache-2.0
"""Asking the render service: its answer as it begins, and its body as it comes."""

from collections.abc import AsyncIterator

import httpx

from pons.errors import Unavailable


async def send(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    """The answer, whose body is still to be read (`body`). Raises `Unavailable`."""
    try:
        return await client.send(request, stream=True)
    except httpx.TimeoutException as error:
        raise Unavailable("The render service takes too long", repr(error)) from error
    except httpx.TransportError as error:
        raise Unavailable("The render service does not answer", repr(error)) from error


async def body(answer: httpx.Response) -> AsyncIterator[bytes]:
    """The pieces of the body; closing this hangs up, so that render stops."""
    try:
        async for piece in answer.aiter_raw():
            yield piece
    finally:
        await answer.aclose()

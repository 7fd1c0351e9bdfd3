# SPDX-License-Identifier: Apache-2.0
"""Asking the render service: its answer as it begins, and its body as it comes."""

from typing import Any

import httpx
import msgspec
import structlog
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from pons.errors import PonsError, TooLarge, Unavailable, named

log = structlog.get_logger()


async def send(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    """The answer, whose body is still to be read (`Relayed`).

    Raises `Unavailable`, also where render does not let this gateway in or lacks what it needs, and
    `TooLarge`.
    """
    answer = await _send(client, request)
    if answer.status_code == 503:
        raise await refusal(answer)
    if answer.status_code not in (401, 413):
        return answer
    await answer.aclose()
    if answer.status_code == 413:
        raise TooLarge("Too many resources for one archive")
    # Not passed on: a browser would ask for a password, and none would do.
    log.error("render refuses this gateway: is render.token the same for both?")
    raise Unavailable(
        "The render service refuses this gateway", "render.token has to be the same for both"
    )


class _Told(msgspec.Struct):
    """An answer of render that says why there is none."""

    error: str
    message: str
    kind: str = ""


async def refusal(answer: httpx.Response) -> PonsError:
    """What render could not do, or why it cannot answer now."""
    try:
        told = msgspec.json.decode(await answer.aread(), type=_Told)
    except (msgspec.MsgspecError, httpx.TransportError):
        # Of render's release before, of something between, or broken off: the status says enough.
        if answer.status_code == 503:
            return Unavailable("The render service cannot answer now", "try again shortly")
        return PonsError(f"Render answered {answer.status_code}")
    finally:
        await answer.aclose()
    return named(told.error, told.kind)(told.message)


async def _send(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    try:
        return await client.send(request, stream=True)
    except httpx.TimeoutException as error:
        log.warning("render takes too long", path=request.url.path, reason=repr(error))
        raise Unavailable("The render service takes too long") from error
    except httpx.TransportError as error:
        log.warning("render does not answer", path=request.url.path, reason=repr(error))
        raise Unavailable("The render service does not answer") from error


class Relayed(StreamingResponse):
    """Passes a body on as it comes, and hangs up when the client does, so that render stops.

    A body that ends too early breaks the connection to the client.
    """

    def __init__(self, answer: httpx.Response, **options: Any) -> None:
        super().__init__(answer.aiter_raw(), **options)
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except httpx.TransportError as error:
            # The server breaks the connection of an answer that is not completed.
            log.warning("answer broken off", path=scope["path"], reason=repr(error))
        finally:
            await self._answer.aclose()

# SPDX-License-Identifier: Apache-2.0
"""`RestApiGet` and its like: what scripts ask of this store's own REST."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import structlog

from pons.errors import BadRequest
from pons.http.client_tls import client_context
from pons.runtime.https import asking
from pons.settings import Settings
from pons.tls.certificates import Certificates

log = structlog.get_logger()

LARGEST_ANSWER = 24 * 1024 * 1024
SCHEME = "PonsScript"
"""Of the `Authorization` that scripts of this store show; its token is `lua.token`."""
ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 nothing listens here


class Rest:
    """Asks the gateway, as the store itself."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def ask(self, method: str, uri: Any, body: Any, headers: Any) -> bytes | bool | None:
        """The body of the answer, True of a DELETE; None when it is refused or not there, as the
        log tells then. Raises `BadRequest` for what cannot be asked."""
        path = uri.decode() if isinstance(uri, bytes) else ""
        if not path.startswith("/"):
            raise BadRequest("The path in REST is a text that begins with /")
        content = body_of(body)
        try:
            async with self._client.stream(
                method, path, content=content, headers=headers_of(headers)
            ) as answer:
                gathered = await gather(answer)
        except httpx.InvalidURL as error:  # which is no HTTPError
            raise BadRequest("The path in REST is none that can be asked") from error
        except httpx.HTTPError as error:
            log.error("lua cannot ask REST", method=method, path=path, error=repr(error))
            return None
        if answer.is_success:
            return True if method == "DELETE" else gathered
        if answer.status_code == 401:
            log.error("lua is not let in: is lua.token the same for all services?")
        log.error("lua is refused by REST", method=method, path=path, status=answer.status_code)
        return None


async def gather(answer: httpx.Response) -> bytes:
    """The body of an answer. Raises `BadRequest` when it is too large for a script."""
    gathered = bytearray()
    async for piece in answer.aiter_bytes():
        gathered += piece
        if len(gathered) > LARGEST_ANSWER:
            raise BadRequest(f"The answer is larger than {LARGEST_ANSWER >> 20} MiB")
    return bytes(gathered)


def body_of(body: Any) -> bytes:
    """The body that a script gives. Raises `BadRequest` for what is none."""
    if body is None:
        return b""
    if isinstance(body, bytes):
        return body
    if isinstance(body, int | float) and not isinstance(body, bool):
        return str(body).encode()
    raise BadRequest("The body is a text: DumpJson makes one of a table")


def headers_of(headers: Any) -> Mapping[str, str]:
    """HTTP headers that a script gives. Raises `BadRequest` for what is no table of texts."""
    if not headers:
        return {}
    if isinstance(headers, dict) and all(isinstance(value, str) for value in headers.values()):
        return headers
    raise BadRequest("HTTP headers are a table of texts")


class _OwnPort(httpx.AsyncBaseTransport):
    """Asks the port of this store, by the certificate that it has now."""

    def __init__(self, certificates: Certificates) -> None:
        self._certificates = certificates
        self._made: dict[ssl.SSLContext, httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        context = await asyncio.to_thread(self._certificates.context)
        if context not in self._made:
            self._made[context] = httpx.AsyncHTTPTransport(verify=context)
        return await self._made[context].handle_async_request(request)

    async def aclose(self) -> None:
        for transport in self._made.values():
            await transport.aclose()


async def _transport(settings: Settings) -> httpx.AsyncBaseTransport:
    """How REST is reached; that of `lua.url` is believed as others are whom scripts ask."""
    if settings.lua.url:
        egress = settings.egress
        context = await asyncio.to_thread(
            client_context, egress.https_ca_file, verify=egress.https_verify
        )
        return httpx.AsyncHTTPTransport(verify=context)
    if settings.http.tls_certificate:
        return _OwnPort(await asyncio.to_thread(asking, settings.http, {}))
    return httpx.AsyncHTTPTransport(verify=False)


@asynccontextmanager
async def open_rest(settings: Settings) -> AsyncIterator[Rest]:
    """REST of this store, for its scripts, as long as the block runs.

    Raises `Unavailable` where its certificate cannot be read.
    """
    host = ANY_ADDRESS.get(settings.http_host, settings.http_host)
    host = f"[{host}]" if ":" in host else host
    scheme = "https" if settings.http.tls_certificate else "http"
    url = settings.lua.url or f"{scheme}://{host}:{settings.http.port}"
    token = settings.lua.token
    async with httpx.AsyncClient(
        base_url=url,
        transport=await _transport(settings),
        headers={"Authorization": f"{SCHEME} {token}"} if token else {},
        timeout=settings.lua.event_timeout,
        trust_env=False,
        follow_redirects=False,
    ) as client:
        yield Rest(client)

# SPDX-License-Identifier: Apache-2.0
"""`HttpGet` and its like: what scripts ask of other systems over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import structlog

from pons.errors import BadRequest, Forbidden, RemoteFailure
from pons.http.addresses import Network, parse_networks, resolve
from pons.http.client_logs import hide_queries
from pons.http.client_tls import client_context
from pons.lua.rest import body_of, gather, headers_of
from pons.settings import Settings

log = structlog.get_logger()
hide_queries()


class Web:
    """Asks others, where webhooks might be asked, too."""

    def __init__(
        self, client: httpx.AsyncClient, denied: tuple[Network, ...], longest: float
    ) -> None:
        self._client = client
        self._denied = denied
        self._longest = longest

    async def ask(
        self,
        method: str,
        url: Any,
        body: Any,
        headers: Any,
        seconds: Any,
        user: Any,
        password: Any,
    ) -> bytes | None:
        """The body of the answer; None when there is none, or another status than success, as the
        log tells then. Raises `BadRequest` for what cannot be asked, `Forbidden` for where nothing
        may be."""
        target = _url(url)
        given = {**headers_of(headers), "Host": target.netloc.decode()}
        auth = httpx.BasicAuth(user, password or b"") if isinstance(user, bytes) and user else None
        timeout = min(float(seconds or self._longest), self._longest)
        told = {"method": method, "host": target.host}
        try:
            async with asyncio.timeout(timeout):
                port = target.port or (443 if target.scheme == "https" else 80)
                addresses = await resolve(target.host, port, self._denied)
                answer = await self._send(method, target, addresses, given, body_of(body), auth)
                try:
                    content = await gather(answer)
                finally:
                    await answer.aclose()
        except (httpx.HTTPError, RemoteFailure, TimeoutError) as error:
            log.error("lua has no answer", error=repr(error), **told)
            return None
        except Forbidden as error:
            log.error("lua may not ask there", error=str(error), **told)
            raise
        if answer.is_success:
            return content
        log.error("lua is refused", status=answer.status_code, **told)
        return None

    async def _send(
        self,
        method: str,
        url: httpx.URL,
        addresses: list[str],
        headers: dict[str, str],
        body: bytes,
        auth: httpx.BasicAuth | None,
    ) -> httpx.Response:
        """The answer of the first of a host's addresses that connects, its body unread."""
        failure: httpx.TransportError | None = None
        for address in addresses:
            request = self._client.build_request(
                method,
                url.copy_with(host=address),
                headers=headers,
                content=body,
                extensions={"sni_hostname": url.host},
            )
            try:
                return await self._client.send(request, stream=True, auth=auth)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = failure or error
        raise failure or httpx.ConnectError("the host has no address")


def _url(url: Any) -> httpx.URL:
    try:
        target = httpx.URL(url.decode() if isinstance(url, bytes) else "")
    except (httpx.InvalidURL, UnicodeDecodeError):
        target = httpx.URL("")
    if target.scheme not in ("http", "https") or not target.host:
        raise BadRequest("The URL is a text that begins with http:// or https://")
    return target


@asynccontextmanager
async def open_web(settings: Settings) -> AsyncIterator[Web]:
    """Others, for scripts of this store, as long as the block runs."""
    tls = settings.egress
    context = await asyncio.to_thread(client_context, tls.https_ca_file, verify=tls.https_verify)
    longest = settings.lua.event_timeout
    async with httpx.AsyncClient(
        verify=context, timeout=longest, trust_env=False, follow_redirects=False
    ) as client:
        yield Web(client, parse_networks(settings.routing.denied_networks), longest)

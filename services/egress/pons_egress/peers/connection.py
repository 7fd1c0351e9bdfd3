# SPDX-License-Identifier: Apache-2.0
"""Connections to a peer: TLS, who we are there, how long to wait, and what its answers mean.

Redirects are not followed, and no proxy is used but that of the settings: what is sent goes where
the peer's address says, or nowhere.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

import httpx
import msgspec

from pons.errors import BadRequest, RemoteFailure
from pons.http.traced import go_on
from pons.objects import Body
from pons.objects.bodies import read_body, size_of
from pons.remotes.contacts import address_of
from pons.remotes.peers import OtherStore
from pons.settings import EgressSettings
from pons_egress.calls import at, reached
from pons_egress.peers.tls import tls_context, why_not_connected

LONGEST_ANSWER = 512 * 1024
"""Bytes of an answer that is read: NATS carries 768 KiB."""
OCTETS = "application/octet-stream"
AT_LEAST = 64 * 1024
"""Bytes of an answer that have to come within the time that a peer has for any progress: one that
trickles would hold its job, and the place of others', for days."""
LONGEST_TOLD = 200
"""Characters of a peer's own words that an error repeats."""
SAME_FOR_ALL = {
    401: "does not know this name and password, or wants some",
    403: "does not let us do this",
    404: "has nothing there: is its Url that of its REST API?",
    405: "does not take this: is its Url that of its REST API?",
    407: "is asked through a proxy that wants another name and password (egress.http_proxy)",
}
"""Refusals that have nothing to do with what was sent."""
LATER = (408, 425, 429)
"""Refusals that another time need not meet."""

Content = Callable[[], AsyncIterator[bytes]]
"""Gives a body, again for each try."""


class Unreachable(RemoteFailure):
    """The peer cannot be connected to, or would refuse whatever comes.

    `status` is that of its answer, 0 where it has given none.
    """

    def __init__(self, message: str, status: int = 0, *, why: str = "") -> None:
        super().__init__(message, reached=status != 0, why=why)
        self.status = status


class Connection:
    """Connections to one peer, so many as are needed. Open it with `open_connection`.

    Every method raises `RemoteFailure` that says what happened, of which `Unreachable` concerns
    whatever would follow.
    """

    def __init__(
        self, name: str, client: httpx.AsyncClient, seconds: float, *, proxied: bool = False
    ) -> None:
        """`proxied` says that there is a proxy in between."""
        self._through = " with the proxy of egress.http_proxy" if proxied else ""
        self._name = name
        self._client = client
        self._seconds = seconds

    async def get(self, path: str) -> Any:
        """The JSON that it answers with."""
        return self._value(await self._ask("GET", path))

    async def fetch(self, path: str, longest: int) -> bytes:
        """What it answers with, up to `longest` bytes."""
        return await self._twice("GET", path, longest=longest)

    async def post(
        self, path: str, json: bytes = b"", *, longest: int = LONGEST_ANSWER, seconds: float = 0.0
    ) -> Any:
        """The JSON that it answers with, up to `longest` bytes, after so many `seconds` at most."""
        headers = {"content-type": "application/json", "content-length": str(len(json))}
        answer = await self._ask(
            "POST", path, partial(_once, json), headers, longest=longest, seconds=seconds
        )
        return self._value(answer)

    async def put(self, path: str, body: Body) -> None:
        """Put bytes there; the same once more where the connection breaks on the way."""
        headers = {"content-type": OCTETS, "content-length": str(size_of(body))}
        await self._twice("PUT", path, partial(read_body, body), headers)

    async def delete(self, path: str) -> None:
        await self._ask("DELETE", path)

    async def upload(self, content: Content, size: int, *, gzip: bool = False) -> Any:
        """Store a DICOM file there; what it answers.

        When the connection breaks on the way, the file is sent once more over another: a peer that
        has it already says so. What `content` raises comes out as it is.
        """
        headers = {"content-type": "application/dicom", "content-length": str(size)}
        if gzip:
            headers["content-encoding"] = "gzip"
        return self._value(await self._twice("POST", "instances", content, headers))

    def failure(self, what: str, theirs: str = "", *, final: bool = False) -> RemoteFailure:
        """The error that says `what` happened with this peer; `theirs` is what it says itself."""
        return RemoteFailure(self._told(what + theirs), final=final, why=what)

    def _unreachable(self, what: str, status: int = 0, theirs: str = "") -> Unreachable:
        return Unreachable(self._told(what + theirs), status, why=what)

    def _told(self, what: str) -> str:
        url = self._client.base_url
        return f"Peer {self._name!r} ({url.scheme}://{url.netloc.decode()}): {what}"

    def _value(self, body: bytes) -> Any:
        try:
            return msgspec.json.decode(body)
        except (msgspec.MsgspecError, RecursionError):
            what = "answered with something else than JSON: is its Url that of its REST API?"
            raise self.failure(what) from None

    async def _twice(self, *asked: Any, **options: Any) -> bytes:
        """As `_ask`, over another connection when one breaks: for what may be repeated."""
        try:
            return await self._ask(*asked, **options)
        except _Broken:
            return await self._ask(*asked, **options)

    async def _ask(
        self,
        method: str,
        path: str,
        content: Content | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
        *,
        longest: int = LONGEST_ANSWER,
        seconds: float = 0.0,
    ) -> bytes:
        patience = seconds or self._seconds
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(None) as deadline:

                def expect_more() -> None:
                    deadline.reschedule(loop.time() + patience)

                if content is None:
                    deadline.reschedule(loop.time() + self._seconds + patience)
                async with self._client.stream(
                    method,
                    path,
                    content=_then(content(), expect_more) if content else None,
                    headers=dict(headers),
                    timeout=httpx.Timeout(patience, connect=self._seconds, pool=None),
                ) as answer:
                    body = await self._read(answer, longest, expect_more)
        except httpx.ConnectTimeout as error:
            what = f"no connection{self._through} within {self._seconds:g} s"
            raise self._unreachable(what) from error
        except httpx.ConnectError as error:
            what = f"no connection{self._through}: {why_not_connected(error)}"
            raise self._unreachable(what) from error
        except httpx.ProxyError as error:
            what = "the proxy of egress.http_proxy does not connect us"
            raise self._unreachable(what, theirs=f": {error}") from error
        except (TimeoutError, httpx.ReadTimeout):
            raise self.failure(f"no answer within {patience:g} s") from None
        except httpx.WriteTimeout:
            raise self.failure(f"it takes no data for {patience:g} s") from None
        except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
            what = "closed the connection"
            raise _Broken(self._told(what), why=what) from error
        except httpx.HTTPError as error:
            raise self.failure("the request failed, the log has the cause") from error
        if not answer.is_success:
            raise self._refusal(answer.status_code, body)
        reached()
        return body

    async def _read(
        self, answer: httpx.Response, longest: int, expect_more: Callable[[], None]
    ) -> bytes:
        """The body. Only so much is read, and nothing is unpacked."""
        body, awaited = bytearray(), 0
        async for piece in answer.aiter_raw():
            if len(body) >= awaited:
                expect_more()
                awaited = len(body) + AT_LEAST
            body += piece
            if len(body) > longest:
                raise self.failure(f"its answer has more than {longest} bytes")
        return bytes(body)

    def _refusal(self, status: int, body: bytes) -> RemoteFailure:
        known = {one.value: one.phrase for one in HTTPStatus}
        answered = f"{status} {known.get(status, '')}".strip()
        if status in SAME_FOR_ALL:
            return self._unreachable(f"{SAME_FOR_ALL[status]} ({answered})", status)
        if 300 <= status < 400:
            what = f"sends us elsewhere ({answered}), where we do not go: correct its Url"
            return self._unreachable(what, status)
        final = 400 <= status < 500 and status not in LATER
        return self.failure(f"answered {answered}", _own_words(body), final=final)


@contextmanager
def needing_transfers(connection: Connection) -> Iterator[None]:
    """What a peer without accelerated transfers answers, told as that."""
    try:
        yield
    except Unreachable as error:
        if error.status != 404:
            raise
        what = "has no accelerated transfers: is the plugin there, if it is an Orthanc?"
        raise connection.failure(what) from error


class _Broken(RemoteFailure):
    """The connection was lost on the way; another may do."""


@asynccontextmanager
async def open_connection(
    name: str,
    peer: OtherStore,
    settings: EgressSettings,
    seconds: float = 0.0,
    more: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[Connection]:
    """Connections to the peer called `name`, as long as the block runs.

    `more` are headers that go with each request. Cookies that the peer sets come back to it, so
    that a balancer before it may keep what belongs together together.

    Raises `BadRequest` for what the peer's description asks for and cannot be.
    """
    at(address_of(peer))
    if peer.pkcs11:
        raise BadRequest(
            f"Peer {name!r} is to be shown a certificate whose key is in hardware (Pkcs11), "
            "which is not supported",
            "give CertificateFile and CertificateKeyFile, and set Pkcs11 to false",
        )
    patience = seconds or float(peer.timeout) or settings.http_timeout
    async with httpx.AsyncClient(
        base_url=_url(name, peer),
        auth=(peer.username, peer.password) if peer.username else None,
        headers=_headers(peer, more),
        verify=await asyncio.to_thread(tls_context, name, peer, settings),
        timeout=httpx.Timeout(patience, pool=None),
        limits=httpx.Limits(max_connections=settings.http_connections),
        follow_redirects=False,
        trust_env=False,
        proxy=settings.http_proxy or None,
        event_hooks={"request": [go_on]},
    ) as client:
        yield Connection(name, client, patience, proxied=bool(settings.http_proxy))


def _url(name: str, peer: OtherStore) -> httpx.URL:
    try:
        return httpx.URL(peer.url)
    except httpx.InvalidURL as error:
        raise BadRequest(f"The Url of peer {name!r} is no address") from error


def _headers(peer: OtherStore, more: Mapping[str, str]) -> dict[bytes, bytes]:
    """What goes with each request. Answers come as they are, so that none unpacks without bound."""
    own = {name.lower(): value for name, value in peer.http_headers.items()}
    sent = {**own, **more, "accept-encoding": "identity"}
    return {name.encode(): value.encode("latin-1") for name, value in sent.items()}


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _then(content: AsyncIterator[bytes], act: Callable[[], None]) -> AsyncIterator[bytes]:
    """The same pieces; when the last one has left, `act`."""
    async for piece in content:
        yield piece
    act()


def _own_words(body: bytes) -> str:
    """What Orthanc's and our own errors say; their details may quote a file, and are left out."""
    try:
        told = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError):
        return ""
    message = told.get("Message") if isinstance(told, dict) else None
    return f": {message[:LONGEST_TOLD]}" if isinstance(message, str) and message else ""

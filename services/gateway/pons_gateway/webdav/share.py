# SPDX-License-Identifier: Apache-2.0
"""The verbs of WebDAV (RFC 4918) on the share, as clients of Windows, macOS and Linux use them."""

import re
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import structlog
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from pons.errors import Forbidden, InvalidInstance
from pons.limits import MEGABYTE
from pons.messages.index import Deleted, DeleteResource
from pons_gateway.backends import Backends
from pons_gateway.bodies.gathering import limited
from pons_gateway.dependencies import deleter_of
from pons_gateway.responses.answers import Answer, silent
from pons_gateway.responses.media_types import DICOM
from pons_gateway.responses.streamed import begun
from pons_gateway.routing import once_more
from pons_gateway.uploads.upload import Received, origin_of, store_chunks
from pons_gateway.webdav.dropped import Dropped
from pons_gateway.webdav.multistatus import (
    BEGINNING,
    END,
    XML_TYPE,
    http_date,
    locked,
    multistatus,
    patched,
    properties,
)
from pons_gateway.webdav.nodes import Node, fixed
from pons_gateway.webdav.tree import roots

log = structlog.get_logger()

PREFIX = "webdav"
UPLOADS = "uploads"
LONGEST_SEGMENT = 1000
"""Characters; no name of the share is as long."""
LOCK_SECONDS = 3600
TOKEN = re.compile(r"<(opaquelocktoken:[0-9a-f-]{36})>")

Verb = Callable[["Place", Request, Backends], Awaitable[Response]]


class Place:
    """The path of a request, below the share."""

    def __init__(self, path: str) -> None:
        self.segments = [one for one in path.split("/") if one][1:]
        self.is_upload = self.segments[:1] == [UPLOADS] and len(self.segments) > 1
        self.upload = "/".join(self.segments[1:])

    @property
    def href(self) -> str:
        """The path without a slash at its end."""
        return "/" + "/".join([PREFIX, *self.segments])


def is_shared(path: str) -> bool:
    """Whether a path is the share's."""
    return path.lstrip("/").partition("/")[0] == PREFIX


class Share:
    """Answers every request below `/webdav`, with the same users as REST: an ASGI application."""

    def __init__(self) -> None:
        self._dropped = Dropped()
        self._verbs: dict[str, Verb] = {
            "GET": self._get,
            "HEAD": self._get,
            "PUT": self._put,
            "DELETE": self._delete,
            "OPTIONS": self._options,
            "PROPFIND": self._propfind,
            "PROPPATCH": self._proppatch,
            "MKCOL": self._mkcol,
            "LOCK": self._lock,
            "UNLOCK": self._unlock,
        }
        self._allow = (b"allow", ", ".join(self._verbs).encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await once_more(self._answer, Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        backends: Backends = request.app.state.backends
        place = Place(request.scope["path"])
        verb = self._verbs.get(request.method)
        if verb is None:
            return Answer(b"", 405, self._allow)
        if any(len(segment) > LONGEST_SEGMENT for segment in place.segments):
            return silent(404)
        return await verb(place, request, backends)

    async def _options(self, _place: Place, _request: Request, _backends: Backends) -> Response:
        return Answer(b"", 200, (b"dav", b"1,2"), (b"ms-author-via", b"DAV"), self._allow)

    async def _propfind(self, place: Place, request: Request, backends: Backends) -> Response:
        depth = request.headers.get("depth", "infinity")
        if depth not in ("0", "1"):
            # RFC 4918, 9.1: the whole tree may be refused.
            raise Forbidden(f"The depth of PROPFIND is 0 or 1 here, not {depth!r}")
        node = await self._find(place, backends)
        if node is None:
            return silent(404)
        now = datetime.now(UTC)
        path = place.href + "/" * (node.listing is not None)
        beginning = properties(path, node, now)
        if node.listing is None or depth == "0":
            return Answer(BEGINNING + beginning + END, 207, XML_TYPE)
        pages = await begun(node.listing.pages())  # while the status can still tell of a failure
        return StreamingResponse(
            multistatus(beginning, path, pages, now),
            207,
            headers={"content-type": XML_TYPE[1].decode(), "x-content-type-options": "nosniff"},
        )

    async def _get(self, place: Place, request: Request, backends: Backends) -> Response:
        node = await self._find(place, backends)
        if node is None or node.read is None:
            return silent(404)
        if request.method == "GET":
            return await node.read()
        answer = Answer(
            b"",
            200,
            (b"content-type", node.media_type.encode()),
            (b"last-modified", http_date(node.modified or datetime.now(UTC)).encode()),
        )
        answer.raw_headers[-1] = (b"content-length", b"%d" % node.size)
        return answer

    async def _put(self, place: Place, request: Request, backends: Backends) -> Response:
        """Store what is put into `uploads`. As in a ZIP, what is no DICOM file is passed over."""
        self._check_upload(place, backends)
        received = Received()
        chunks = received.count(limited(request, backends.settings.http.max_body_mb * MEGABYTE))
        try:
            await store_chunks(chunks, origin_of(request, "WebDav"), backends, received)
        except InvalidInstance as error:
            # Explorer and Finder begin with an empty file, and add some of their own.
            log.info("upload passed over", bytes=received.size, reason=error.message)
        self._dropped.add_file(place.upload, received.size, DICOM)
        return silent(201)

    async def _delete(self, place: Place, request: Request, backends: Backends) -> Response:
        if place.is_upload:
            return silent(204 if self._dropped.remove(place.upload) else 404)
        if not backends.settings.webdav_deletes:
            raise Forbidden(
                "Nothing can be deleted here", "settings webdav.allow_delete, store.read_only"
            )
        node = await self._find(place, backends)
        if node is None:
            return silent(404)
        if node.entry is None:
            raise Forbidden("Only patients, studies, series and instances can be deleted here")
        by = await deleter_of(request)
        command = DeleteResource(node.entry.level, node.entry.id, by)
        await backends.ask("index", command, Deleted)
        return silent(204)

    async def _mkcol(self, place: Place, _request: Request, backends: Backends) -> Response:
        self._check_upload(place, backends)
        if self._dropped.find(place.upload) is not None:
            return Answer(b"", 405, self._allow)
        self._dropped.add_folder(place.upload)
        return silent(201)

    async def _proppatch(self, place: Place, _request: Request, backends: Backends) -> Response:
        self._check_upload(place, backends)
        return Answer(patched(place.href), 207, XML_TYPE)

    async def _lock(self, place: Place, request: Request, backends: Backends) -> Response:
        self._check_upload(place, backends)
        refreshed = TOKEN.search(request.headers.get("if", ""))
        token = refreshed[1] if refreshed else f"opaquelocktoken:{uuid.uuid4()}"
        known = refreshed is not None or self._dropped.find(place.upload) is not None
        body = locked(place.href, token, LOCK_SECONDS)
        header = (b"lock-token", f"<{token}>".encode())
        return Answer(body, 200 if known else 201, XML_TYPE, header)

    async def _unlock(self, place: Place, _request: Request, backends: Backends) -> Response:
        self._check_upload(place, backends)
        return silent(204)

    def _check_upload(self, place: Place, backends: Backends) -> None:
        if not backends.settings.webdav_uploads:
            raise Forbidden(
                "Nothing can be uploaded here", "settings webdav.allow_upload, store.read_only"
            )
        if not place.is_upload:
            raise Forbidden(f"Files are put into /{PREFIX}/{UPLOADS} only")

    async def _find(self, place: Place, backends: Backends) -> Node | None:
        if place.is_upload:
            return self._dropped.find(place.upload)
        node: Node | None = Node(PREFIX, listing=fixed(*self._roots(backends)))
        for segment in place.segments:
            if node is None or node.listing is None:
                return None
            node = await node.listing.find(segment)
        return node

    def _roots(self, backends: Backends) -> list[Node]:
        found = roots(backends)
        if backends.settings.webdav_uploads:
            found.append(Node(UPLOADS, listing=fixed(*self._dropped.folders(""))))
        return found

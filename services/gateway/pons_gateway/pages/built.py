# SPDX-License-Identifier: Apache-2.0
"""Pages that are built to files, as they are sent: compressed where the browser takes that.

FastAPI's `app.frontend` finds and sends a file. Which file that is for an address, and what the
browser is told of it, is decided before it is asked.
"""

import posixpath
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pons.http.accept import weights
from pons_gateway.responses.answers import Answer

SHELL = "index.html"
ASSETS = "assets/"
"""Folder of files whose names change with their content."""
NO_PAGES = (ASSETS, "api/")
"""Below these an address is that of a page for nobody."""
CODINGS = {"br": ".br", "gzip": ".gz"}
"""Suffixes of the files beside the built ones, by the word in Accept-Encoding; the best first."""
KINDS = {
    ".css": b"text/css; charset=utf-8",
    ".html": b"text/html; charset=utf-8",
    ".ico": b"image/x-icon",
    ".js": b"text/javascript; charset=utf-8",
    ".json": b"application/json",
    ".png": b"image/png",
    ".svg": b"image/svg+xml",
    ".woff2": b"font/woff2",
}
"""Named here, since what the system says of a suffix differs by system."""
ANY_KIND, PARTS = b"application/octet-stream", b"multipart/"
FOREVER, ASK_AGAIN = b"public, max-age=31536000, immutable", b"no-cache"
WHOLE, PART, KNOWN = 200, 206, 304


@dataclass(frozen=True)
class BuiltPage:
    """A page that is built to a folder of files, in which the browser finds its way by itself."""

    path: str
    folder: Path
    instead: Callable[[str], Response]
    """What is answered at a path of the page while its files are not there; may raise."""

    @property
    def is_there(self) -> bool:
        """Whether there is a page now: it may come, and go, while the gateway runs."""
        return (self.folder / SHELL).is_file()

    def has(self, name: str) -> bool:
        """Whether there is a regular file of this name, below the folder and not outside of it."""
        try:
            status = StaticFiles(directory=self.folder, check_dir=False).lookup_path(name)[1]
        except (OSError, ValueError):  # too long a name, or one with NUL
            return False
        return status is not None and stat.S_ISREG(status.st_mode)


class BuiltPages:
    """Passes a request for a page on as one for a file that is there: as the build has packed it,
    where the browser takes that, or the page itself at any address that is no file.

    Raises `HTTPException` 404 for an asset, or a route, that is not there.
    """

    def __init__(self, app: ASGIApp, pages: Iterable[BuiltPage]) -> None:
        """`app` sends the files of these pages by their names, and whatever else it is asked."""
        self.app = app
        self._pages = tuple(pages)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = "/" + "/".join(filter(None, scope["path"].split("/")))  # slashes may come twice
        for page in self._pages:
            if path == page.path or path.startswith(f"{page.path}/"):
                name = path.removeprefix(page.path).removeprefix("/")
                await self._page(page, name, scope, receive, send)
                return
        await self.app(scope, receive, send)

    async def _page(
        self, page: BuiltPage, asked: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if not asked and not scope["path"].endswith("/"):
            below = f"{page.path.rsplit('/', 1)[1]}/"
            await Answer(b"", 307, (b"location", below.encode()))(scope, receive, send)
            return
        if not page.is_there:
            await page.instead(scope["path"])(scope, receive, send)
            return
        name = posixpath.normpath(asked) if asked else SHELL
        if not page.has(name):
            if asked.startswith(NO_PAGES):
                raise HTTPException(404)
            name = SHELL
        coding, suffix = _packed(page, name, Headers(scope=scope).get("accept-encoding", ""))
        file = {**scope, "path": f"{page.path}/{name}{suffix}"}
        await self.app(file, receive, _telling(send, name, coding))


def _packed(page: BuiltPage, name: str, accepted: str) -> tuple[str, str]:
    """In which coding a file is sent, and the suffix of that one; both empty for as it is."""
    taken = dict(weights(accepted))
    for coding, suffix in CODINGS.items():
        if taken.get(coding, 0.0) > 0 and page.has(name + suffix):
            return coding, suffix
    return "", ""


def _telling(send: Send, name: str, coding: str) -> Send:
    """A `send` that tells what a file is and how long it holds, however it is packed."""
    kept = FOREVER if name.startswith(ASSETS) else ASK_AGAIN
    always = [(b"cache-control", kept), (b"vary", b"accept-encoding")]
    kind = (b"content-type", KINDS.get(posixpath.splitext(name)[1], ANY_KIND))

    async def told(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] in (WHOLE, PART, KNOWN):
            headers = [*message["headers"], *always]
            if message["status"] != KNOWN:
                if coding:
                    headers.append((b"content-encoding", coding.encode()))
                if not any(key == b"content-type" and PARTS in value for key, value in headers):
                    headers = [header for header in headers if header[0] != b"content-type"]
                    headers.append(kind)
            message = {**message, "headers": headers}
        await send(message)

    return told

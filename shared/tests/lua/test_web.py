# SPDX-License-Identifier: Apache-2.0
"""What scripts ask over HTTP: of whom they may, how, and for how long."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import pytest

from pons.errors import BadRequest, Forbidden
from pons.lua.web import Web, open_web
from pons.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture
def server() -> Iterator[str]:
    """A server that tells what it was asked; one path is slow, one fails, one goes elsewhere."""
    leave = Event()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if self.path == "/slow":
                leave.wait(30)
            status = {"/wrong": 500, "/elsewhere": 302}.get(self.path, 200)
            told = [self.command, self.headers["a"], self.headers["authorization"], body.decode()]
            content = "|".join(str(one) for one in told).encode()
            self.send_response(status)
            self.send_header("location", "/")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = answer

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        leave.set()
        server.shutdown()


@asynccontextmanager
async def web(**settings: Any) -> AsyncIterator[Web]:
    async with open_web(Settings(**settings)) as opened:
        yield opened


async def ask(web: Web, method: str, url: str, *more: Any) -> bytes | None:
    given = [*more, None, None, None, None, None][:5]
    return await web.ask(method, url.encode(), *given)


async def test_what_is_sent(server: str) -> None:
    """Method, body, headers, and the password that the script has set."""
    async with web() as opened:
        assert await ask(opened, "GET", f"{server}/") == b"GET|None|None|"
        told = await ask(opened, "POST", f"{server}/", b"body", {"A": "b"}, None, b"me", b"secret")
        assert told == b"POST|b|Basic bWU6c2VjcmV0|body"


async def test_what_has_no_answer(server: str) -> None:
    """Another status than success, a redirection, a slow server and none at all are nil."""
    async with web() as opened:
        assert await ask(opened, "GET", f"{server}/wrong") is None
        assert await ask(opened, "GET", f"{server}/elsewhere") is None
        assert await ask(opened, "GET", f"{server}/slow", None, None, 0.2) is None
        assert await ask(opened, "GET", "http://127.0.0.1:1/") is None
        assert await ask(opened, "GET", "http://nobody.invalid/") is None


async def test_where_nothing_may_be_asked(server: str) -> None:
    """Where webhooks may not be: metadata of clouds, networks of a setting."""
    async with web() as opened:
        with pytest.raises(Forbidden, match="no script may ask"):
            await ask(opened, "GET", "http://169.254.169.254/latest/meta-data/")
    async with web(routing={"denied_networks": "127.0.0.0/8"}) as opened:
        with pytest.raises(Forbidden):
            await ask(opened, "GET", server)


@pytest.mark.parametrize("url", [None, b"", b"ftp://a/", b"file:///etc/passwd", b"/instances", 7])
async def test_what_is_no_url(url: Any) -> None:
    """It is an error in the script."""
    async with web() as opened:
        with pytest.raises(BadRequest, match="http://"):
            await opened.ask("GET", url, None, None, None, None, None)

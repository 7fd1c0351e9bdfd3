# SPDX-License-Identifier: Apache-2.0
"""What stands between a store and its S3 server: it notes what is asked, and makes trouble."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

from pons_testing.s3 import Endpoint

Mode = Literal["pass", "busy", "silent", "cut"]
"""What becomes of a request: it passes, is refused with SlowDown, is never answered, or its
connection ends."""

SLOW_DOWN = (
    b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
)
_PATIENCE = 60.0


@dataclass
class Between:
    """The way to an S3 server."""

    endpoint: Endpoint
    """The server as it is reached by this way."""
    mode: Mode = "pass"
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Method and path of each request, in the order in which they came."""
    failed: list[tuple[str, str]] = field(default_factory=list)
    """Those of them that the server itself answered with an error of its own: rclone does where
    two requests make the same folder. Whoever asked repeats them."""
    ended: threading.Event = field(default_factory=threading.Event)

    def about(self, store: str) -> list[str]:
        """The methods of the requests about objects of a store, but for its notes, and for what
        the server itself failed."""
        prefix, notes = f"/{self.endpoint.bucket}/{store}/", "/.notes/"
        counted = list(self.asked)
        for one in self.failed:
            counted.remove(one)
        return [method for method, path in counted if prefix in path and notes not in path]

    def forget(self) -> None:
        """Forget what was asked so far."""
        self.asked.clear()
        self.failed.clear()


@contextmanager
def between(server: Endpoint) -> Iterator[Between]:
    """A way to `server`, on a free loopback port."""
    way = Between(server)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            self.beyond = HTTPConnection(server.address, timeout=_PATIENCE)

        def finish(self) -> None:
            self.beyond.close()
            super().finish()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            way.asked.append((self.command, self.path))
            match way.mode:
                case "pass":
                    self._pass_on(body)
                case "busy":
                    self._send(503, {"Content-Type": "application/xml"}, SLOW_DOWN)
                case "silent":
                    while way.mode == "silent" and not way.ended.wait(0.05):
                        pass
                    self.close_connection = True
                case "cut":
                    self.close_connection = True

        def _pass_on(self, body: bytes) -> None:
            self.beyond.putrequest(
                self.command, self.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():  # Host too, which is signed
                self.beyond.putheader(name, value)
            self.beyond.endheaders(body)
            answer = self.beyond.getresponse()
            content = answer.read()
            if answer.status >= 500:
                way.failed.append((self.command, self.path))
            headers = {
                name: value
                for name, value in answer.getheaders()
                if name.lower() not in ("transfer-encoding", "content-length", "connection")
            }
            length = answer.headers.get("content-length")
            self._send(answer.status, headers, content, length)

        def _send(
            self, status: int, headers: dict[str, str], body: bytes, length: str | None = None
        ) -> None:
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", length or str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 as in the library
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: object, client_address: object) -> None:
            """A peer that hangs up is what these tests are about."""

    with Server(("127.0.0.1", 0), Handler) as listening:
        way.endpoint = replace(server, address=f"127.0.0.1:{listening.server_port}")
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield way
        finally:
            way.ended.set()
            listening.shutdown()
            thread.join()

# SPDX-License-Identifier: Apache-2.0
"""A way to a server that holds up in the middle what is sent to it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer

from outside import TIMEOUT

PIECE = 64 * 1024


class Gate:
    """Lets so many bytes through to the server, of all connections together.

    What comes behind them waits until it may `go_on`.
    """

    def __init__(self, port: int, most: int) -> None:
        self.port = port
        """Where it is reached."""
        self.holds = threading.Event()
        """Set once something waits."""
        self.go_on = threading.Event()
        self._left = most
        self._lock = threading.Lock()

    def let_through(self, size: int) -> None:
        """Return as soon as a piece of so many bytes may go to the server."""
        with self._lock:
            self._left -= size
            may = self._left >= 0
        if not may:
            self.holds.set()
            self.go_on.wait(TIMEOUT)


@contextmanager
def gate(to: int, most: int) -> Iterator[Gate]:
    """A gate before port `to` of this machine. Open connections are cut at the end."""
    connections: list[socket.socket] = []

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            near: socket.socket = self.request
            with suppress(OSError), socket.create_connection(("127.0.0.1", to), TIMEOUT) as far:
                far.settimeout(None)
                connections.extend((near, far))
                back = threading.Thread(target=_copy, args=(far, near))
                back.start()
                try:
                    while piece := near.recv(PIECE):
                        opened.let_through(len(piece))
                        far.sendall(piece)
                finally:
                    _cut(far)
                    back.join()

    class Server(ThreadingTCPServer):
        daemon_threads, block_on_close = True, False  # one may come while the others are cut

    with Server(("127.0.0.1", 0), Handler) as server:
        opened = Gate(server.server_address[1], most)
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield opened
        finally:
            opened.go_on.set()
            server.shutdown()
            serving.join()
            for one in connections:
                _cut(one)


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Until the source ends, and then the target, too."""
    with suppress(OSError):
        while piece := source.recv(PIECE):
            target.sendall(piece)
    _cut(target)


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)

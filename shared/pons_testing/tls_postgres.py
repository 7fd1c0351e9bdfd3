# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL behind TLS, which the wheel's own server does not speak."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from pons_embedded.postgres import EmbeddedPostgres

SSL_REQUEST = bytes((0, 0, 0, 8, 4, 210, 22, 47))
"""https://www.postgresql.org/docs/current/protocol-message-formats.html"""


@contextmanager
def postgres_behind_tls(
    embedded: EmbeddedPostgres, context: ssl.SSLContext | None
) -> Iterator[tuple[int, list[bytes]]]:
    """Its port, and what clients have said first, as long as the block runs.

    It passes on to the server what comes by TLS. Without a `context` it says that it
    has no TLS, and passes nothing on.
    """
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        ended = threading.Event()

        def serve() -> None:
            while not ended.is_set():
                with suppress(TimeoutError):
                    connection, _ = listener.accept()
                    threading.Thread(target=pass_on, args=(connection,), daemon=True).start()

        def pass_on(connection: socket.socket) -> None:
            connection.settimeout(60)
            with connection, suppress(OSError):
                heard.append(connection.recv(8))
                if heard[-1] != SSL_REQUEST or context is None:
                    connection.sendall(b"N")
                    heard.append(connection.recv(1024))
                    return
                connection.sendall(b"S")
                secured = context.wrap_socket(connection, server_side=True)
                with secured, connected(embedded) as server:
                    pump = threading.Thread(target=copy, args=(server, secured), daemon=True)
                    pump.start()
                    copy(secured, server)
                    pump.join(60)

        serving = threading.Thread(target=serve)
        serving.start()
        try:
            yield listener.getsockname()[1], heard
        finally:
            ended.set()
            serving.join()


def connected(embedded: EmbeddedPostgres) -> socket.socket:
    """A connection with the server itself."""
    if embedded.socket_folder is None:
        return socket.create_connection(("127.0.0.1", embedded.port))
    server = socket.socket(socket.AF_UNIX)
    server.connect(str(embedded.socket_folder / f".s.PGSQL.{embedded.port}"))
    return server


def copy(source: socket.socket, target: socket.socket) -> None:
    """All that comes, until nothing does."""
    with suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)

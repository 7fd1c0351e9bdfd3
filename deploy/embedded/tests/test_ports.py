# SPDX-License-Identifier: Apache-2.0
"""Ports: what is free, and what answers."""

import socket
import subprocess
import sys
import threading

import pytest

from pons_embedded.ports import BELOW_EPHEMERAL, free_port, http_status, is_free


def test_taken_port_is_not_free() -> None:
    """A port that something listens on is not free until it is closed."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not is_free("127.0.0.1", port)
    assert is_free("127.0.0.1", port)


def test_free_port_is_not_one_of_outgoing_connections() -> None:
    """The launcher's ports are none that a client could be given while the server is down."""
    port = free_port()
    assert port in BELOW_EPHEMERAL
    assert is_free("127.0.0.1", port)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone lets a bound socket keep it")
def test_free_port_is_kept_for_this_process() -> None:
    """Another launcher cannot get it, a server of this one can listen there, again and again."""
    port = free_port()
    other = "import socket, sys; socket.socket().bind(('127.0.0.1', int(sys.argv[1])))"
    for _ in range(2):
        taking = subprocess.run(
            [sys.executable, "-c", other, str(port)], capture_output=True, text=True, check=False
        )
        assert "Address already in use" in taking.stderr
        assert is_free("127.0.0.1", port)
        with socket.create_server(("127.0.0.1", port)):
            socket.create_connection(("127.0.0.1", port)).close()


def test_silence_is_no_status() -> None:
    """Nobody there, nothing said and nonsense said are all status 0."""
    assert http_status("127.0.0.1", free_port(), "/") == 0
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert http_status("127.0.0.1", port, "/", patience=0.2) == 0
        server.accept()[0].close()
        answering = threading.Thread(target=_answer, args=(server, b"nonsense\r\n"))
        answering.start()
        assert http_status("127.0.0.1", port, "/") == 0
        answering.join()


def test_status_is_read() -> None:
    """The number of the status line is the status."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        answering = threading.Thread(
            target=_answer, args=(server, b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
        )
        answering.start()
        assert http_status("127.0.0.1", server.getsockname()[1], "/health/ready") == 503
        answering.join()


def _answer(server: socket.socket, what: bytes) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(what)

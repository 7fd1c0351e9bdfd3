# SPDX-License-Identifier: Apache-2.0
"""What stands in for images of others answers what Kubernetes asks those; no engine is needed."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from outside import eventually, free_ports

HEALTH = Path(__file__).parent / "stand_ins" / "minio_health.py"
BODY = bytes(range(256)) * 8192


class Echo(BaseHTTPRequestHandler):
    """Gives back what it was sent."""

    def do_PUT(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_request(self, *args: object) -> None:
        pass


@contextmanager
def health_of(behind: int) -> Iterator[str]:
    """The address where the health of what listens at a port is asked for."""
    [port] = free_ports(1)
    process = subprocess.Popen([sys.executable, "-I", "-S", HEALTH, str(port), str(behind)])
    try:
        eventually("it listens", lambda: _listens(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except ConnectionError:
        return False
    return True


def test_minio_is_healthy_where_its_stand_in_listens() -> None:
    """And everything else reaches the stand-in, and comes back, as it was sent."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with health_of(server.server_port) as address:
            assert httpx.get(f"{address}/minio/health/ready").status_code == 200
            assert httpx.put(f"{address}/bucket/key", content=BODY).content == BODY
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_minio_is_not_healthy_before_its_stand_in_listens() -> None:
    with socket.socket() as held:  # its port is nobody else's, and nobody listens there
        held.bind(("127.0.0.1", 0))
        with health_of(held.getsockname()[1]) as address, pytest.raises(httpx.TransportError):
            httpx.get(f"{address}/minio/health/ready")

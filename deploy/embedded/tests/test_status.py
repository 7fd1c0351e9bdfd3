# SPDX-License-Identifier: Apache-2.0
"""`./pons status` tells what does not work, and why."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from pons_embedded.folder import DataFolder
from pons_embedded.state import State, record, write_state
from pons_embedded.status import HEALTHY, UNHEALTHY, show_status


@contextmanager
def answering(status: int, body: bytes) -> Iterator[int]:
    """A service whose health port answers so."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def shown(folder: Path, port: int, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """The exit code and the lines for a store whose index answers at `port`."""
    supervisor = record("supervisor", os.getpid())
    index = record("index", os.getpid(), "127.0.0.1", port, "/health/ready")
    assert supervisor is not None
    assert index is not None
    state = State("main", supervisor, "http://127.0.0.1:8042/", "PONS", True, (index,))
    write_state(DataFolder(folder).state, state)
    code = show_status(DataFolder(folder), "main")
    return code, capsys.readouterr().out.splitlines()


def test_a_cause_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What keeps a service from being ready stands below the table, and decides the exit code."""
    causes = {"consumer": "waiting for 31 s: The disk of the database is full"}
    with answering(503, json.dumps({"ready": False, "failures": causes}).encode()) as port:
        code, lines = shown(tmp_path, port, capsys)
    assert code == UNHEALTHY
    assert "not ready" in lines[3]
    assert lines[4] == "index: consumer: waiting for 31 s: The disk of the database is full"


def test_a_warning_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A service with a warning is healthy all the same."""
    body = {"ready": True, "failures": {}, "warnings": {"dead letters": "2 could not be indexed"}}
    with answering(200, json.dumps(body).encode()) as port:
        code, lines = shown(tmp_path, port, capsys)
    assert code == HEALTHY
    assert lines[4] == "index: dead letters: 2 could not be indexed"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"failures": 1}', b'{"status": "ok"}'])
def test_what_is_not_ours_tells_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], body: bytes
) -> None:
    """NATS' own health, or half an answer, is only a status."""
    with answering(200, body) as port:
        code, lines = shown(tmp_path, port, capsys)
    assert (code, len(lines)) == (HEALTHY, 5)

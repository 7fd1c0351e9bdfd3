# SPDX-License-Identifier: Apache-2.0
"""Connections with an S3 server that may take its time while a body is sent to it.

urllib3 sends within the time for connecting, and Python's `sendall` within one time whatever there
is to send. Here silence ends a request, as while an answer is read: what moves goes on.
"""

from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

CONNECT_SECONDS = 3.0
"""How long nobody may answer who is called, or what TLS begins with."""
SENT_AT_ONCE = 256 << 10
"""Bytes that have to be taken before a server counts as silent."""


class _Connection(HTTPConnection):
    """`timeout` is that of silence, also while a body is sent."""

    def connect(self) -> None:
        silence = self.timeout
        if silence is not None:
            self.timeout = min(CONNECT_SECONDS, silence)
        try:
            super().connect()
        finally:
            self.timeout = silence
        self.sock.settimeout(silence)

    def send(self, data: Any) -> None:
        if not isinstance(data, bytes) or len(data) <= SENT_AT_ONCE:
            super().send(data)
            return
        with memoryview(data) as body:
            for start in range(0, len(body), SENT_AT_ONCE):
                super().send(body[start : start + SENT_AT_ONCE])


class _SecureConnection(_Connection, HTTPSConnection):
    """The same over TLS."""


class Connections(HTTPConnectionPool):
    """Those with a server."""

    ConnectionCls = _Connection


class SecureConnections(HTTPSConnectionPool):
    """Those with a server, over TLS."""

    ConnectionCls = _SecureConnection

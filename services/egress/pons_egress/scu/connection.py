# SPDX-License-Identifier: Apache-2.0
"""The connection below an association of pynetdicom: bounded, and it says why it failed."""

import socket
from collections.abc import Callable
from typing import Any

from pons_egress.peer import Peer


class Connection(socket.socket):
    """Takes the place of pynetdicom's own socket, before it connects.

    pynetdicom reads PDUs and messages of any length, waits for ever in the middle of one, and
    tells its log alone why a connection failed. `tell` hears here what happened, in words.
    """

    def __init__(
        self, own: socket.socket, peer: Peer, largest_message: int, tell: Callable[[str], None]
    ) -> None:
        super().__init__(fileno=own.detach())
        self.taken = 0
        """Bytes that have come since the last message was whole."""
        self._peer = peer
        self._most = largest_message
        self._tell = tell

    def connect(self, address: Any) -> None:
        host, port = address[:2]
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            super().connect(address)
        except TimeoutError:
            self._tell(f"no connection within {self._peer.timeout:g} s")
            raise
        except ConnectionRefusedError:
            self._tell(f"connection refused by {where}")
            raise
        except OSError as error:
            self._tell(f"no connection: {error.strerror or error}")
            raise

    def settimeout(self, value: float | None) -> None:
        """Of no timeout, which is what pynetdicom wants once it is connected, the peer's."""
        super().settimeout(self._peer.timeout if value is None else value)

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        try:
            content = super().recv(bufsize, flags)
        except TimeoutError:
            self._tell(f"says nothing for {self._peer.timeout:g} s amid a message")
            raise
        self.taken += len(content)
        if self.taken > self._most:
            self._tell(f"sends a message of more than {self._most} bytes")
            raise ConnectionAbortedError
        return content

    def send(self, data: Any, flags: int = 0) -> int:
        try:
            return super().send(data, flags)
        except TimeoutError:
            self._tell(f"takes no data for {self._peer.timeout:g} s")
            raise

    def cut(self) -> None:
        """End it, whatever waits for it; from any thread."""
        try:
            self.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it is not connected any more

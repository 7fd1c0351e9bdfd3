# SPDX-License-Identifier: Apache-2.0
"""The connection below an association of pynetdicom: bounded, and it says why it failed."""

import socket
import ssl
from collections.abc import Callable
from typing import Any

from pons.remotes.dicom_tls import requestor_context, why_no_tls
from pons_egress.peer import Peer


class Watch:
    """What is known of a connection; `tell` hears what happened to it, in words."""

    def __init__(self, peer: Peer, largest_message: int, tell: Callable[[str], None]) -> None:
        self.peer = peer
        self.most = largest_message
        self.tell = tell
        self.taken = 0
        """Bytes that have come since the last message was whole."""
        self.connection: Connection | None = None
        """The one that was to connect last."""
        self.answered = False
        """Somebody was there, who does not agree to TLS."""


class Connection(socket.socket):
    """Takes the place of pynetdicom's own socket, before it connects.

    pynetdicom reads PDUs and messages of any length, waits for ever in the middle of one, and
    tells its log alone why a connection failed.
    """

    watch: Watch

    @classmethod
    def instead_of(cls, own: socket.socket, watch: Watch) -> "Connection":
        """One without TLS."""
        made = cls(fileno=own.detach())
        made.watch = watch
        return made

    def connect(self, address: Any) -> None:
        self.watch.connection = self
        host, port = address[:2]
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            super().connect(address)
        except TimeoutError:
            self.watch.tell(f"no connection within {self.watch.peer.timeout:g} s")
            raise
        except ConnectionRefusedError:
            self.watch.tell(f"connection refused by {where}")
            raise
        except ssl.SSLError as error:
            self.watch.answered = True
            self.watch.tell(f"no TLS: {why_no_tls(error)}")
            raise
        except OSError as error:
            self.watch.tell(self._why_not(error))
            raise

    def _why_not(self, error: OSError) -> str:
        """Why there is no connection; who refuses one does so before there is anything to reset."""
        if self.watch.peer.tls and isinstance(error, ConnectionResetError):
            return f"no TLS: {why_no_tls(error)}"
        return f"no connection: {error.strerror or error}"

    def settimeout(self, value: float | None) -> None:
        """Of no timeout, which is what pynetdicom wants once it is connected, the peer's."""
        super().settimeout(self.watch.peer.timeout if value is None else value)

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        try:
            content = super().recv(buflen, flags)
        except TimeoutError:
            self.watch.tell(f"says nothing for {self.watch.peer.timeout:g} s amid a message")
            raise
        except ssl.SSLError as error:  # with TLS 1.3 it looks at our certificate only now
            self.watch.tell(f"no TLS: {why_no_tls(error)}")
            raise
        self.watch.taken += len(content)
        if self.watch.taken > self.watch.most:
            self.watch.tell(f"sends a message of more than {self.watch.most} bytes")
            raise ConnectionAbortedError
        return content

    def send(self, data: Any, flags: int = 0) -> int:
        try:
            return super().send(data, flags)
        except TimeoutError:
            self.watch.tell(f"takes no data for {self.watch.peer.timeout:g} s")
            raise

    def cut(self) -> None:
        """End it, whatever waits for it; from any thread."""
        try:
            # With TLS its own `shutdown` would let a thread that still reads take what is encrypted
            # for what the peer says.
            socket.socket.shutdown(self, socket.SHUT_RDWR)
        except OSError:
            return  # it is not connected any more


class TlsConnection(Connection, ssl.SSLSocket):
    """The same with TLS; the handshake is a part of `connect`."""


def tls_context(watch: Watch) -> ssl.SSLContext | None:
    """What pynetdicom makes the connection with, if the peer wants TLS: it never is without.

    Reads files. Raises `Unavailable` when our certificates cannot be used.
    """
    if watch.peer.tls is None:
        return None

    class Watched(TlsConnection):
        pass

    Watched.watch = watch
    context = requestor_context(watch.peer.tls)
    context.sslsocket_class = Watched
    return context

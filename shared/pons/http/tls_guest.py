# SPDX-License-Identifier: Apache-2.0
"""Who calls an HTTP server with TLS: bounded as everybody is, from before the handshake on."""

from collections.abc import Callable

from pons.http.guard import Connection, Guard
from pons.tls.contexts import Names
from pons.tls.failures import why_no_tls

WORDS = b"This port speaks HTTPS: the address begins with https://\n"
TO_HTTP = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(WORDS), WORDS)
)
"""What is said to who speaks HTTP without TLS."""


class TlsGuest:
    """Somebody from `address`, who counts as a connection already."""

    def __init__(
        self, guard: Guard, address: str, names: Names, connect: Callable[[], Connection]
    ) -> None:
        self._guard = guard
        self._address = address
        self._names = names
        self._connect = connect
        self._connection: Connection | None = None

    def protocol(self) -> Connection:
        """The connection, to be begun when the handshake is done."""
        self._connection = connection = self._connect()
        connection.admitted(self._address)
        return connection

    def failed(self, why: OSError | None) -> None:
        """Tell that there was no handshake."""
        if why is None:
            self._guard.refusals.add("handshake_time", self._address)
        else:
            words = why_no_tls(why, self._names)
            self._guard.refusals.add("handshake", self._address, words)

    def gone(self) -> None:
        """Who has no connection now counts no more."""
        if self._connection is None or not self._connection.made:
            self._guard.admission.leave(self._address)


def admit(
    guard: Guard, names: Names, connect: Callable[[], Connection], address: str
) -> TlsGuest | None:
    """Who may begin a handshake; None, and the reason in the log, for one too many."""
    if reason := guard.admission.admit(address):
        guard.refusals.add(reason, address)
        return None
    return TlsGuest(guard, address, names, connect)

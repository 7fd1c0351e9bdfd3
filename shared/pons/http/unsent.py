# SPDX-License-Identifier: Apache-2.0
"""How much of what was written to a client has not reached it."""

import asyncio
import sys

TOLD = sys.platform != "win32"
"""Whether the system tells of its buffer."""


def unsent(transport: asyncio.Transport) -> int:
    """Bytes that wait here and, where the system tells, in its own buffer for the client to take.

    That one holds megabytes, so that a slow client may take minutes until something moves here.
    TLS hands on what it does not count here: only the system's buffer tells whether that is gone.
    """
    waiting = transport.get_write_buffer_size()
    handed_on = transport.get_extra_info("sslcontext") is not None
    if not (waiting or handed_on) or not TOLD:
        return waiting
    import fcntl
    import termios

    socket = transport.get_extra_info("socket")
    if socket is None:  # below TLS, a connection that has just ended
        return waiting
    try:
        answer = fcntl.ioctl(socket.fileno(), termios.TIOCOUTQ, bytes(4))
    except OSError:  # the connection has ended, or the system does not tell of sockets
        return waiting
    return waiting + int.from_bytes(answer, sys.byteorder)

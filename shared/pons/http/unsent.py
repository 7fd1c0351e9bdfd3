# SPDX-License-Identifier: Apache-2.0
"""How much of what was written to a client has not reached it."""

import asyncio
import sys


def unsent(transport: asyncio.Transport) -> int:
    """Bytes that wait here and, where the system tells, in its own buffer for the client to take.

    That one holds megabytes, so that a slow client may take minutes until something moves here.
    """
    waiting = transport.get_write_buffer_size()
    if not waiting or sys.platform == "win32":
        return waiting
    import fcntl
    import termios

    socket = transport.get_extra_info("socket")
    try:
        answer = fcntl.ioctl(socket.fileno(), termios.TIOCOUTQ, bytes(4))
    except OSError:  # the connection has ended, or the system does not tell of sockets
        return waiting
    return waiting + int.from_bytes(answer, sys.byteorder)

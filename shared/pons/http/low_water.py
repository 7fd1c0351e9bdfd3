# SPDX-License-Identifier: Apache-2.0
"""How much of what a client sends the system waits for before it says that there is something."""

import asyncio
import socket
import sys


def low_water(transport: asyncio.Transport, count: int) -> None:
    """Be told of what comes once it has `count` bytes, where the system can wait for that.

    It tells of the end of what a client sends, and of memory that runs short, all the same. Not
    below TLS, part of whose next record may have been read: then so many would never be there.
    """
    if sys.platform == "linux" and transport.get_extra_info("sslcontext") is None:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, count)

# SPDX-License-Identifier: Apache-2.0
"""How much of what a client sends the system waits for before it says that there is something."""

import asyncio
import socket
import sys

WORTH_WAITING = 64 * 1024
"""Bytes of a body that come in more than one piece, usually."""
WAIT_FOR = 240 * 1024
"""Bytes that the system waits for at most: nearly what the event loop reads at once. Browsers send
16 KiB at a time."""


def worth_waiting_for(count: int) -> int:
    """The bytes to wait for where so many of a body have not come."""
    return min(count, WAIT_FOR) if count >= WORTH_WAITING else 1


def low_water(transport: asyncio.Transport, count: int) -> None:
    """Be told of what comes once it has `count` bytes, where the system can wait for that.

    It tells of the end of what a client sends, and of memory that runs short, all the same. Not
    below TLS, part of whose next record may have been read: then so many would never be there.
    """
    if sys.platform == "linux" and transport.get_extra_info("sslcontext") is None:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, count)

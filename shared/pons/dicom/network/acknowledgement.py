# SPDX-License-Identifier: Apache-2.0
"""When the kernel acknowledges what a peer sent: at once, where the peer may wait for that."""

import asyncio
import socket
from contextlib import suppress

TCP_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)


def acknowledge_now(transport: asyncio.BaseTransport) -> None:
    """Let the kernel acknowledge what came, instead of waiting 40 ms for something to send.

    For when half a message came: a peer with Nagle's algorithm (DCMTK's tools and servers) keeps a
    small piece back until the one before is acknowledged.
    """
    connection = transport.get_extra_info("socket")
    if TCP_QUICKACK is not None and connection is not None:
        with suppress(OSError):  # it has just been lost, which whoever reads it hears
            connection.setsockopt(socket.IPPROTO_TCP, TCP_QUICKACK, 1)

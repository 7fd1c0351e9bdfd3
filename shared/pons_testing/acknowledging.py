# SPDX-License-Identifier: Apache-2.0
"""A connection that tells how often it let the kernel acknowledge at once what came."""

import asyncio
import socket
from typing import Any


class Acknowledging(asyncio.Transport):
    """A transport, and itself its socket."""

    acknowledged = 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self if name == "socket" else default

    def setsockopt(self, level: int, option: int, value: int) -> None:
        assert (level, option, value) == (socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        self.acknowledged += 1

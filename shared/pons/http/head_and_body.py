# SPDX-License-Identifier: Apache-2.0
"""The head of an answer and the beginning of its body, in one packet."""

import asyncio
from typing import Any


class HeadAndBody:
    """A transport that can keep one write back, to send it with the next.

    uvicorn writes the head of an answer and its body one after the other, and uvloop sends what is
    written at once: two calls of the system, two packets, and two wake-ups of the client.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._keeps = False
        self._kept = b""
        self.is_closing = transport.is_closing
        self.pause_reading, self.resume_reading = transport.pause_reading, transport.resume_reading

    def keep(self) -> None:
        """Let what is written next wait for what follows, or for `flush`."""
        self._keeps = True

    def flush(self) -> None:
        """Send what was kept back."""
        self._keeps = False
        if self._kept:
            kept, self._kept = self._kept, b""
            self._transport.write(kept)

    def write(self, data: bytes) -> None:
        if self._keeps:
            self._keeps, self._kept = False, data
        elif self._kept:
            kept, self._kept = self._kept, b""
            self._transport.writelines([kept, data])
        else:
            self._transport.write(data)

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

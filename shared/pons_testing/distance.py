# SPDX-License-Identifier: Apache-2.0
"""A server as if it were far away: what it is sent, and what it answers, takes a while to arrive.

python -m pons_testing.distance HOST:PORT MILLISECONDS prints the address that leads there.
"""

import asyncio
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

MEGABYTE = 1 << 20


@contextmanager
def distant(address: str, milliseconds: float) -> Iterator[str]:
    """The address of a server that is so far away from the one at `address`, there and back.

    A process of its own carries the bytes, any number of connections, as fast as it can.
    """
    command = [sys.executable, "-m", "pons_testing.distance", address, str(milliseconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


class Way(asyncio.BufferedProtocol):
    """One end of a connection; what arrives at it leaves by the other end, later."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._buffer = bytearray(MEGABYTE)
        self._under_way: deque[tuple[float, bytes]] = deque()
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self.other: Way | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._leave()

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._send(bytes(memoryview(self._buffer)[:nbytes]))

    def connection_lost(self, exc: Exception | None) -> None:
        self._send(b"")

    def _send(self, piece: bytes) -> None:
        """Give the other end a piece; an empty one closes it."""
        if (other := self.other) is not None:
            other._under_way.append((self._loop.time() + self._delay, piece))
            if len(other._under_way) == 1:
                self._loop.call_later(self._delay, other._leave)

    def _leave(self) -> None:
        """Write what has come far enough."""
        if self._transport is None:
            return
        # A loop counts whole milliseconds: what leaves in the next one leaves now.
        now = self._loop.time() + 0.0005
        while self._under_way and self._under_way[0][0] <= now:
            _, piece = self._under_way.popleft()
            if piece:
                self._transport.write(piece)
            else:
                self._transport.close()
        if self._under_way:
            self._loop.call_later(self._under_way[0][0] - now, self._leave)


async def carry(address: str, delay: float) -> None:
    """Lead connections to `address` for ever; each way takes `delay` seconds."""
    host, _, port = address.rpartition(":")
    loop = asyncio.get_running_loop()
    connecting = set()

    def arrived() -> Way:
        near, far = Way(delay), Way(delay)
        near.other, far.other = far, near
        task = loop.create_task(connect(far))
        connecting.add(task)
        task.add_done_callback(connecting.discard)
        return near

    async def connect(far: Way) -> None:
        try:
            await loop.create_connection(lambda: far, host, int(port))
        except OSError:
            far.connection_lost(None)

    server = await loop.create_server(arrived, "127.0.0.1", 0)
    print("{}:{}".format(*server.sockets[0].getsockname()), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        import uvloop
    except ImportError:  # not built for Windows
        asyncio.run(carry(sys.argv[1], float(sys.argv[2]) / 2000))
    else:
        uvloop.run(carry(sys.argv[1], float(sys.argv[2]) / 2000))

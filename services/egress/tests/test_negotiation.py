# SPDX-License-Identifier: Apache-2.0
"""How a connection to a host of several addresses begins."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from pons_egress.negotiation import connect_to_any
from pons_egress.peer import Peer

pytestmark = pytest.mark.anyio


@pytest.fixture
def silent() -> Iterator[int]:
    """A port of 127.0.0.2 at which the kernel answers nobody: too many wait there already."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.2", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield server.getsockname()[1]


async def test_each_address_has_its_time(silent: int) -> None:
    """One that does not answer leaves the next one all the time that a modality has."""
    peer = Peer("pacs", "PONS", "PEER", "both", silent, 0.5, None)
    with socket.create_server(("127.0.0.1", silent)):
        _, writer = await connect_to_any(peer, ["127.0.0.2", "127.0.0.1"], None)
    assert writer.get_extra_info("peername") == ("127.0.0.1", silent)
    writer.transport.abort()
    with pytest.raises(TimeoutError):
        await connect_to_any(peer, ["127.0.0.2"], None)

# SPDX-License-Identifier: Apache-2.0
"""What is read of a peer, and when it hears that it came."""

import asyncio
import socket
from typing import Any

import pytest

from pons.dicom.network import dimse
from pons.dicom.network.acknowledgement import acknowledge_now
from pons.dicom.network.pdu import COMMAND, Phase, encode_data
from pons_egress.negotiation import Incoming
from pons_testing.acknowledging import Acknowledging

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not hasattr(socket, "TCP_QUICKACK"), reason="Linux alone has the option"),
]


async def test_half_a_response_is_acknowledged_at_once() -> None:
    """DCMTK's servers keep the second half of each response back until the first has come."""
    response = dimse.encode_command(
        {
            dimse.COMMAND_FIELD: dimse.C_STORE_RQ | dimse.RESPONSE,
            dimse.MESSAGE_ID_RESPONDED_TO: 7,
            dimse.COMMAND_DATASET_TYPE: dimse.NO_DATASET,
            dimse.STATUS: 0,
        }
    )
    pdu = b"".join(encode_data(1, COMMAND, response, 16384))
    stream, transport = asyncio.StreamReader(), Acknowledging()
    incoming = Incoming(stream, transport, 16384)
    incoming.expect(Phase.ESTABLISHED)
    for first in (pdu[:12], pdu[:4]):
        transport.acknowledged = 0
        stream.feed_data(first)
        reading = asyncio.create_task(incoming.next())
        await asyncio.sleep(0)
        assert (transport.acknowledged, reading.done()) == (1, False)
        stream.feed_data(pdu[len(first) :])
        answered = await reading
        assert isinstance(answered, dimse.Response)
        assert (answered.status, answered.answers) == (0, (dimse.C_STORE_RQ, 7))
        assert transport.acknowledged == 1


@pytest.mark.parametrize("gone", [None, "closed"])
async def test_a_connection_that_was_just_lost(gone: str | None) -> None:
    """It has no socket, or a closed one: nothing is acknowledged, and nothing else goes wrong."""
    lost = None
    if gone:
        lost = socket.socket()
        lost.close()

    class Lost(asyncio.Transport):
        def get_extra_info(self, name: str, default: Any = None) -> Any:
            return lost

    acknowledge_now(Lost())

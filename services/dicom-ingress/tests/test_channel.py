# SPDX-License-Identifier: Apache-2.0
"""When a peer hears that a part of its message came: its next part may wait for that."""

import asyncio
import socket

import pytest

from pons.dicom.network import dimse
from pons.dicom.network.messages import Context, Message, MessageReader
from pons.dicom.network.pdu import COMMAND, LAST, PduReader, Phase, encode_data
from pons_ingress.channel import Channel
from pons_ingress.service_classes import VERIFICATION
from pons_ingress.services import IgnoredDataset
from pons_testing.acknowledging import Acknowledging

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not hasattr(socket, "TCP_QUICKACK"), reason="Linux alone has the option"),
]
RESPONSE = dimse.encode_command(
    {
        dimse.AFFECTED_SOP_CLASS_UID: VERIFICATION,
        dimse.COMMAND_FIELD: dimse.C_STORE_RQ | dimse.RESPONSE,
        dimse.MESSAGE_ID_RESPONDED_TO: 7,
        dimse.COMMAND_DATASET_TYPE: dimse.NO_DATASET,
        dimse.STATUS: 0,
    }
)
PDU = b"".join(encode_data(1, COMMAND | LAST, RESPONSE, 16384))


class Peer:
    """The other end of a channel."""

    def __init__(self) -> None:
        messages = MessageReader(lambda context, command: IgnoredDataset())
        messages.contexts = {1: Context(1, VERIFICATION, "1.2.840.10008.1.2")}
        reader = PduReader(messages, 16384, Phase.ESTABLISHED)
        self._buffer = memoryview(bytearray(1024))
        self.channel = Channel(reader, messages, self._buffer, lambda: None)
        self.transport = Acknowledging()
        self.channel.connection_made(self.transport)

    def send(self, part: bytes) -> None:
        self._buffer[: len(part)] = part
        self.channel.buffer_updated(len(part))


@pytest.mark.parametrize("first", [PDU[:4], PDU[:12], PDU[:40]], ids=len)
@pytest.mark.parametrize("served", ["nothing", "a request", "a request that glances"])
async def test_a_part_is_acknowledged_at_once(first: bytes, served: str) -> None:
    """Whatever is done for the peer meanwhile: DCMTK's tools write the header of each PDU on its
    own, and its content 40 ms later where nobody has acknowledged the header."""
    peer = Peer()
    before = asyncio.ensure_future(peer.channel.next())
    await asyncio.sleep(0)
    peer.send(PDU)
    await before
    assert peer.transport.acknowledged == 0
    if served != "nothing":
        peer.send(first)
    if served == "a request that glances":
        assert peer.channel.glance() is None
    awaited = asyncio.ensure_future(peer.channel.next(answering=True))
    await asyncio.sleep(0)
    if served == "nothing":
        peer.send(first)
    assert peer.transport.acknowledged == 1
    peer.send(PDU[len(first) :])
    message = await awaited
    assert isinstance(message, Message)
    assert message.command.message_id == 7
    assert peer.transport.acknowledged == 1

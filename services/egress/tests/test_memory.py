# SPDX-License-Identifier: Apache-2.0
"""Objects of any size leave in pieces; `PONS_TEST_LARGE_MB=2048` tries it with two gigabytes."""

import asyncio
import os
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydicom.uid import UID
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ

from pons.bus import Bus
from pons.objects import new_key
from pons_egress import wire

pytestmark = pytest.mark.anyio

MB = 1024 * 1024
LARGE_MB = int(os.environ.get("PONS_TEST_LARGE_MB", "96"))


class Sink:
    """A storage SCP that accepts everything offered in one syntax, and keeps nothing."""

    def __init__(self, syntax: str) -> None:
        self.syntax = syntax
        self.received = 0

    def accept(self, pdu: bytes) -> bytes:
        request = A_ASSOCIATE_RQ()
        request.decode(pdu)
        answer = request.to_primitive()
        answer.result = 0
        answer.result_source = 1
        results = answer.presentation_context_definition_list
        for context in results:
            context.result = 0 if context.transfer_syntax == [UID(self.syntax)] else 4
        answer.presentation_context_definition_results_list = results
        reply = A_ASSOCIATE_AC()
        reply.from_primitive(answer)
        return bytes(reply.encode())

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        numbers = 0
        while True:
            head = await reader.readexactly(6)
            kind, length = wire.PDU_HEADER.unpack(head)
            body = await reader.readexactly(length)
            if kind == 1:
                writer.write(self.accept(head + body))
            elif kind == wire.RELEASE_RQ:
                writer.write(wire.RELEASE_REPLY)
                writer.close()
                return
            for control, content in wire.fragments(body) if kind == wire.DATA else ():
                self.received += 0 if control & wire.COMMAND else len(content)
                if control == wire.LAST:
                    numbers += 1
                    self.answer(writer, body[4], numbers)

    def answer(self, writer: asyncio.StreamWriter, context_id: int, message_id: int) -> None:
        command = wire.encode_command(
            {
                wire.COMMAND_FIELD: wire.C_STORE_RQ | wire.RESPONSE,
                wire.MESSAGE_ID_RESPONDED_TO: message_id,
                wire.DATASET_TYPE: wire.NO_DATASET,
                wire.STATUS: 0,
            }
        )
        writer.writelines(wire.data_pdus(context_id, wire.COMMAND, command, 16384, last=True))


@asynccontextmanager
async def listening_sink(syntax: str) -> AsyncIterator[tuple[Sink, int]]:
    sink = Sink(syntax)
    server = await asyncio.start_server(sink.serve, "127.0.0.1", 0)
    async with server:
        yield sink, server.sockets[0].getsockname()[1]


@pytest.mark.parametrize("accepted", ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2"])
async def test_memory_does_not_depend_on_the_object(
    bus: Bus, store: Any, index: Any, sending: Any, image: Any, file_of: Any, accepted: str
) -> None:
    """A very large multi-frame object is sent, re-encoded or not, in 24 MB of memory."""
    one = image(1, PixelData=b"")
    file = file_of(one)
    spool = store.objects.spool()
    spool.write(file[:-4] + (LARGE_MB * MB).to_bytes(4, "little"))
    for _ in range(LARGE_MB):
        spool.write(bytes(MB))
    key, size = new_key(), spool.size
    await store.objects.put(key, spool)
    await store.add(b"", one, object_key=key, size=size)
    async with listening_sink(accepted) as (sink, port), sending(bus, store, port) as sender:
        await sender.send(port, "nothing")  # whatever is imported late is in memory now
        tracemalloc.start()
        try:
            job_id = await sender.submit(port)
            job = await sender.jobs.wait_for(job_id, 60 + LARGE_MB)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert (job.document.state, job.document.error_details) == ("Success", "")
    assert LARGE_MB * MB < sink.received < LARGE_MB * MB + 4096
    assert peak < 24 * MB

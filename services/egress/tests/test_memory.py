# SPDX-License-Identifier: Apache-2.0
"""Objects of any size leave in pieces; `PONS_TEST_LARGE_MB=2048` tries it with two gigabytes."""

import asyncio
import os
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from pons.bus import Bus
from pons.dicom.network.associate import (
    ACCEPTED,
    Acceptance,
    ContextResult,
    decode_proposal,
    encode_acceptance,
)
from pons.dicom.network.dimse import C_STORE_RQ, Command, Response, encode_response
from pons.dicom.network.pdu import (
    ASSOCIATE_RQ,
    COMMAND,
    LAST,
    PDU_HEADER,
    RELEASE_REPLY,
    RELEASE_RQ,
    encode_data,
)
from pons.dicom.network.user_information import our_information
from pons.objects import new_key
from pons_testing.streams import serving_streams

pytestmark = pytest.mark.anyio

MB = 1024 * 1024
LARGE_MB = int(os.environ.get("PONS_TEST_LARGE_MB", "96"))


class Sink:
    """A storage SCP that accepts everything offered in one syntax, and keeps nothing."""

    def __init__(self, syntax: str) -> None:
        self.syntax = syntax
        self.received = 0

    def accept(self, pdu: bytes) -> bytes:
        proposal = decode_proposal(pdu)
        results = tuple(
            ContextResult(
                context.context_id,
                ACCEPTED if context.transfer_syntaxes == (self.syntax,) else 4,
                self.syntax,
            )
            for context in proposal.contexts
        )
        return encode_acceptance(Acceptance(results, our_information(0)), proposal.echoed)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        numbers = 0
        while True:
            head = await reader.readexactly(6)
            kind, length = PDU_HEADER.unpack(head)
            body = await reader.readexactly(length)
            if kind == ASSOCIATE_RQ:
                writer.write(self.accept(head + body))
            elif kind == RELEASE_RQ:
                writer.write(RELEASE_REPLY)
                writer.close()
                return
            else:  # P-DATA of one fragment, as they are sent
                control = body[5]
                self.received += 0 if control & COMMAND else length - 6
                if control == LAST:
                    numbers += 1
                    self.answer(writer, body[4], numbers)

    def answer(self, writer: asyncio.StreamWriter, context_id: int, message_id: int) -> None:
        request = Command(C_STORE_RQ, message_id, True, "", "")
        command = encode_response(request, Response(0))
        writer.writelines(encode_data(context_id, COMMAND, command, 16384))


@asynccontextmanager
async def listening_sink(syntax: str) -> AsyncIterator[tuple[Sink, int]]:
    sink = Sink(syntax)
    async with serving_streams(sink.serve) as port:
        yield sink, port


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


class Chatterbox(Sink):
    """It answers each request many times, until we have gone."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                await super().serve(reader, writer)
        finally:
            writer.transport.abort()

    def answer(self, writer: asyncio.StreamWriter, context_id: int, message_id: int) -> None:
        for _ in range(100):
            super().answer(writer, context_id, message_id)


async def test_responses_that_nobody_asked_for(
    bus: Bus, store: Any, index: Any, sending: Any, image: Any
) -> None:
    """They end the association instead of filling the memory; what was sent before stays so."""
    for number in (1, 2):
        await store.add_dataset(image(number))
    chatterbox = Chatterbox("1.2.840.10008.1.2.1")
    async with serving_streams(chatterbox.serve) as port, sending(bus, store, port) as sender:
        job = await sender.send(port)
    assert job.document.state == "Failure"
    assert "breaks the protocol: A response without a request" in job.document.error_details
    assert [e.sop_instance_uid for e in index.exports] == ["1.2.3.4.1"]

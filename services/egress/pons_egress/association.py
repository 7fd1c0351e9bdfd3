# SPDX-License-Identifier: Apache-2.0
"""An association that we asked for: open it, ask, and end it as the standard says (PS3.8 7).

On asyncio, because pynetdicom's own requestor puts a whole dataset into its queue before the first
byte leaves, and does not tell why a connection failed. Here at most one piece of a dataset is in
memory, and whatever goes wrong is a `RemoteFailure` that says which peer and what happened.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NoReturn

from pons.dicom.network import dimse
from pons.dicom.network.dimse import Response
from pons.dicom.network.fragments import even_pieces, in_batches
from pons.dicom.network.pdu import (
    ABORT,
    COMMAND,
    RELEASE_REPLY,
    RELEASE_REQUEST,
    RELEASE_RQ,
    USER_ABORT,
    AbortReason,
    Pdu,
    Phase,
    ProtocolError,
    decode_abort,
    encode_data,
)
from pons.errors import RemoteFailure
from pons.sending.contexts import Way
from pons.traces.attributes import Attribute
from pons.traces.spans import Attributes, span
from pons_egress.calls import reached
from pons_egress.metrics import ASSOCIATIONS, ASSOCIATIONS_OPEN
from pons_egress.negotiation import Accepted, Incoming, connect, negotiate
from pons_egress.peer import Peer

GRACE = 1.0
"""Seconds to learn why a peer closed the connection, and for it to agree to a release."""


@dataclass(frozen=True, slots=True)
class Instance:
    """What a C-STORE request says of the instance whose dataset follows."""

    sop_class_uid: str
    sop_instance_uid: str
    move_originator_aet: str = ""
    move_originator_id: int | None = None


class Association:
    """An established association. Open it with `open_association`; one request at a time."""

    def __init__(
        self,
        peer: Peer,
        accepted: Accepted,
        incoming: Incoming,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.peer = peer
        self.accepted = accepted
        self._incoming = incoming
        self._writer = writer
        self._responses: asyncio.Queue[Response] = asyncio.Queue(1)
        """One request at a time has one response; a peer with more to say is no peer."""
        self._released = asyncio.Event()
        self._message_id = 0
        self._idle = True
        """Nothing half-sent and no answer outstanding, so that a release is possible."""
        self._broken: RemoteFailure | None = None
        self._reading = asyncio.create_task(self._read())

    @property
    def usable(self) -> bool:
        """Whether another request may follow."""
        return self._idle and self._broken is None

    async def store(
        self, context_id: int, instance: Instance, dataset: AsyncIterable[bytes]
    ) -> Response:
        """C-STORE (PS3.7 9.1.1) of a dataset that is encoded as `context_id` wants it."""
        elements: dict[int, int | str] = {
            dimse.AFFECTED_SOP_CLASS_UID: instance.sop_class_uid,
            dimse.COMMAND_FIELD: dimse.C_STORE_RQ,
            dimse.PRIORITY: 0,
            dimse.COMMAND_DATASET_TYPE: dimse.WITH_DATASET,
            dimse.AFFECTED_SOP_INSTANCE_UID: instance.sop_instance_uid,
        }
        if instance.move_originator_aet:
            elements[dimse.MOVE_ORIGINATOR_AET] = instance.move_originator_aet
        if instance.move_originator_id is not None:
            elements[dimse.MOVE_ORIGINATOR_MESSAGE_ID] = instance.move_originator_id
        return await self._request(context_id, elements, dataset)

    async def _request(
        self,
        context_id: int,
        elements: Mapping[int, int | str],
        dataset: AsyncIterable[bytes] | None,
    ) -> Response:
        self._message_id = self._message_id % 0xFFFF + 1
        command = dimse.encode_command({**elements, dimse.MESSAGE_ID: self._message_id})
        self._idle = False
        await self._send(context_id, COMMAND, command, last=True)
        if dataset is not None:
            await self._send_dataset(context_id, dataset)
        try:
            async with asyncio.timeout(self.peer.timeout):
                response = await self._answer()
        except TimeoutError:
            raise self.peer.silence("no answer within") from None
        if response.answers != (elements[dimse.COMMAND_FIELD], self._message_id):
            raise self.peer.failure("its answer is to no request of ours")
        self._idle = True
        return response

    async def _send_dataset(self, context_id: int, dataset: AsyncIterable[bytes]) -> None:
        async for piece, last in even_pieces(dataset):
            await self._send(context_id, 0, piece, last=last)

    async def _send(self, context_id: int, kind: int, content: bytes, *, last: bool) -> None:
        pdus = encode_data(context_id, kind, content, self.accepted.maximum_length, last=last)
        if self._broken is not None:
            raise self._broken
        try:
            async for batch in in_batches(pdus):
                async with asyncio.timeout(self.peer.timeout):
                    self._writer.writelines(batch)
                    await self._writer.drain()
        except TimeoutError:
            raise self.peer.silence("it takes no data for") from None
        except OSError:
            await self._tell_why()

    async def _answer(self) -> Response:
        waiting = asyncio.ensure_future(self._responses.get())
        try:
            await asyncio.wait((waiting, self._reading), return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                return waiting.result()
        finally:
            waiting.cancel()
        return await self._tell_why()

    async def _tell_why(self) -> NoReturn:
        await asyncio.wait((self._reading,), timeout=GRACE)
        if self._reading.done():
            self._reading.result()
        raise self._broken or self.peer.failure("closed the connection")

    async def _read(self) -> None:
        """Take what the peer sends, until the association is over; `_broken` says how."""
        try:
            await self._read_pdus()
        except ProtocolError as error:
            self._broken = self.peer.failure(f"breaks the protocol: {error}")
        except OSError:
            self._broken = self.peer.failure("closed the connection")
        self._released.set()

    async def _read_pdus(self) -> None:
        while True:
            event = await self._incoming.next()
            if isinstance(event, Response):
                if self._responses.full():
                    raise ProtocolError(
                        "A response without a request", AbortReason.UNEXPECTED_PARAMETER
                    )
                self._responses.put_nowait(event)
            elif isinstance(event, Pdu):
                self._end(event)
                return

    def _end(self, pdu: Pdu) -> None:
        """Note how the peer ends the association; the answer to our release says all is well."""
        if pdu.kind == ABORT:
            self._broken = self.peer.failure(f"aborted by {decode_abort(pdu.content)}")
        elif pdu.kind == RELEASE_RQ:
            self._writer.write(RELEASE_REPLY)
            self._broken = self.peer.failure("released the association by itself")

    async def close(self, *, orderly: bool) -> None:
        """Release when nothing is half-done and `orderly`, else abort; never raises."""
        try:
            async with asyncio.timeout(GRACE):
                await self._say_goodbye(release=orderly and self._idle)
                self._writer.close()
                await self._writer.wait_closed()
        except (OSError, TimeoutError):
            pass
        finally:
            self._writer.transport.abort()  # unless it is closed, also when this was cancelled
            self._reading.cancel()

    async def _say_goodbye(self, *, release: bool) -> None:
        if self._broken is not None:
            return
        if release:
            self._incoming.expect(Phase.RELEASING)
        self._writer.write(RELEASE_REQUEST if release else USER_ABORT)
        await self._writer.drain()
        if release:
            await self._released.wait()


@asynccontextmanager
async def open_association(
    peer: Peer, ways: Sequence[Way], maximum_length: int
) -> AsyncIterator[Association]:
    """An association as long as the block runs: released after it, aborted when it is cut short.

    Raises `RemoteFailure` when there is none: connection refused, rejected, no accepted context.
    """
    with span("DICOM association", "client", _about(peer)):
        try:
            association = await _associate(peer, ways, maximum_length)
        except RemoteFailure:
            ASSOCIATIONS.labels(peer.modality, "failed").inc()
            raise
        ASSOCIATIONS.labels(peer.modality, "established").inc()
        reached()
        orderly = False
        try:
            with ASSOCIATIONS_OPEN.track_inprogress():
                yield association
            orderly = True
        except Exception:
            orderly = True  # an abort all the same when it happened in the middle of a request
            raise
        finally:
            await association.close(orderly=orderly)


def _about(peer: Peer) -> Attributes:
    return {
        Attribute.NETWORK_PROTOCOL: "dicom",
        Attribute.SERVER_ADDRESS: peer.host,
        Attribute.SERVER_PORT: peer.port,
        Attribute.CALLING_AET: peer.local_aet,
        Attribute.CALLED_AET: peer.aet,
        Attribute.DESTINATION: f"modality:{peer.modality}",
    }


async def _associate(peer: Peer, ways: Sequence[Way], maximum_length: int) -> Association:
    reader, writer = await connect(peer)
    incoming = Incoming(reader, writer.transport, maximum_length)
    try:
        accepted = await negotiate(peer, ways, maximum_length, incoming, writer)
    except BaseException:
        writer.transport.abort()
        raise
    return Association(peer, accepted, incoming, writer)

# SPDX-License-Identifier: Apache-2.0
"""One request while it is answered: what its service says to the peer, and asks of it (PS3.7 8)."""

from collections.abc import AsyncIterable, Awaitable, Iterable, Mapping

from pons.dicom.network.dimse import (
    C_CANCEL_RQ,
    COMMAND_DATASET_TYPE,
    COMMAND_FIELD,
    MESSAGE_ID,
    NO_DATASET,
    PENDING,
    RESPONSE,
    WITH_DATASET,
    Response,
    as_response,
    encode_command,
    encode_response,
)
from pons.dicom.network.fragments import even_pieces, in_batches
from pons.dicom.network.messages import Context, DatasetFull, Message
from pons.dicom.network.pdu import (
    ABORT,
    COMMAND,
    RELEASE_RQ,
    AbortReason,
    Pdu,
    ProtocolError,
    decode_abort,
    encode_data,
)
from pons_ingress.admission import Peer
from pons_ingress.channel import Aborted, Channel
from pons_ingress.negotiation import Agreement
from pons_ingress.unseen import Unseen


class Conversation:
    """What a service has of an association while it answers `message`.

    Meanwhile the peer may cancel the request. Whatever else it sends waits until the request is
    answered: 64 KiB in memory, the rest in its own. While this side awaits a response, nothing else
    may come: one operation at a time is what was agreed (PS3.7 D.3.3.3).
    """

    def __init__(
        self,
        channel: Channel,
        peer: Peer,
        agreement: Agreement,
        unseen: Unseen,
        message: Message,
    ) -> None:
        self.peer = peer
        self.agreement = agreement
        self.unseen = unseen
        """An answer that shows what is stored comes after `unseen.settle()`."""
        self.message = message
        self.answered = False
        """Whether the final response was given."""
        self._channel = channel
        self._cancelled = False
        self._message_id = 0

    def respond(self, response: Response, dataset: bytes | None = None) -> Awaitable[None]:
        """Send `response` and its dataset; waits while the peer does not take what it was sent."""
        return self.respond_to_all(response, (dataset,))

    def respond_to_all(
        self, response: Response, datasets: Iterable[bytes | None]
    ) -> Awaitable[None]:
        """As `respond`, the same with each of the datasets; they leave together."""
        self.answered = response.status not in PENDING
        context_id, maximum = self.message.context.context_id, self.agreement.peer_maximum_length
        commands: dict[bool, list[bytes | memoryview]] = {}
        pieces: list[bytes | memoryview] = []
        for dataset in datasets:
            with_dataset = dataset is not None
            if with_dataset not in commands:
                command = encode_response(self.message.command, response, with_dataset=with_dataset)
                commands[with_dataset] = [*encode_data(context_id, COMMAND, command, maximum)]
            pieces += commands[with_dataset]
            if dataset is not None:
                pieces += encode_data(context_id, 0, dataset, maximum)
        return self._channel.send(b"".join(pieces))

    @property
    def cancelled(self) -> bool:
        """Whether the peer wants no further answer, or is gone."""
        while (early := self._channel.glance()) is not None:
            if not self._cancels(early):
                gone = isinstance(early, Pdu) and early.kind == ABORT
                return self._cancelled or gone or self._channel.ended
            self._channel.take()
        return self._cancelled or self._channel.ended

    async def request(
        self,
        context: Context,
        command: Mapping[int, int | str],
        dataset: AsyncIterable[bytes] | None = None,
    ) -> Response:
        """Ask the peer for something in `context`; its response.

        `command` needs neither a message ID nor a command dataset type. A dataset goes out as it
        comes, in the transfer syntax of the context. Raises what ends the association, also
        between the pieces: one is in memory at most that the peer does not take.
        """
        self._message_id = self._message_id % 0xFFFF + 1
        elements = {
            **command,
            MESSAGE_ID: self._message_id,
            COMMAND_DATASET_TYPE: NO_DATASET if dataset is None else WITH_DATASET,
        }
        await self._send(context, COMMAND, encode_command(elements), last=True)
        if dataset is not None:
            async for piece, last in even_pieces(dataset):
                await self._send(context, 0, piece, last=last)
        response = as_response((await self._response()).command)
        if response.answers != (command[COMMAND_FIELD], self._message_id):
            raise _unexpected("A response to no request of this side")
        return response

    async def _send(self, context: Context, kind: int, content: bytes, *, last: bool) -> None:
        maximum = self.agreement.peer_maximum_length
        pdus = encode_data(context.context_id, kind, content, maximum, last=last)
        async for batch in in_batches(pdus):
            await self._channel.send(b"".join(batch))
            self._channel.check()

    async def _response(self) -> Message:
        while True:
            event = await self._channel.next(answering=True)
            if isinstance(event, DatasetFull):  # no response has that much
                event.dataset.close()
                raise _unexpected("A request while a response is awaited")
            if not isinstance(event, Message):
                expected(event, RELEASE_RQ)
                raise ProtocolError(
                    "A-RELEASE-RQ while a response is awaited", AbortReason.UNEXPECTED_PDU
                )
            if event.dataset is not None:
                event.dataset.close()
            if event.command.field & RESPONSE:
                return event
            if not self._cancels(event):
                raise _unexpected("A request while a response is awaited")

    def _cancels(self, event: object) -> bool:
        """Whether `event` is a C-CANCEL, which is remembered when it is of this request."""
        if not isinstance(event, Message) or event.command.field != C_CANCEL_RQ:
            return False
        if event.command.message_id == self.message.command.message_id:
            self._cancelled = True
        return True


def expected(event: object, kind: int) -> Pdu:
    """The PDU of type `kind` that was waited for; what else the reader lets through is an abort."""
    if isinstance(event, Pdu) and event.kind == ABORT:
        raise Aborted(f"by {decode_abort(event.content)}")
    if not isinstance(event, Pdu) or event.kind != kind:
        raise TypeError(f"Expected a PDU of type {kind}, got {event!r}")
    return event


def _unexpected(why: str) -> ProtocolError:
    return ProtocolError(why, AbortReason.UNEXPECTED_PARAMETER)

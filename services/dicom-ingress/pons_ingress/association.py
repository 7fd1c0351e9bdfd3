# SPDX-License-Identifier: Apache-2.0
"""One association, from A-ASSOCIATE-RQ to its end (PS3.8 9.2, the acceptor's side)."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

import structlog

from pons.dicom.network.associate import decode_proposal, decode_titles
from pons.dicom.network.dimse import C_CANCEL_RQ, RESPONSE, Command, Response
from pons.dicom.network.messages import Context, Dataset, DatasetFull, Message, MessageReader
from pons.dicom.network.pdu import (
    ASSOCIATE_RQ,
    RELEASE_REPLY,
    RELEASE_RQ,
    USER_ABORT,
    AbortReason,
    PduReader,
    Phase,
    ProtocolError,
    encode_abort,
)
from pons.dicom.network.rejection import Rejection
from pons.settings import DicomSettings
from pons.traces.attributes import Attribute
from pons.traces.spans import Attributes, span
from pons_ingress import metrics
from pons_ingress.admission import Admission, Peer, Seats
from pons_ingress.channel import (
    Aborted,
    AssociationEnded,
    Channel,
    ConnectionLost,
    Stopping,
    TimedOut,
)
from pons_ingress.conversation import Conversation, expected
from pons_ingress.negotiation import Agreement, Rules, negotiate, refuse_foreign
from pons_ingress.services import Services
from pons_ingress.status import INTERNAL_ERROR
from pons_ingress.unseen import Unseen

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Ending:
    """How an association ended, and what the peer is told."""

    outcome: str
    last_words: bytes = b""
    why: str = ""


class Association:
    """Talks with one peer through `channel`; `run` is the whole conversation."""

    def __init__(
        self,
        settings: DicomSettings,
        admission: Admission,
        seats: Seats,
        services: Services,
        rules: Callable[[], Rules],
        buffer: memoryview,
        connected: Callable[["Association"], None],
    ) -> None:
        self._settings = settings
        self._admission = admission
        self._seats = seats
        self._services = services
        self._rules = rules
        self._messages = MessageReader(self._open_dataset)
        self._reader = PduReader(self._messages, settings.maximum_pdu_length, Phase.REQUEST)
        self.channel = Channel(self._reader, self._messages, buffer, lambda: connected(self))
        self._peer = Peer("", "", "")
        self._agreement: Agreement
        self._requests = 0
        self._unseen = Unseen()

    async def run(self) -> None:
        """Serve the peer until the association has ended and the connection is closed."""
        started = monotonic()
        self.channel.expect_within(self._settings.artim_timeout)
        with self._seats.seat() as take_seat:
            try:
                await self._establish(take_seat)
                with span("DICOM association", "server", self._about) as traced:
                    try:
                        await self._serve()
                    finally:
                        traced.set(Attribute.REQUESTS, self._requests)
                ending = Ending("released", RELEASE_REPLY)
            except asyncio.CancelledError:  # the service ends and this has had its time
                self.channel.drop(USER_ABORT)
                raise
            except Exception as error:  # the edge: what is a bug is logged as one
                ending = _ending(error, self._reader.established)
            finally:
                if (dataset := self._messages.unfinished) is not None:
                    dataset.close()
        self._report(ending, monotonic() - started)
        patience = self._settings.artim_timeout if ending.last_words else 0
        await self.channel.close(ending.last_words, patience)

    @property
    def _about(self) -> Attributes:
        return {
            Attribute.NETWORK_PROTOCOL: "dicom",
            Attribute.CLIENT_ADDRESS: self._peer.remote_ip,
            Attribute.CALLING_AET: self._peer.calling_aet,
            Attribute.CALLED_AET: self._peer.called_aet,
        }

    async def _establish(self, take_seat: Callable[[], None]) -> None:
        request = expected(await self.channel.next(), ASSOCIATE_RQ)
        self._peer = Peer(*decode_titles(request.content), self.channel.remote_ip)
        proposal = decode_proposal(request.content)
        refuse_foreign(proposal)
        take_seat()
        permissions = await self._admission.permissions(self._peer)
        verified = await self._admission.verified(self._peer, proposal.user.identity)
        self._agreement = agreement = negotiate(
            proposal, permissions, self._rules(), verified=verified
        )
        self._messages.contexts = agreement.contexts
        self._reader.expect(Phase.ESTABLISHED)
        self.channel.expect_within(self._settings.idle_timeout)
        await self.channel.send(agreement.reply)

    async def _serve(self) -> None:
        """Answer requests, one after the other, until the peer asks to release."""
        while True:
            event = await self.channel.next()
            if isinstance(event, Message):
                await self._answer(event)
            elif isinstance(event, DatasetFull):
                await event.dataset.spill()
            elif expected(event, RELEASE_RQ) and self._messages.inside_message:
                raise ProtocolError("A-RELEASE-RQ inside a message", AbortReason.UNEXPECTED_PDU)
            else:
                await self._unseen.settle()
                return

    async def _answer(self, message: Message) -> None:
        command = message.command
        if command.field == C_CANCEL_RQ:
            return  # what it is about was answered meanwhile
        if command.field & RESPONSE:
            raise ProtocolError("A response without a request", AbortReason.UNEXPECTED_PARAMETER)
        self._requests += 1
        conversation = Conversation(
            self.channel, self._peer, self._agreement, self._unseen, message
        )
        try:
            await self._services.choose(message.context, command, self._agreement).answer(
                conversation
            )
        except (ProtocolError, AssociationEnded):
            raise
        except Exception:  # the edge: anything else is a bug, and the peer has to hear something
            log.exception("request failed", command=f"{command.field:04X}")
            if not conversation.answered:
                await conversation.respond(Response(INTERNAL_ERROR, "Internal error"))
        finally:
            if message.dataset is not None:
                message.dataset.close()

    def _open_dataset(self, context: Context, command: Command) -> Dataset:
        service = self._services.choose(context, command, self._agreement)
        return service.open_dataset(self._peer, context, command)

    def _report(self, ending: Ending, seconds: float) -> None:
        metrics.ASSOCIATIONS.labels(ending.outcome).inc()
        facts = {
            "calling_aet": self._peer.calling_aet,
            "called_aet": self._peer.called_aet,
            "remote_ip": self.channel.remote_ip,
            "requests": self._requests,
            "seconds": round(seconds, 3),
        }
        event = f"association {ending.outcome}"
        if ending.outcome == "released":
            log.info(event, **facts)
        elif ending.outcome == "lost" and not self._reader.established:
            log.debug("connection without association", **facts)  # how load balancers probe a port
        else:
            log.warning(event, why=ending.why, **facts)


def _ending(error: Exception, established: bool) -> Ending:
    why = str(error)
    # PS3.8 table 9-10: without an association there is nothing to abort, only to close (AA-2)
    abort = USER_ABORT if established else b""
    match error:
        case Rejection():
            return Ending("rejected", error.encode(), why)
        case ProtocolError():
            return Ending("broken", encode_abort(error.source, error.reason), why)
        case Aborted():
            return Ending("aborted", why=why)
        case ConnectionLost():
            return Ending("lost", why=why)
        case TimedOut():
            return Ending("timed out", abort, why)
        case Stopping():
            return Ending("stopped", abort, why)
        case _:
            log.error("association failed", exc_info=error)
            return Ending("failed", abort, "internal error")

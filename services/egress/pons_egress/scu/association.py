# SPDX-License-Identifier: Apache-2.0
"""An association of pynetdicom that we asked for: open it, work on it, end it (PS3.8 7).

What comes in is bounded, each wait has the peer's timeout, and whatever goes wrong is a
`RemoteFailure` that says which peer and what happened.
"""

import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Any, TypeVar

from pydicom import Dataset
from pydicom.uid import UID
from pynetdicom import AE, _config, evt
from pynetdicom.association import Association as Requestor
from pynetdicom.pdu import A_ABORT_RQ, A_ASSOCIATE_RJ
from pynetdicom.presentation import PresentationContext

from pons import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from pons.dicom.network.dimse import C_CANCEL_RQ, RESPONSE
from pons.dicom.network.pdu import SMALLEST_LENGTH, decode_abort
from pons.dicom.network.rejection import decode_rejection
from pons.dicom.pynetdicom_reactor import Checkpoint
from pons.errors import RemoteFailure
from pons.limits import MEGABYTE
from pons_egress.calls import reached
from pons_egress.metrics import ASSOCIATIONS, ASSOCIATIONS_OPEN
from pons_egress.peer import Peer
from pons_egress.scu.connection import Connection, Watch, tls_context

T = TypeVar("T")
PENDING = (0xFF00, 0xFF01)

MESSAGES_WAITING = 32
"""Messages that have been read and not yet dealt with; then the peer waits."""

_config.LOG_HANDLER_LEVEL = "none"
_config.LOG_REQUEST_IDENTIFIERS = _config.LOG_RESPONSE_IDENTIFIERS = False
# What it would log is raised here, with less of what is in data sets.
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
logging.getLogger("pynetdicom.events").setLevel(logging.ERROR)  # of handlers that fail: bugs


@dataclass(frozen=True, slots=True)
class Offer:
    """What an association proposes, and what it takes."""

    contexts: list[PresentationContext]
    negotiation: list[Any] = field(default_factory=list)
    """More items of the user information, such as roles (of `pynetdicom.pdu_primitives`)."""
    handlers: list[Any] = field(default_factory=list)
    """Pairs of an event and what pynetdicom calls then."""
    largest_message: int = 16 * MEGABYTE
    """Bytes that a message of the peer may have."""


class Association:
    """One association, and what is known of its end. `ScuThreads.run` hands it to work."""

    def __init__(self, peer: Peer, offer: Offer, maximum_length: int) -> None:
        self.peer = peer
        self.cancelled = Event()
        """Set when the work is to end; from any thread."""
        self.requestor: Requestor
        """pynetdicom's association; only while it is open."""
        self._offer = offer
        self._maximum_length = maximum_length
        self._ended = ""
        self._over = Event()
        self._watch = Watch(peer, offer.largest_message, self.tell_end)
        self._heard = 0.0
        """When the peer's last message was whole, or when it was connected; 0 before."""
        self._asked: int | None = None
        """Message ID of the request that has no last answer yet."""
        self._unasked = False
        """Whether an answer came while there was none."""

    def run(self, work: Callable[["Association"], T]) -> T:
        """What `work` makes of it. Raises `RemoteFailure`; blocks."""
        with self._opened():
            return work(self)

    def failure(self) -> RemoteFailure:
        """Why the association ended, or why there was no connection for one."""
        tell = self.peer.failure if self._heard else self.peer.absence
        return tell(self._ended or "the association ended")

    def tell_end(self, what: str) -> None:
        """Note why the association ends; the first reason counts. From any thread."""
        self._ended = self._ended or what

    def cut(self) -> None:
        """Close the connection, whatever waits for it. From any thread."""
        self.cancelled.set()
        self._over.set()
        self.tell_end("the connection was cut")
        if self._watch.connection is not None:
            self._watch.connection.cut()

    @contextmanager
    def _opened(self) -> Iterator[None]:
        try:
            self.requestor = self._associate()
        except RemoteFailure:
            ASSOCIATIONS.labels(self.peer.modality, "failed").inc()
            raise
        ASSOCIATIONS.labels(self.peer.modality, "established").inc()
        reached()
        orderly = False
        try:
            with ASSOCIATIONS_OPEN.track_inprogress():
                yield
            orderly = True
        finally:
            self._over.set()
            self._close(orderly=orderly)

    def _associate(self) -> Requestor:
        """An established association, with the first of the host's addresses that connects."""
        for address in self._addresses():
            self._ended, self._watch.connection = "", None
            requestor = self._ask(address)
            if requestor.is_established:
                requestor._reactor_checkpoint = Checkpoint(requestor)  # type: ignore[assignment]
                return self._able(requestor)
            requestor.kill()
            if self._watch.connection is not None:
                self._watch.connection.close()
            if self._heard or self._watch.answered:
                break
        raise self._not_established(requestor)

    def _able(self, requestor: Requestor) -> Requestor:
        """One whose peer takes PDUs that hold something."""
        most = requestor.acceptor.maximum_length or 0
        if 0 < most < SMALLEST_LENGTH:
            self.requestor = requestor
            self._over.set()
            self._close(orderly=False)
            raise self.peer.failure(f"takes PDUs of {most} bytes only")
        return requestor

    def _not_established(self, requestor: Requestor) -> RemoteFailure:
        if not requestor.rejected_contexts:
            return self.failure()
        names = {UID(str(context.abstract_syntax)).name for context in self._offer.contexts}
        listed = ", ".join(sorted(names))
        return self.peer.failure(f"accepts no presentation context for {listed}")

    def _addresses(self) -> list[str]:
        try:
            found = socket.getaddrinfo(self.peer.host, self.peer.port, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            what = f"host {self.peer.host!r} is not known: {error.strerror}"
            raise self.peer.absence(what) from None
        return list(dict.fromkeys(str(address[0]) for *_, address in found))

    def _ask(self, address: str) -> Requestor:
        entity = AE(self.peer.local_aet)
        entity.implementation_class_uid = UID(IMPLEMENTATION_CLASS_UID)
        entity.implementation_version_name = IMPLEMENTATION_VERSION_NAME
        entity.connection_timeout = entity.acse_timeout = entity.dimse_timeout = self.peer.timeout
        entity.network_timeout = None  # of silence between requests, of which we make none
        ours: list[Any] = [
            (evt.EVT_ACSE_SENT, self._requesting),
            (evt.EVT_CONN_OPEN, self._connected),
            (evt.EVT_CONN_CLOSE, self._disconnected),
            (evt.EVT_PDU_RECV, self._pdu_came),
            (evt.EVT_PDU_SENT, self._pdu_went),
            (evt.EVT_DIMSE_RECV, self._message_came),
            (evt.EVT_DIMSE_SENT, self._message_went),
            (evt.EVT_ABORTED, lambda _: self._over.set()),
        ]
        context = tls_context(self._watch)
        return entity.associate(
            address,
            self.peer.port,
            contexts=self._offer.contexts,
            ae_title=self.peer.aet,
            max_pdu=self._maximum_length,
            ext_neg=self._offer.negotiation,
            tls_args=None if context is None else (context, self.peer.host),
            evt_handlers=ours + self._offer.handlers,
        )

    def _close(self, *, orderly: bool) -> None:
        """Release when all went well, else abort; whatever the peer does then, it is over."""
        if self.requestor.is_established and orderly and not self.cancelled.is_set():
            self.requestor.release()
        if self.requestor.is_established:
            self.requestor.abort()
        if self._watch.connection is not None:
            self._watch.connection.cut()
        self.requestor.join()
        if self._watch.connection is not None:
            self._watch.connection.close()

    # What follows is called by pynetdicom, in threads of its own.

    def _requesting(self, event: evt.Event) -> None:
        """Put our connection in the place of its socket, which has not been used yet."""
        transport = event.assoc.dul.socket
        if self.peer.tls is not None or self._watch.connection is not None:
            return  # of TLS, pynetdicom makes one that is ours: see `tls_context`
        if transport is not None and transport.socket is not None:
            self._watch.connection = Connection.instead_of(transport.socket, self._watch)
            transport.socket = self._watch.connection

    def _connected(self, _event: evt.Event) -> None:
        self._heard = time.monotonic()
        if self.cancelled.is_set():
            self.cut()

    def _disconnected(self, _event: evt.Event) -> None:
        if not self._over.is_set():
            self.tell_end("closed the connection")

    def _pdu_came(self, event: evt.Event) -> None:
        pdu = event.pdu
        if isinstance(pdu, A_ASSOCIATE_RJ):
            self.tell_end(f"association rejected: {decode_rejection(pdu.encode())}")
        elif isinstance(pdu, A_ABORT_RQ):
            self.tell_end(f"aborted by {decode_abort(pdu.encode())}")

    def _pdu_went(self, event: evt.Event) -> None:
        """It aborts by itself what is silent for too long, and what breaks the protocol."""
        if not isinstance(event.pdu, A_ABORT_RQ):
            return
        self._over.set()
        silent = time.monotonic() - self._heard >= self.peer.timeout
        waited = f"no answer within {self.peer.timeout:g} s"
        self.tell_end(waited if silent else "breaks the protocol")

    def _message_came(self, event: evt.Event) -> None:
        """Count anew; let the peer wait while many messages do."""
        self._heard = time.monotonic()
        self._watch.taken = 0
        self._check_answer(event.message.command_set)
        waiting, deadline = event.assoc.dimse.msg_queue, self._heard + self.peer.timeout
        while waiting.qsize() >= MESSAGES_WAITING and time.monotonic() < deadline:
            if self._over.wait(0.001):
                return

    def _check_answer(self, command: Dataset) -> None:
        """Of a request that was asked, or the connection is cut: pynetdicom takes any answer for
        one to the present request, also a second last one to the request before. That one takes
        nothing of what was answered, but nothing more can be asked."""
        if not command.CommandField & RESPONSE or self._over.is_set():
            return
        if self._asked is None and not self._unasked:
            self._unasked = True
        elif command.get("MessageIDBeingRespondedTo") != self._asked:
            self._cut_for_answer()
        elif command.get("Status") not in PENDING:
            self._asked = None

    def _message_went(self, event: evt.Event) -> None:
        command = event.message.command_set
        if not command.CommandField & RESPONSE and command.CommandField != C_CANCEL_RQ:
            self._asked = command.MessageID
            if self._unasked:
                self._cut_for_answer()

    def _cut_for_answer(self) -> None:
        self.tell_end("its answer is to no request of ours")
        self.cut()

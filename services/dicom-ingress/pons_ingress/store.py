# SPDX-License-Identifier: Apache-2.0
"""C-STORE: from a request and its dataset to a stored file and a status (PS3.4 annex B)."""

import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import perf_counter
from typing import Protocol

import structlog

from pons.dicom.network.dimse import (
    MOVE_ORIGINATOR_AET,
    MOVE_ORIGINATOR_MESSAGE_ID,
    Command,
    Response,
)
from pons.dicom.network.messages import Context, Dataset, Message
from pons.dicom.part10 import file_start
from pons.errors import InvalidInstance, PonsError, ReadOnly, Unavailable
from pons.header.model import MAX_UID
from pons.ingest import FilteredOut
from pons.messages.events import Origin
from pons.objects import Body, Spool
from pons.traces.attributes import Attribute
from pons.traces.spans import Span, span
from pons_ingress import metrics
from pons_ingress.admission import Peer
from pons_ingress.conversation import Conversation
from pons_ingress.received_file import ReceivedFile
from pons_ingress.services import IgnoredDataset
from pons_ingress.status import SUCCESS, SopClassRefused, store_status
from pons_ingress.syntaxes import StorageClasses
from pons_ingress.unseen import Kept, Unseen

UID = re.compile(rf"[!-\[\]-~]{{1,{MAX_UID}}}")
"""What is taken for a UID: ones with letters or leading zeros, and longer ones than the standard's
64 characters, exist and are kept as they are, over REST too."""

SEEN_AT_ONCE = 10
LARGEST_MESSAGE_ID, LONGEST_AET = 0xFFFF, 16

log = structlog.get_logger()


class KeepFile(Protocol):
    """`pons.ingest.Ingest.keep`: keeps a file, returns once it is durable."""

    async def __call__(
        self, body: Body, origin: Origin, *, awaited: bool, announced: tuple[str, str]
    ) -> Kept: ...


TellMoved = Callable[[str, int, str], Awaitable[None]]
"""Takes AE title and message ID of a C-MOVE, and the identifier of an instance that it brought."""


class Store:
    """Answers C-STORE requests; the datasets' bytes are kept exactly as they came.

    The first `SEEN_AT_ONCE` instances of an association are acknowledged when reads show them, as
    those expect who store a few and look. Later ones are when they are durable, which does not make
    a long series wait for the index; then it is the release that waits until all are seen.
    """

    def __init__(
        self,
        keep_file: KeepFile,
        open_spool: Callable[[], Spool],
        storage: Callable[[], StorageClasses],
        *,
        max_bytes: int,
        read_only: bool = False,
        tell_moved: TellMoved | None = None,
    ) -> None:
        """`tell_moved` is told whose C-MOVE has brought an instance."""
        self._keep_file = keep_file
        self._open_spool = open_spool
        self._storage = storage
        self._max_bytes = max_bytes
        self._read_only = read_only
        self._tell_moved = tell_moved

    def open_dataset(self, peer: Peer, context: Context, command: Command) -> Dataset:
        if self._problem(context, command) is not None:
            return IgnoredDataset()
        start = file_start(command.sop_class_uid, command.sop_instance_uid, context.transfer_syntax)
        return ReceivedFile(start, self._open_spool, self._max_bytes)

    async def answer(self, conversation: Conversation) -> None:
        command = conversation.message.command
        uids = {
            Attribute.SOP_CLASS_UID: command.sop_class_uid,
            Attribute.SOP_INSTANCE_UID: command.sop_instance_uid,
        }
        with span("C-STORE", "server", uids) as traced:
            await self._answer(conversation, traced)

    async def _answer(self, conversation: Conversation, traced: Span) -> None:
        started = perf_counter()
        peer, message = conversation.peer, conversation.message
        command, file = message.command, message.dataset
        size = file.size if isinstance(file, ReceivedFile) else 0
        response, outcome = Response(SUCCESS), ""
        try:
            outcome = await self._store(peer, message, conversation.unseen)
        except PonsError as error:
            response, outcome = Response(store_status(error), error.message), type(error).__name__
        except Exception as error:  # the edge: anything else is a bug, and the peer may try again
            log.exception("store failed", sop_instance_uid=command.sop_instance_uid)
            response, outcome = Response(store_status(error), "Internal error"), "InternalError"
        finally:
            if file is not None:
                file.close()
        seconds = perf_counter() - started
        metrics.BYTES.inc(size)
        metrics.STORE_SECONDS.observe(seconds)
        metrics.INSTANCES.labels(outcome, f"{response.status:04X}").inc()
        traced.set(Attribute.DICOM_STATUS, f"{response.status:04X}")
        traced.set(Attribute.OUTCOME, outcome)
        if response.status != SUCCESS:
            traced.fail(outcome)
        facts = {
            "sop_instance_uid": command.sop_instance_uid,
            "bytes": size,
            "source": peer.calling_aet,
            "remote_ip": peer.remote_ip,
            "ms": round(seconds * 1000, 1),
        }
        if response.status == SUCCESS:
            log.info("instance stored", outcome=outcome, **facts)
        else:
            status = f"{response.status:04X}"
            log.warning("instance refused", status=status, reason=response.comment, **facts)
        await conversation.respond(response)

    async def _store(self, peer: Peer, message: Message, unseen: Unseen) -> str:
        """What became of the instance; `Kept` where only the index will know."""
        command, file = message.command, message.dataset
        if (problem := self._problem(message.context, command)) is not None:
            raise problem
        if not isinstance(file, ReceivedFile):
            raise InvalidInstance("The request has no dataset")
        origin = Origin(
            kind="DicomProtocol",
            remote_ip=peer.remote_ip,
            remote_aet=peer.calling_aet,
            called_aet=peer.called_aet,
        )
        awaited = unseen.stored < SEEN_AT_ONCE
        announced = command.sop_class_uid, command.sop_instance_uid
        kept = await self._keep_file(
            await file.finish(), origin, awaited=awaited, announced=announced
        )
        awaited = awaited or isinstance(kept, FilteredOut)
        outcome = (await kept.stored()).status if awaited else "Kept"
        if not isinstance(kept, FilteredOut):
            await self._note_originator(command, kept.ids.instance)
        unseen.stored += 1
        if not awaited:
            unseen.add(command.sop_instance_uid, kept)
        return outcome

    async def _note_originator(self, command: Command, instance_id: str) -> None:
        """Tell whose C-MOVE has brought an instance, where the request says so.

        Once at most: nothing depends on it, and the instance is kept whatever is said there.
        """
        originator = command.text(MOVE_ORIGINATOR_AET)
        number = int.from_bytes(command.elements.get(MOVE_ORIGINATOR_MESSAGE_ID, b""), "little")
        named = 0 < len(originator) <= LONGEST_AET and 0 < number <= LARGEST_MESSAGE_ID
        if self._tell_moved and named:
            with suppress(Unavailable):
                await self._tell_moved(originator, number, instance_id)

    def _problem(self, context: Context, command: Command) -> PonsError | None:
        """Why the request cannot be served, whatever its dataset is."""
        if self._read_only:
            return ReadOnly()
        for name, uid in (
            ("AffectedSOPClassUID (0000,0002)", command.sop_class_uid),
            ("AffectedSOPInstanceUID (0000,1000)", command.sop_instance_uid),
        ):
            if not uid:
                return InvalidInstance(f"{name} is missing")
            if not UID.fullmatch(uid):
                return InvalidInstance(f"{name} is not a UID")
        # Of another class than its context is an instance all the same: better kept than lost.
        for uid in (context.abstract_syntax, command.sop_class_uid):
            if not self._storage().has(uid):
                return SopClassRefused(f"SOP class {uid} is not accepted")
        return None

# SPDX-License-Identifier: Apache-2.0
"""C-MOVE: has egress send instances to a modality, and tells how far that is (PS3.4 C.4.2)."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from functools import partial
from time import monotonic
from typing import Protocol

import msgspec
import structlog

from pons.catalog import Archive, InstanceToSend
from pons.dicom.network.dimse import MOVE_DESTINATION, Command, Response
from pons.dicom.network.messages import Context, Dataset
from pons.errors import NotFound, PonsError
from pons.jobs import JobDocument, Jobs, StoreRequest, submit_store
from pons.jobs.document import FILTERED, WARNED
from pons.jobs.failures import Failures, order_of
from pons.jobs.outcomes import CANCELED
from pons.messages.modality import Modality
from pons.settings import Settings
from pons_ingress.admission import KnownModalities, Peer
from pons_ingress.conversation import Conversation
from pons_ingress.identifier import ReceivedIdentifier
from pons_ingress.retrieve_query import Searcher, read_wanted
from pons_ingress.retrieving import answer_retrieval
from pons_ingress.status import (
    DESTINATION_UNKNOWN,
    NOTHING_SENT,
    SOME_FAILED,
    SUCCESS,
    retrieve_status,
)
from pons_ingress.sub_operations import SubOperations

LOOK_SECONDS = 0.1
"""How often it is looked whether the peer has cancelled."""
TELL_SECONDS = 5.0
"""After so long without news the peer is told how far it is all the same: many wait no longer than
a minute for a response."""
CANCEL_SECONDS = 30.0
"""How long a job that is cancelled may take to end."""

log = structlog.get_logger()


class DestinationUnknown(NotFound):
    """No modality has the AE title that is to be moved to."""


class Catalog(Searcher, Protocol):
    """The part of `pons.catalog.Catalog` that is asked."""

    archive: Archive


class Move:
    """Answers C-MOVE requests, each with a job that `/jobs` shows and any egress works on.

    The peer hears how far it is as the job goes on. Its C-CANCEL, and its leaving, cancel the job;
    when this process ends, the job goes on.
    With `dicom.synchronous_move` off, it hears Success as soon as there is a job.
    """

    def __init__(
        self,
        catalog: Catalog,
        jobs: Jobs,
        modalities: KnownModalities,
        settings: Settings,
        default_charset: Callable[[], str],
    ) -> None:
        self._catalog = catalog
        self._jobs = jobs
        self._modalities = modalities
        self._dicom = settings.dicom
        self._default_charset = default_charset

    def open_dataset(self, peer: Peer, context: Context, command: Command) -> Dataset:
        return ReceivedIdentifier()

    async def answer(self, conversation: Conversation) -> None:
        destination = conversation.message.command.text(MOVE_DESTINATION)
        move = partial(self._move, conversation)
        await answer_retrieval(conversation, "move", move, _status, destination=destination)

    async def _move(self, conversation: Conversation, moved: SubOperations) -> Response:
        """Have it done; gives the final response."""
        command = conversation.message.command
        name, modality = self._destination(command.text(MOVE_DESTINATION))
        wanted = read_wanted(conversation, self._default_charset(), level_needed=False)
        await conversation.unseen.settle()
        resources = await wanted.find(self._catalog)
        instances = await self._catalog.archive.instances_to_send(resources)
        moved.total = len(instances)
        moved.lack(wanted.level, wanted.lacking(instances))
        request = StoreRequest(
            name,
            resources,
            permissive=True,
            move_originator_aet=conversation.peer.calling_aet,
            move_originator_id=command.message_id,
        )
        job_id = await submit_store(self._jobs, request, modality, self._dicom.aet, by="C-MOVE")
        log.info("move begun", job=job_id, instances=len(instances))
        if not self._dicom.synchronous_move:
            return Response(SOME_FAILED if moved.lacking else SUCCESS, moved.comment)
        document = await self._follow(conversation, job_id, moved)
        instances = await _sent_by(document, instances, self._catalog.archive, resources)
        return _ended(document, instances, moved)

    def _destination(self, aet: str) -> tuple[str, Modality]:
        found: Mapping[str, Modality] = {}
        if aet:
            found = self._modalities.find_by_aet(aet, self._dicom.strict_aet_comparison)
        if not found:
            raise DestinationUnknown(f"{aet or 'no destination'} is no modality of this store")
        return min(found.items())

    async def _follow(
        self, conversation: Conversation, job_id: str, moved: SubOperations
    ) -> JobDocument:
        """The document of the job once it has ended; the peer is told how far it is meanwhile."""
        async with aclosing(self._jobs.follow(job_id)) as documents:
            return await self._tell(conversation, job_id, documents, moved)

    async def _tell(
        self,
        conversation: Conversation,
        job_id: str,
        documents: AsyncIterator[JobDocument],
        moved: SubOperations,
    ) -> JobDocument:
        told, cancelled_at = monotonic(), 0.0
        await conversation.respond(moved.pending())
        turn = asyncio.ensure_future(anext(documents))
        try:
            while True:
                done, _ = await asyncio.wait((turn,), timeout=LOOK_SECONDS)
                if conversation.cancelled and not cancelled_at:
                    await self._jobs.cancel(job_id)
                    cancelled_at = monotonic()
                if done:
                    document = turn.result()
                    _count(document, moved)
                    if document.finished:
                        return document
                    turn = asyncio.ensure_future(anext(documents))
                if cancelled_at:
                    if monotonic() - cancelled_at > CANCEL_SECONDS:
                        return (await self._jobs.get(job_id)).document
                elif done or monotonic() - told > TELL_SECONDS:
                    told = monotonic()
                    await conversation.respond(moved.pending())
        finally:
            turn.cancel()
            await asyncio.wait((turn,))


def _status(error: PonsError) -> int:
    unknown = isinstance(error, DestinationUnknown)
    return DESTINATION_UNKNOWN if unknown else retrieve_status(error)


def _count(document: JobDocument, moved: SubOperations) -> None:
    """What the job says of how far it is."""
    failed, warning, held_back = (
        int(document.content.get(what, 0)) for what in ("FailedInstancesCount", WARNED, FILTERED)
    )
    done = (document.position or {}).get("done")
    if done is None:
        done = round(document.progress * (moved.total - moved.lacking))
    moved.follow(done, failed=failed, warning=warning, held_back=held_back)


async def _sent_by(
    document: JobDocument, before: list[InstanceToSend], archive: Archive, resources: list[str]
) -> list[InstanceToSend]:
    """The instances of which the job tells: those of now where the study has changed since it was
    submitted and before it began, and else those `before`, also of a job that never began."""
    if not _has_places_of(document, before):
        now = await archive.instances_to_send(resources)
        if _has_places_of(document, now):
            return now
    return before


def _ended(
    document: JobDocument, instances: list[InstanceToSend], moved: SubOperations
) -> Response:
    """The final response for a job that has ended."""
    cancelled = document.error_code == CANCELED or not document.finished
    moved.total = len(instances) + moved.lacking
    _count(document, moved)
    moved.failed_uids += _failed_uids(document, instances)
    if document.state == "Failure" and not cancelled:
        # It broke off: in the order of the instances, what it had not come to failed as well.
        left = instances[moved.dealt_with - moved.lacking :]
        moved.failed_uids += [one.sop_instance_uid for one in left]
        moved.failed += len(left)
        if not moved.failed:  # it never looks as if all had gone well
            return moved.broken_off(NOTHING_SENT, document.error_details)
    return moved.final(cancelled=cancelled, comment=document.error_details)


def _failures(document: JobDocument) -> Failures:
    """Which instances failed, as the job's position has it."""
    position = document.position or {}
    return msgspec.convert(position.get("failures", {}), Failures)


def _has_places_of(document: JobDocument, instances: list[InstanceToSend]) -> bool:
    """Whether the job counts its places in these instances."""
    return _failures(document).order == order_of(one.instance_id for one in instances)


def _failed_uids(document: JobDocument, instances: list[InstanceToSend]) -> list[str]:
    """SOP Instance UIDs of all that failed: by their places, and those that the job names.

    An earlier version knows no places, be it that it did the whole job or its beginning; and where
    the study has changed they are others'.
    """
    fits = _has_places_of(document, instances)
    places = set(_failures(document).places() if fits else ())
    named = {one["ID"] for one in document.content.get("FailedInstances", ())}
    uids = [
        one.sop_instance_uid
        for place, one in enumerate(instances)
        if place in places or one.instance_id in named
    ]
    failed = int(document.content.get("FailedInstancesCount", 0))
    if len(uids) < failed:
        log.warning("not all failed instances are listed", job=document.id, failed=failed)
    return uids

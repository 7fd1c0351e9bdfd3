# SPDX-License-Identifier: Apache-2.0
"""N-EVENT-REPORT of storage commitment: a modality says what it keeps for good (PS3.4 J.3.3)."""

import asyncio
from typing import Protocol

import structlog

from pons.dicom.network.dimse import EVENT_TYPE_ID, Command, Response
from pons.dicom.network.messages import Context, Dataset
from pons.errors import PonsError
from pons.limits import MEGABYTE
from pons.remotes.commitments import PROCESSING_FAILURE, Failed, Reported, Transaction
from pons_ingress import metrics
from pons_ingress.admission import Peer
from pons_ingress.commitment_dataset import (
    FAILED,
    REFERENCED,
    failure_reason,
    items,
    read_transaction,
    reference,
)
from pons_ingress.conversation import Conversation
from pons_ingress.identifier import ReceivedIdentifier
from pons_ingress.status import NO_SUCH_EVENT, SUCCESS, report_status

COMPLETE, WITH_FAILURES = 1, 2
"""Event Type ID (PS3.4 J.3.3.1)."""
MAX_REPORT = 16 * MEGABYTE
"""Bytes of a report: some 100,000 instances."""

log = structlog.get_logger()


class KeepReport(Protocol):
    """`pons.remotes.commitments.Commitments.report`."""

    async def __call__(self, uid: str, reported: Reported) -> Transaction: ...


class CommitmentReports:
    """Hears reports; success is answered once a report is kept."""

    def __init__(self, keep: KeepReport) -> None:
        self._keep = keep

    def open_dataset(self, peer: Peer, context: Context, command: Command) -> Dataset:
        return ReceivedIdentifier(MAX_REPORT)

    async def answer(self, conversation: Conversation) -> None:
        response = Response(SUCCESS)
        try:
            if conversation.message.command.number(EVENT_TYPE_ID) in (COMPLETE, WITH_FAILURES):
                uid, reported = await asyncio.to_thread(_read, conversation)
                await self._keep(uid, reported)
            else:
                response = Response(NO_SUCH_EVENT, "Storage commitment has events 1 and 2")
        except PonsError as error:
            response = Response(report_status(error), error.message)
        metrics.COMMITMENT_REPORTS.labels(f"{response.status:04X}").inc()
        if response.status != SUCCESS:
            log.warning(
                "commitment report refused",
                status=f"{response.status:04X}",
                reason=response.comment,
                source=conversation.peer.calling_aet,
                remote_ip=conversation.peer.remote_ip,
            )
        await conversation.respond(response)


def _read(conversation: Conversation) -> tuple[str, Reported]:
    """The transaction UID, and what is reported of it; a failure without reason is one of
    processing. Raises `InvalidInstance`."""
    uid, elements = read_transaction(conversation)
    success = [reference(item) for item in items(elements, REFERENCED)]
    failures = [
        Failed(reference(item), failure_reason(item) or PROCESSING_FAILURE)
        for item in items(elements, FAILED)
    ]
    return uid, Reported(success, failures)

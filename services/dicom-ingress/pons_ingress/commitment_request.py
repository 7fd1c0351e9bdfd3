# SPDX-License-Identifier: Apache-2.0
"""N-ACTION of storage commitment: a modality asks what it may delete (PS3.4 J.3.2)."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import structlog

from pons.dicom.network.dimse import ACTION_TYPE_ID, Command, Response
from pons.dicom.network.messages import Context, Dataset
from pons.errors import Forbidden, InvalidInstance, PonsError, TooLarge
from pons.messages.egress import Reference
from pons.messages.modality import Modality
from pons.settings import DicomSettings
from pons_ingress import metrics
from pons_ingress.admission import KnownModalities, Peer, living_at
from pons_ingress.commitment_dataset import REFERENCED, items, read_transaction, reference
from pons_ingress.conversation import Conversation
from pons_ingress.identifier import ReceivedIdentifier
from pons_ingress.service_classes import STORAGE_COMMITMENT_PUSH
from pons_ingress.status import (
    NO_SUCH_ACTION,
    NO_SUCH_CLASS,
    NO_SUCH_INSTANCE,
    SUCCESS,
    action_status,
)

REQUEST_COMMITMENT = 1
"""Action Type ID (PS3.4 J.3.2.1)."""
PUSH_INSTANCE = f"{STORAGE_COMMITMENT_PUSH}.1"
"""The one SOP instance of the class (PS3.4 J.3.5)."""
MOST_INSTANCES = 20_000

log = structlog.get_logger()


class Submit(Protocol):
    """`pons.jobs.submit_commitment`, with the jobs of this store."""

    async def __call__(
        self,
        name: str,
        modality: Modality,
        /,
        *,
        called_aet: str,
        remote_ip: str,
        transaction_uid: str,
        instances: Sequence[Reference],
    ) -> str: ...


class CommitmentRequests:
    """Answers N-ACTION: success once it is durable that the modality will hear a report.

    The report is a job of egress, which looks up the instances and calls the modality. It goes to
    where the modality is known to be, whoever has called here under its title.
    """

    def __init__(
        self, submit: Submit, modalities: KnownModalities, settings: DicomSettings
    ) -> None:
        self._submit = submit
        self._modalities = modalities
        self._strict = settings.strict_aet_comparison

    def open_dataset(self, peer: Peer, context: Context, command: Command) -> Dataset:
        return ReceivedIdentifier()

    async def answer(self, conversation: Conversation) -> None:
        try:
            response = await self._take(conversation)
        except PonsError as error:
            response = Response(action_status(error), error.message)
        status = f"{response.status:04X}"
        metrics.COMMITMENT_REQUESTS.labels(status).inc()
        if response.status != SUCCESS:
            log.warning(
                "commitment refused",
                status=status,
                reason=response.comment,
                source=conversation.peer.calling_aet,
                remote_ip=conversation.peer.remote_ip,
            )
        await conversation.respond(response)

    async def _take(self, conversation: Conversation) -> Response:
        """Have it reported; gives the response."""
        peer, command = conversation.peer, conversation.message.command
        if command.sop_class_uid != STORAGE_COMMITMENT_PUSH:
            what = f"{command.sop_class_uid or 'No SOP class'} has no N-ACTION here"
            return Response(NO_SUCH_CLASS, what)
        if command.sop_instance_uid != PUSH_INSTANCE:
            return Response(NO_SUCH_INSTANCE, f"Storage commitment is instance {PUSH_INSTANCE}")
        if command.number(ACTION_TYPE_ID) != REQUEST_COMMITMENT:
            return Response(NO_SUCH_ACTION, "Storage commitment has action 1 alone")
        name, modality = await self._asking(peer)
        uid, instances = await asyncio.to_thread(_read, conversation)
        job_id = await self._submit(
            name,
            modality,
            called_aet=peer.called_aet,
            remote_ip=peer.remote_ip,
            transaction_uid=uid,
            instances=instances,
        )
        log.info(
            "commitment asked for",
            job=job_id,
            transaction=uid,
            modality=name,
            instances=len(instances),
            source=peer.calling_aet,
            remote_ip=peer.remote_ip,
        )
        return Response(SUCCESS)

    async def _asking(self, peer: Peer) -> tuple[str, Modality]:
        """The modality that is to hear the report. Raises `Forbidden`.

        Of several with the same title it is the one that calls from where it is known to be.
        """
        known = self._modalities.find_by_aet(peer.calling_aet, self._strict)
        allowed = {name: one for name, one in known.items() if one.allow_n_action}
        if not allowed:
            raise Forbidden(f"{peer.calling_aet} is no modality that may ask for it")
        if len(allowed) > 1:
            allowed = await living_at(allowed, peer.remote_ip) or allowed
        return min(allowed.items())


def _read(conversation: Conversation) -> tuple[str, list[Reference]]:
    """The transaction UID and the instances. Raises `InvalidInstance`, and `TooLarge`."""
    uid, elements = read_transaction(conversation)
    instances = [reference(item) for item in items(elements, REFERENCED)]
    if not instances:
        raise InvalidInstance("Referenced SOP Sequence (0008,1199) has no items")
    if len(instances) > MOST_INSTANCES:
        raise TooLarge(f"{len(instances)} instances are more than {MOST_INSTANCES} at a time")
    for number, one in enumerate(instances, 1):
        for value, name in (
            (one.sop_class_uid, "Referenced SOP Class UID (0008,1150)"),
            (one.sop_instance_uid, "Referenced SOP Instance UID (0008,1155)"),
        ):
            if not value:
                raise InvalidInstance(f"{name} is missing in item {number}")
    return uid, instances

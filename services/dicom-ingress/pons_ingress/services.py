# SPDX-License-Identifier: Apache-2.0
"""What a DIMSE service is to an association, and the simplest of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog

from pons.dicom.network.dimse import (
    C_ECHO_RQ,
    C_FIND_RQ,
    C_GET_RQ,
    C_MOVE_RQ,
    Command,
    Response,
)
from pons.dicom.network.messages import Context, Dataset
from pons_ingress import metrics
from pons_ingress.admission import Peer
from pons_ingress.conversation import Conversation
from pons_ingress.negotiation import Agreement
from pons_ingress.service_classes import BY_COMMAND, Permission, requested
from pons_ingress.status import (
    NOT_AUTHORIZED,
    SOP_CLASS_NOT_SUPPORTED,
    SUCCESS,
    UNRECOGNIZED_OPERATION,
)

COMPARED = frozenset((C_ECHO_RQ, C_FIND_RQ, C_MOVE_RQ, C_GET_RQ))
"""Requests that have to be of the SOP class that their context was agreed for. Storage takes
what it may of any class; storage commitment looks itself."""
log = structlog.get_logger()


class Service(Protocol):
    """Answers the requests of one kind."""

    def open_dataset(self, peer: Peer, context: Context, command: Command) -> Dataset:
        """Where the dataset of `command` is to go."""

    async def answer(self, conversation: Conversation) -> None:
        """Do what the request asks, and give one final response.

        What a peer or a backing service does wrong is in the response. What ends the association
        (`AssociationEnded`, `ProtocolError`) is let through.
        """


class IgnoredDataset:
    """A dataset that nobody reads, so that the association can go on behind it."""

    def write(self, piece: memoryview) -> bool:
        return False

    async def spill(self) -> None: ...

    def close(self) -> None: ...


class Echo:
    """C-ECHO (PS3.7 9.1.5)."""

    def open_dataset(self, peer: Peer, context: Context, command: Command) -> Dataset:
        return IgnoredDataset()

    async def answer(self, conversation: Conversation) -> None:
        metrics.ECHOES.inc()
        await conversation.respond(Response(SUCCESS))


@dataclass(frozen=True, slots=True)
class Refused:
    """Stands for the service of a request that is not served."""

    response: Response

    def open_dataset(self, peer: Peer, context: Context, command: Command) -> Dataset:
        return IgnoredDataset()

    async def answer(self, conversation: Conversation) -> None:
        peer, command = conversation.peer, conversation.message.command
        log.warning(
            "request refused",
            command=f"{command.field:04X}",
            status=f"{self.response.status:04X}",
            reason=self.response.comment,
            source=peer.calling_aet,
            remote_ip=peer.remote_ip,
        )
        await conversation.respond(self.response)


class Services:
    """Every service of the port; a request is given to the one that it is for."""

    def __init__(self, services: Mapping[Permission, Service]) -> None:
        self._services = services
        self.offered = frozenset(services)

    def choose(self, context: Context, command: Command, agreement: Agreement) -> Service:
        """What answers `command`, be it that it is not served."""
        permission = requested(command.field, context.abstract_syntax)
        if permission is None or permission not in self._services:
            field = f"Command field 0x{command.field:04X}"
            if command.field in BY_COMMAND:
                what = f"{field} is not served in this presentation context"
            else:
                what = f"{field} is not supported"
            return Refused(Response(UNRECOGNIZED_OPERATION, what))
        if permission not in agreement.permissions:
            return Refused(Response(NOT_AUTHORIZED, f"{permission} is not permitted"))
        named = command.sop_class_uid
        if command.field in COMPARED and named and named != context.abstract_syntax:
            what = f"{named} is not the SOP class of this presentation context"
            return Refused(Response(SOP_CLASS_NOT_SUPPORTED, what))
        return self._services[permission]

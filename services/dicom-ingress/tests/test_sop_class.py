# SPDX-License-Identifier: Apache-2.0
"""Requests of another SOP class than that of their presentation context."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from pons.dicom.network import dimse
from pons.dicom.network.dimse import Command, Response
from pons.dicom.network.messages import Context, Dataset
from pons_ingress.conversation import Conversation
from pons_ingress.service_classes import (
    PATIENT_ROOT_FIND,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    Permission,
)
from pons_ingress.services import IgnoredDataset
from pons_ingress.status import SOP_CLASS_NOT_SUPPORTED, SUCCESS


class Noting:
    """A service that answers everything, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def open_dataset(self, peer: Any, context: Context, command: Command) -> Dataset:
        return IgnoredDataset()

    async def answer(self, conversation: Conversation) -> None:
        self.asked.append(conversation.message.command.field)
        await conversation.respond(Response(SUCCESS))


@pytest.mark.parametrize(
    ("context", "field", "sop_class"),
    [
        (3, dimse.C_ECHO_RQ, STUDY_ROOT_FIND),
        (1, dimse.C_ECHO_RQ, "1.2.840.10008.1.1"),
        (5, dimse.C_FIND_RQ, PATIENT_ROOT_FIND),
        (7, dimse.C_MOVE_RQ, STUDY_ROOT_GET),
        (9, dimse.C_GET_RQ, STUDY_ROOT_MOVE),
    ],
)
def test_another_sop_class_than_that_of_the_context(
    start_port: Callable[..., Any], wire: ModuleType, context: int, field: int, sop_class: str
) -> None:
    """It is not served, whatever the class is, and the association goes on (PS3.7 C.5.6)."""
    service = Noting()
    kinds = (Permission.FIND, Permission.MOVE, Permission.GET)
    allowed = {f"always_allow_{kind}": True for kind in kinds}
    port = start_port(more_services=dict.fromkeys(kinds, service), **allowed)
    with port.connect().associate(
        (1, wire.CT, wire.EXPLICIT),
        (3, wire.VERIFICATION, wire.IMPLICIT),
        (5, STUDY_ROOT_FIND, wire.IMPLICIT),
        (7, STUDY_ROOT_MOVE, wire.IMPLICIT),
        (9, STUDY_ROOT_GET, wire.IMPLICIT),
    ) as peer:
        with_dataset = field != dimse.C_ECHO_RQ
        command = wire.command(field, sop_class, instance="1.2.3", dataset=with_dataset)
        peer.send(wire.fragment(context, 3, command))
        if with_dataset:
            peer.send(wire.fragment(context, 2, b"ignored."))
        assert peer.receive_status() == SOP_CLASS_NOT_SUPPORTED
        assert peer.echo() == SUCCESS
    assert service.asked == []

# SPDX-License-Identifier: Apache-2.0
"""What a DIMSE service is to an association, and the simplest of them."""

from dataclasses import dataclass
from typing import Protocol

from pons.dicom.network.dimse import Command, Response
from pons.dicom.network.messages import Context, Dataset, Message
from pons_ingress import metrics
from pons_ingress.status import SUCCESS
from pons_ingress.unseen import Unseen


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of an association."""

    calling_aet: str
    called_aet: str
    remote_ip: str


class Service(Protocol):
    """Answers the requests of one kind."""

    def open_dataset(self, peer: Peer, context: Context, command: Command) -> Dataset:
        """Where the dataset of `command` is to go."""

    async def answer(self, peer: Peer, message: Message, unseen: Unseen) -> Response:
        """Do what `message` asks. Never raises for what a peer or a backing service does wrong.

        An answer that shows what is stored comes after `unseen.settle()`.
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

    async def answer(self, peer: Peer, message: Message, unseen: Unseen) -> Response:
        metrics.ECHOES.inc()
        return Response(SUCCESS)

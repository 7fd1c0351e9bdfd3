# SPDX-License-Identifier: Apache-2.0
"""What the gateway asks of a peer at once, without a job: what it is, and to take one file."""

from functools import partial

import msgspec

from pons.messages.egress import AskPeerSystem, PeerAnswer, UploadToPeer
from pons.objects import Objects
from pons.remotes.peers import OtherStore
from pons.remotes.registry import Registry
from pons.settings import Settings
from pons_egress.peers.connection import open_connection


class PeerQuestions:
    """Answers the commands that concern a peer. Each raises `NotFound` for an unknown one."""

    def __init__(self, objects: Objects, peers: Registry[OtherStore], settings: Settings) -> None:
        self._objects = objects
        self._peers = peers
        self._settings = settings.egress

    async def system(self, command: AskPeerSystem) -> PeerAnswer:
        """What it tells of itself. Raises `RemoteFailure` when it does not."""
        peer = await self._peers.read(command.peer)
        async with open_connection(command.peer, peer, self._settings) as connection:
            told = await connection.get("system")
        return PeerAnswer(msgspec.json.encode(told))

    async def upload(self, command: UploadToPeer) -> PeerAnswer:
        """What it answers to a file. Raises `RemoteFailure` when it does not take it."""
        peer = await self._peers.read(command.peer)
        content = partial(self._objects.stream, command.object_key, size=command.size)
        async with open_connection(command.peer, peer, self._settings) as connection:
            answer = await connection.upload(content, command.size)
        return PeerAnswer(msgspec.json.encode(answer))

# SPDX-License-Identifier: Apache-2.0
"""What the gateway asks of a peer at once, without a job: what it is, and to take one file."""

from functools import partial

import msgspec

from pons.messages.egress import AskPeer, PeerAnswer, UploadToPeer
from pons.objects import Objects
from pons.remotes.peers import OtherStore
from pons.remotes.registry import Registry
from pons.settings import Settings
from pons_egress.peers.connection import needing_transfers, open_connection


class PeerQuestions:
    """Answers the commands that concern a peer. Each raises `NotFound` for an unknown one."""

    def __init__(self, objects: Objects, peers: Registry[OtherStore], settings: Settings) -> None:
        self._objects = objects
        self._peers = peers
        self._settings = settings.egress

    async def ask(self, command: AskPeer) -> PeerAnswer:
        """What it answers. Raises `RemoteFailure` when it does not."""
        peer = await self._peers.read(command.peer)
        async with open_connection(
            command.peer, peer, self._settings, command.timeout
        ) as connection:
            if command.json:
                with needing_transfers(connection):
                    answer = await connection.post(command.path, command.json)
            else:
                answer = await connection.get(command.path)
        return PeerAnswer(msgspec.json.encode(answer))

    async def upload(self, command: UploadToPeer) -> PeerAnswer:
        """What it answers to a file. Raises `RemoteFailure` when it does not take it."""
        peer = await self._peers.read(command.peer)
        content = partial(self._objects.stream, command.object_key, size=command.size)
        async with open_connection(command.peer, peer, self._settings) as connection:
            answer = await connection.upload(content, command.size)
        return PeerAnswer(msgspec.json.encode(answer))

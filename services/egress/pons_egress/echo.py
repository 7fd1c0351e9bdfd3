# SPDX-License-Identifier: Apache-2.0
"""C-ECHO to a modality: does it answer, and if not, why."""

from pons.jobs import StoreRequest
from pons.messages.egress import EchoModality
from pons.messages.services import Done
from pons.remotes.modalities import Modalities
from pons.settings import Settings
from pons_egress.association import ECHO, open_association
from pons_egress.peer import find_peer


class Echo:
    """Answers the command `EchoModality`."""

    def __init__(self, modalities: Modalities, settings: Settings) -> None:
        self._modalities = modalities
        self._settings = settings

    async def __call__(self, command: EchoModality) -> Done:
        """Raises `NotFound` for an unknown modality, `RemoteFailure` when it does not answer."""
        modality = command.described or await self._modalities.read(command.modality)
        asked = StoreRequest(command.modality, [], timeout=command.timeout or 0.0)
        peer = find_peer(asked, modality, self._settings)
        length = self._settings.egress.maximum_pdu_length
        async with open_association(peer, [ECHO], length) as association:
            response = await association.echo()
        if response.status != 0:
            raise peer.failure(f"answered C-ECHO with status 0x{response.status:04X}")
        return Done()

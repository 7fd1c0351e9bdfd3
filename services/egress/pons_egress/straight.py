# SPDX-License-Identifier: Apache-2.0
"""C-STORE of a file that is not kept: it lies in the object store as long as it is being sent."""

from dataclasses import replace

from pons.catalog import InstanceToSend
from pons.jobs import StoreRequest
from pons.messages.egress import StoreStraight
from pons.messages.services import Done
from pons.objects import Objects
from pons.remotes.modalities import Modalities
from pons.sending.contexts import REWRITTEN, proposals_for
from pons.sending.dataset import prepared
from pons.settings import Settings
from pons_egress.association import open_association
from pons_egress.c_store import store_instance
from pons_egress.peer import find_peer


class Straight:
    """Answers the command `StoreStraight`."""

    def __init__(self, objects: Objects, modalities: Modalities, settings: Settings) -> None:
        self._objects = objects
        self._modalities = modalities
        self._settings = settings

    async def __call__(self, command: StoreStraight) -> Done:
        """Raises `NotFound` for an unknown modality, `RemoteFailure` when it does not take it."""
        modality = await self._modalities.read(command.modality)
        peer = find_peer(StoreRequest(command.modality, []), modality, self._settings)
        instance = _instance(command)
        if instance.transfer_syntax not in REWRITTEN:  # render decodes what is in the index alone
            peer = replace(peer, into=())
        dataset = await prepared(instance, self._objects)
        length = self._settings.egress.maximum_pdu_length
        async with open_association(
            peer, proposals_for(instance, peer.into), length
        ) as association:
            await store_instance(association, self._objects, dataset)
        return Done()


def _instance(command: StoreStraight) -> InstanceToSend:
    """The file as if it were of this store; what sending does not ask for is empty."""
    return InstanceToSend(
        instance_id="",
        parents=(),
        object_key=command.object_key,
        size=command.size,
        stored_size=command.size,
        compression="",
        transfer_syntax=command.transfer_syntax,
        sop_class_uid=command.sop_class_uid,
        sop_instance_uid=command.sop_instance_uid,
        series_uid="",
        study_uid="",
        patient_id="",
        checksum=command.checksum,
    )

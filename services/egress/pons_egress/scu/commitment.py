# SPDX-License-Identifier: Apache-2.0
"""Storage commitment as SCU (PS3.4 J.3.2): a modality is asked to keep instances for good.

What it says to that comes later, as a report to the DICOM port.
"""

from collections.abc import Sequence
from contextlib import suppress

from pydicom import Dataset
from pydicom.config import IGNORE
from pydicom.dataelem import DataElement
from pynetdicom import build_context
from pynetdicom.status import GENERAL_STATUS

from pons.catalog import InstanceToSend
from pons.errors import BadRequest, NotFound, Unavailable
from pons.jobs import StoreRequest
from pons.messages.egress import Commitment, Reference, RequestCommitment
from pons.remotes.commitments import Commitments, new_transaction_uid
from pons.remotes.modalities import Modalities
from pons.sending.source import Lookup
from pons.settings import Settings
from pons_egress.peer import Peer, find_peer
from pons_egress.scu.association import Association, Offer
from pons_egress.scu.threads import ScuThreads

PUSH_MODEL = "1.2.840.10008.1.20.1"
PUSH_MODEL_INSTANCE = "1.2.840.10008.1.20.1.1"
REQUEST_COMMITMENT = 1
"""Action Type ID (PS3.4 J.3.2.1)."""
SUCCESS, DUPLICATE = 0x0000, 0x0131


class CommitmentRequests:
    """Asks modalities, and answers the command `RequestCommitment`."""

    def __init__(
        self,
        threads: ScuThreads,
        commitments: Commitments,
        modalities: Modalities,
        catalog: Lookup,
        settings: Settings,
    ) -> None:
        self._threads = threads
        self._commitments = commitments
        self._modalities = modalities
        self._catalog = catalog
        self._settings = settings

    async def __call__(self, command: RequestCommitment) -> Commitment:
        """Raises `NotFound` for an unknown modality or resource, `RemoteFailure` when the modality
        does not take the request."""
        modality = await self._modalities.read(command.modality)
        asked = StoreRequest(command.modality, [], timeout=command.timeout)
        peer = find_peer(asked, modality, self._settings)
        known = await self._catalog.known(command.resources)
        for resource in command.resources:
            if resource not in known:
                raise NotFound(f"There is no resource {resource!r} in this store")
        found = await self._catalog.archive.instances_to_send(command.resources)
        uid = new_transaction_uid()
        try:
            await self.ask(peer, uid, [*references(found), *command.instances])
        except BaseException:
            with suppress(Unavailable):  # then the newer ones push it out
                await self._commitments.drop(uid)
            raise
        return Commitment(uid)

    async def ask(self, peer: Peer, uid: str, instances: Sequence[Reference]) -> None:
        """Ask for commitment to these instances; asking again for the same does no harm.

        Raises `RemoteFailure`, and `BadRequest` when there are none.
        """
        if not instances:
            raise BadRequest("There are no instances to commit to")
        unique = list(dict.fromkeys(instances))
        transaction = await self._commitments.begin(uid, peer.aet, unique)
        if transaction.status != "Pending":
            return  # the report came before whoever asked ended
        offer = Offer([build_context(PUSH_MODEL)])
        await self._threads.run(peer, offer, lambda association: _ask(association, uid, unique))


def references(instances: Sequence[InstanceToSend]) -> list[Reference]:
    """What names them to others."""
    return [Reference(one.sop_class_uid, one.sop_instance_uid) for one in instances]


def _ask(association: Association, uid: str, instances: Sequence[Reference]) -> None:
    dataset = Dataset()
    dataset.TransactionUID = uid
    dataset.ReferencedSOPSequence = [reference_item(one) for one in instances]
    try:
        status, _ = association.requestor.send_n_action(
            dataset,
            REQUEST_COMMITMENT,
            PUSH_MODEL,
            PUSH_MODEL_INSTANCE,
        )
    except RuntimeError:  # it is not established any more
        raise association.failure() from None
    if "Status" not in status:
        raise association.failure()
    if status.Status not in (SUCCESS, DUPLICATE):  # the latter where we asked before
        words = GENERAL_STATUS.get(status.Status, ("", "unknown"))[1]
        comment = f" ({status.ErrorComment})" if status.get("ErrorComment") else ""
        raise association.peer.failure(
            f"answered N-ACTION with status 0x{status.Status:04X}: {words}", comment
        )


def reference_item(instance: Reference, failure_reason: int | None = None) -> Dataset:
    """An item of the sequences of storage commitment (PS3.3 C.14.1)."""
    item = Dataset()
    uids = ((0x00081150, instance.sop_class_uid), (0x00081155, instance.sop_instance_uid))
    for tag, uid in uids:  # as they are, also those that break the rules for UIDs
        item.add(DataElement(tag, "UI", uid, validation_mode=IGNORE))
    if failure_reason is not None:
        item.FailureReason = failure_reason
    return item

# SPDX-License-Identifier: Apache-2.0
"""C-STORE of one instance over an association: how it goes, and what the answer means."""

from dataclasses import dataclass

from pydicom.uid import UID
from pynetdicom.status import STORAGE_SERVICE_CLASS_STATUS

from pons.catalog import InstanceToSend
from pons.dicom.network.dimse import Response
from pons.objects import Objects
from pons.sending.contexts import choose, refusal
from pons.sending.convert import Decompress, open_converted
from pons.sending.dataset import Dataset
from pons.traces.attributes import Attribute
from pons.traces.spans import span
from pons_egress.association import Association, Instance
from pons_egress.metrics import BYTES, INSTANCES
from pons_egress.peer import Peer

WARNINGS = (0xB000, 0xB006, 0xB007)
"""Coercion, elements discarded, SOP class mismatch: the peer has the instance (PS3.4 B.2.3)."""

OUT_OF_RESOURCES = 0xA700
"""A700 to A7FF: it may have room another time."""


@dataclass(frozen=True, slots=True)
class Originator:
    """Whose C-MOVE the instances are sent for, if anybody's."""

    aet: str = ""
    message_id: int | None = None


async def store_instance(
    association: Association,
    objects: Objects,
    dataset: Dataset,
    originator: Originator = Originator(),
    decompress: Decompress | None = None,
) -> bool:
    """Send a data set that is prepared; the peer has the instance when this returns.

    Gives whether it was kept with a warning. Raises `RemoteFailure` where it was not kept, as
    `InstanceRefused` when others may still go.
    """
    instance, peer = dataset.instance, association.peer
    contexts = association.accepted.contexts
    way = choose(contexts, instance, peer.into)
    if way is None:
        raise peer.refusal(refusal(contexts, instance))
    named = Instance(
        instance.sop_class_uid, instance.sop_instance_uid, originator.aet, originator.message_id
    )
    about = {
        Attribute.SOP_CLASS_UID: instance.sop_class_uid,
        Attribute.SOP_INSTANCE_UID: instance.sop_instance_uid,
    }
    with span("C-STORE", "client", about) as traced:
        if dataset.is_as(way[1]):
            response = await association.store(contexts[way], named, dataset.pieces())
        else:
            async with open_converted(objects, instance, way[1], decompress) as pieces:
                response = await association.store(contexts[way], named, pieces)
        traced.set(Attribute.DICOM_STATUS, f"{response.status:04X}")
        return _judge(peer, instance, response)


def _judge(peer: Peer, instance: InstanceToSend, response: Response) -> bool:
    """Count an instance that the peer has kept, with a warning or not; raise for one that it has
    not."""
    if response.status != 0 and response.status not in WARNINGS:
        _category, words = STORAGE_SERVICE_CLASS_STATUS.get(response.status, ("", "unknown"))
        comment = f" ({response.comment})" if response.comment else ""
        told = (
            f"refused {UID(instance.sop_class_uid).name} {instance.sop_instance_uid} "
            f"with status 0x{response.status:04X}: {words}"
        )
        full = response.status & 0xFF00 == OUT_OF_RESOURCES
        raise peer.failure(told, comment) if full else peer.refusal(told, comment)
    warned = response.status != 0
    INSTANCES.labels(peer.modality, "warning" if warned else "success").inc()
    BYTES.labels(peer.modality).inc(instance.size)
    return warned

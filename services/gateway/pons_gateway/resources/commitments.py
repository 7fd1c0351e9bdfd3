# SPDX-License-Identifier: Apache-2.0
"""What modalities keep for good: asking for it, showing it, and making room by it."""

from typing import Any

import msgspec

from pons.bus import MAX_EVENT_BYTES
from pons.bus.requests import ANSWER_TIMEOUT
from pons.errors import Conflict, TooLarge
from pons.messages.egress import Commitment, Reference, RequestCommitment
from pons.messages.index import Deleter, ResourceName
from pons.remotes.commitments import FAILURE_REASONS
from pons_gateway.backends import Backends
from pons_gateway.errors import telling_unknown_items
from pons_gateway.resources.long_commands import delete_resources
from pons_gateway.resources.sending import refuse_unknown

TRIES = 4
"""Waits of a timeout each that asking may take: a thread, connection, association, answer."""


async def request_commitment(backends: Backends, asked: RequestCommitment) -> str:
    """Have a modality asked; gives the transaction UID. Raises `RemoteFailure` if it refuses."""
    with telling_unknown_items():
        modality = await backends.modalities.read(asked.modality)
    await refuse_unknown(backends, asked.resources)
    if len(msgspec.msgpack.encode(asked)) > MAX_EVENT_BYTES:
        raise TooLarge(
            "There are too many instances and resources in this request",
            "name patients or studies instead of their instances, or ask several times",
        )
    timeout = asked.timeout or modality.timeout or backends.settings.egress.timeout
    within = ANSWER_TIMEOUT + TRIES * timeout
    answer = await backends.ask("egress", asked, Commitment, within=within)
    return str(answer.transaction_uid)


async def commitment_report(backends: Backends, uid: str) -> dict[str, Any]:
    """The report as Orthanc shows it. Raises `NotFound`."""
    transaction = await backends.commitments.find(uid)
    reported = await backends.commitments.reported(uid)
    return {
        "RemoteAET": transaction.remote_aet,
        "Status": transaction.status,
        "Success": [_shown(one) for one in reported.success],
        "Failures": [
            {
                **_shown(one.reference),
                "FailureReason": one.reason,
                "Description": FAILURE_REASONS.get(one.reason, "Unknown reason"),
            }
            for one in reported.failures
        ],
    }


async def delete_committed(backends: Backends, uid: str, by: Deleter) -> None:
    """Delete the instances that a modality keeps.

    Raises `NotFound`, and `Conflict` unless it has said that it keeps all of them.
    """
    transaction = await backends.commitments.find(uid)
    if transaction.status != "Success":
        raise Conflict(
            f"Storage commitment {uid} is {transaction.status}",
            "only what a modality keeps for good can be removed",
        )
    names = []
    for one in (await backends.commitments.reported(uid)).success:
        for level, identifier in await backends.catalog.look_up(one.sop_instance_uid):
            if level == "Instance":
                names.append(ResourceName(identifier, level))
    await delete_resources(names, backends.ask, by)


def _shown(reference: Reference) -> dict[str, str]:
    return {"SOPClassUID": reference.sop_class_uid, "SOPInstanceUID": reference.sop_instance_uid}

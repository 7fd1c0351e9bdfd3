# SPDX-License-Identifier: Apache-2.0
"""The data sets of storage commitment: a transaction, and the instances it names (PS3.3 C.14.1)."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from pons.errors import InvalidInstance
from pons.messages.egress import Reference
from pons_ingress.conversation import Conversation
from pons_ingress.identifier import ReceivedIdentifier

TRANSACTION_UID, REFERENCED, FAILED = "00081195", "00081199", "00081198"
CLASS_UID, INSTANCE_UID, FAILURE_REASON = "00081150", "00081155", "00081197"
LONGEST_UID = 256
"""Characters, as over REST; the standard has 64."""

Elements = Mapping[str, Any]


def read_transaction(conversation: Conversation) -> tuple[str, Elements]:
    """The transaction UID that came with the request, and all elements.

    Raises `InvalidInstance`, and `TooLarge`.
    """
    context, dataset = conversation.message.context, conversation.message.dataset
    if not isinstance(dataset, ReceivedIdentifier):
        raise InvalidInstance("The request has no data set")
    elements = msgspec.json.decode(dataset.read(context.transfer_syntax, "latin1"))
    uid = _text(elements, TRANSACTION_UID)
    if not uid:
        raise InvalidInstance("Transaction UID (0008,1195) is missing")
    if len(uid) > LONGEST_UID:
        raise InvalidInstance(f"Transaction UID (0008,1195) has {len(uid)} characters")
    return uid, elements


def items(elements: Elements, tag: str) -> Iterator[Elements]:
    """Those of a sequence; none where there is no such sequence."""
    for item in elements.get(tag, {}).get("Value", ()):
        if isinstance(item, Mapping):
            yield item


def reference(item: Elements) -> Reference:
    """The instance that an item names; a UID that it lacks is empty."""
    return Reference(_text(item, CLASS_UID), _text(item, INSTANCE_UID))


def failure_reason(item: Elements) -> int | None:
    """Failure Reason (0008,1197); None where the item has no such number."""
    values = item.get(FAILURE_REASON, {}).get("Value", ())
    return values[0] if values and isinstance(values[0], int) else None


def _text(elements: Elements, tag: str) -> str:
    values = elements.get(tag, {}).get("Value", ())
    return values[0] if values and isinstance(values[0], str) else ""

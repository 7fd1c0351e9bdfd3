# SPDX-License-Identifier: Apache-2.0
"""What is to become of each instance of a batch, from what the database knows of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from pons.events import Indexed, StoreStatus
from pons_index.arrival import Arrival

Overwrite = Literal["Never", "Always", "IfChanged"]
Answer = tuple[StoreStatus | Literal[""], str]
"""Status and reason."""

AFTER_GARBAGE: dict[str, Answer] = {
    "deleted": ("Success", ""),
    "replaced": ("Success", ""),
    "duplicate": ("AlreadyStored", ""),
    "rejected": ("StorageFull", ""),
    "orphan": ("", "the object was announced so late that it was collected: send it again"),
}
"""Reason why an object is garbage to the answer when its announcement comes (again)."""


@dataclass(frozen=True, slots=True)
class Known:
    """A file of an instance that is in the database, or will be when the batch is written."""

    instance_key: int | None
    object_key: UUID
    size: int
    checksum: bytes


@dataclass(slots=True)
class Decisions:
    """What to do with a batch; the answers are in its order."""

    inserted: list[Arrival] = field(default_factory=list)
    replaced: list[int] = field(default_factory=list)
    """Keys of instances that make room for inserted ones."""
    discarded: list[UUID] = field(default_factory=list)
    answers: list[Indexed] = field(default_factory=list)


def decide(batch: list[Arrival], found: Iterable[Mapping[str, Any]], mode: Overwrite) -> Decisions:
    """The decisions for `batch`; `found` are the rows of `look_up`."""
    known: dict[bytes, Known] = {}
    garbage: dict[UUID, str] = {}
    for row in found:
        if row["reason"] is None:
            known[row["id"]] = Known(
                row["instance_key"], row["object_key"], row["size"], row["checksum"]
            )
        else:
            garbage[row["object_key"]] = row["reason"]
    decisions = Decisions()
    for arrival in batch:
        status, reason = _decide_one(arrival, known, garbage, mode, decisions)
        decisions.answers.append(Indexed(arrival.event.token, status, reason))
    return decisions


def _decide_one(
    arrival: Arrival,
    known: dict[bytes, Known],
    garbage: dict[UUID, str],
    mode: Overwrite,
    decisions: Decisions,
) -> Answer:
    event = arrival.event
    for key in arrival.keys:
        if key in garbage:
            return AFTER_GARBAGE[garbage[key]]
    existing = known.get(arrival.instance)
    if existing is not None:
        if existing.object_key == event.object_key:
            return "Success", ""
        same = existing.checksum == event.checksum and existing.size == event.size
        if mode == "Never" or (mode == "IfChanged" and same):
            decisions.discarded += arrival.keys
            return "AlreadyStored", ""
        if existing.instance_key is None:
            raise ValueError("two files of one instance in a batch that may replace")
        decisions.replaced.append(existing.instance_key)
    known[arrival.instance] = Known(None, event.object_key, event.size, event.checksum)
    decisions.inserted.append(arrival)
    return "Success", ""

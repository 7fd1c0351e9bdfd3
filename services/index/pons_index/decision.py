# SPDX-License-Identifier: Apache-2.0
"""What is to become of each instance of a batch, from what the database knows of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from pons.messages.events import Indexed, StoreStatus
from pons_index.arrival import Arrival

Overwrite = Literal["Never", "Always", "IfChanged"]
Answer = tuple[StoreStatus | Literal[""], str]
"""Status and reason."""

AFTER_GARBAGE: dict[str, Answer] = {
    "deleted": ("Success", ""),
    "replaced": ("Success", ""),
    "duplicate": ("AlreadyStored", ""),
    "rejected": ("StorageFull", ""),
    **dict.fromkeys(
        ("orphan", "leftover", "temporary"),
        ("", "the object was announced so late that it was collected: send it again"),
    ),
}
"""Reason why an object is garbage to the answer when its announcement comes (again)."""


@dataclass(frozen=True, slots=True)
class Known:
    """A file of an instance that is in the database, or will be when the batch is written."""

    instance_key: int | None
    object_key: UUID
    size: int
    stored_size: int
    checksum: bytes


@dataclass(frozen=True, slots=True)
class Broken:
    """Objects of instances that cannot be read as they were written."""

    missing: frozenset[UUID] = frozenset()
    damaged: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Restored:
    """An instance whose object was lost or damaged, and has come once more."""

    instance_key: int
    former_key: UUID
    former_size: int
    """Bytes of the former object."""
    arrival: Arrival


@dataclass(slots=True)
class Decisions:
    """What to do with a batch; the answers are in its order."""

    inserted: list[Arrival] = field(default_factory=list)
    replaced: list[int] = field(default_factory=list)
    """Keys of instances that make room for inserted ones."""
    discarded: list[UUID] = field(default_factory=list)
    duplicates: list[Known] = field(default_factory=list)
    """What is there already of instances that came again."""
    restored: list[Restored] = field(default_factory=list)
    answers: list[Indexed] = field(default_factory=list)


def decide(
    batch: list[Arrival],
    found: Iterable[Mapping[str, Any]],
    mode: Overwrite,
    broken: Broken | None = None,
) -> Decisions:
    """The decisions for `batch`; `found` are the rows of `look_up`.

    An instance whose object is `broken` takes the same file again, in whatever mode.
    """
    known: dict[bytes, Known] = {}
    garbage: dict[UUID, str] = {}
    for row in found:
        if row["reason"] is None:
            known[row["id"]] = Known(
                row["instance_key"],
                row["object_key"],
                row["size"],
                row["stored_size"],
                row["checksum"],
            )
        else:
            garbage[row["object_key"]] = row["reason"]
    decisions = Decisions()
    for arrival in batch:
        status, reason = _decide_one(arrival, known, garbage, mode, broken or Broken(), decisions)
        decisions.answers.append(Indexed(arrival.event.token, status, reason))
    return decisions


def _decide_one(
    arrival: Arrival,
    known: dict[bytes, Known],
    garbage: dict[UUID, str],
    mode: Overwrite,
    broken: Broken,
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
        lost = existing.object_key in broken.missing
        if same and existing.instance_key and (lost or existing.object_key in broken.damaged):
            _restore(arrival, existing, decisions)
            known[arrival.instance] = _known(arrival, None)
            return "Success", ""
        if not lost and (mode == "Never" or (mode == "IfChanged" and same)):
            decisions.discarded += arrival.keys
            decisions.duplicates.append(existing)
            return "AlreadyStored", ""
        if existing.instance_key is None:
            raise ValueError("two files of one instance in a batch that may replace")
        decisions.replaced.append(existing.instance_key)
    known[arrival.instance] = _known(arrival, None)
    decisions.inserted.append(arrival)
    return "Success", ""


def _restore(arrival: Arrival, existing: Known, decisions: Decisions) -> None:
    assert existing.instance_key is not None
    decisions.restored.append(
        Restored(existing.instance_key, existing.object_key, existing.stored_size, arrival)
    )
    if arrival.event.header_key:  # the instance has its header
        decisions.discarded.append(arrival.event.header_key)


def _known(arrival: Arrival, instance_key: int | None) -> Known:
    event = arrival.event
    return Known(instance_key, event.object_key, event.size, event.stored_size, event.checksum)

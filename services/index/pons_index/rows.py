# SPDX-License-Identifier: Apache-2.0
"""A batch as the columns of `write_batch`: one list for each parameter."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from pons.messages.events import Origin
from pons_index.arrival import Arrival
from pons_index.pixel_vr import has_odd_pixel_vr
from pons_index.tags import MainTags, TagReader, Unindexable, without_nul


@dataclass(frozen=True, slots=True)
class Described:
    """An arrival with what its header says."""

    arrival: Arrival
    tags: MainTags
    received_at: datetime


def describe(
    reader: TagReader, arrival: Arrival, packed_header: bytes, *, first: bool
) -> Described:
    """What the index keeps of an arrival; of its ancestors too if it is the `first` of a series.

    Raises `Unindexable`.
    """
    try:
        received_at = datetime.fromtimestamp(arrival.event.received_at, UTC)
    except (ValueError, OverflowError, OSError):
        raise Unindexable(f"received_at is {arrival.event.received_at!r}, not a time") from None
    return Described(arrival, reader.read(packed_header, ancestors=first), received_at)


def columns(batch: Sequence[Described]) -> list[Any]:
    """The arrays of `write_batch`. The first instance of an ancestor defines its tags."""
    return [
        *_patients(_firsts(batch, lambda arrival: arrival.patient)),
        *_studies(_firsts(batch, lambda arrival: arrival.study)),
        *_series(
            _firsts(batch, lambda arrival: arrival.series),
            Counter(described.arrival.series for described in batch),
        ),
        *_instances(batch),
    ]


@dataclass(frozen=True, slots=True)
class First:
    """The first instance of an ancestor, and its place in the batch, from 1 on."""

    id: bytes
    place: int
    new: Described


def _firsts(batch: Sequence[Described], ancestor: Callable[[Arrival], bytes]) -> list[First]:
    """The first instance of each ancestor, in the order of the ancestors' ids."""
    firsts: dict[bytes, First] = {}
    for place, described in enumerate(batch, 1):
        identifier = ancestor(described.arrival)
        if identifier not in firsts:
            firsts[identifier] = First(identifier, place, described)
    return [firsts[identifier] for identifier in sorted(firsts)]


def _patients(firsts: list[First]) -> Iterable[list[Any]]:
    return (
        [first.id for first in firsts],
        [first.place for first in firsts],
        [without_nul(first.new.arrival.event.patient_id.strip()) for first in firsts],
        [first.new.tags.of("Patient") for first in firsts],
        [first.new.tags.sequences_of("Patient") for first in firsts],
    )


def _studies(firsts: list[First]) -> Iterable[list[Any]]:
    return (
        [first.id for first in firsts],
        [first.place for first in firsts],
        [first.new.arrival.patient for first in firsts],
        [without_nul(first.new.arrival.event.study_uid.strip()) for first in firsts],
        [first.new.tags.of("Study") for first in firsts],
        [first.new.tags.of("Patient") for first in firsts],
        [first.new.tags.sequences_of("Study") for first in firsts],
    )


def _series(firsts: list[First], arrived: Counter[bytes]) -> Iterable[list[Any]]:
    return (
        [first.id for first in firsts],
        [first.place for first in firsts],
        [first.new.arrival.study for first in firsts],
        [without_nul(first.new.arrival.event.series_uid.strip()) for first in firsts],
        [first.new.tags.of("Series") for first in firsts],
        [without_nul(first.new.arrival.event.origin.remote_aet) for first in firsts],
        [first.new.tags.expected_instances for first in firsts],
        [arrived[first.id] for first in firsts],
        [first.new.tags.sequences_of("Series") for first in firsts],
    )


def _instances(batch: Sequence[Described]) -> Iterable[list[Any]]:
    events = [new.arrival.event for new in batch]
    return (
        [new.arrival.instance for new in batch],
        [new.arrival.series for new in batch],
        [without_nul(event.sop_instance_uid.strip()) for event in events],
        [without_nul(event.sop_class_uid) for event in events],
        [without_nul(event.transfer_syntax) for event in events],
        [new.tags.of("Instance") for new in batch],
        [new.tags.index_in_series for new in batch],
        [new.received_at for new in batch],
        [_origin(event.origin) for event in events],
        [event.object_key for event in events],
        [event.size for event in events],
        [event.stored_size for event in events],
        [event.compression for event in events],
        [event.checksum for event in events],
        [event.pixel_offset for event in events],
        [event.pixel_length for event in events],
        [event.pixel_vr for event in events],
        [has_odd_pixel_vr(new.arrival.event, new.tags) for new in batch],
        [new.tags.sequences_of("Instance") for new in batch],
        [event.header for event in events],
        [event.header_key for event in events],
        [event.meta for event in events],
    )


def _origin(origin: Origin) -> str:
    fields = msgspec.structs.asdict(origin)
    return msgspec.json.encode({name: without_nul(text) for name, text in fields.items()}).decode()

# SPDX-License-Identifier: Apache-2.0
"""A batch as the columns of `insert_batch`: one list for each parameter."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
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


def columns(batch: Sequence[Described], stable_age: float, signature: int) -> list[Any]:
    """The parameters of `insert_batch`. The first instance of an ancestor defines its tags."""
    patients = _firsts(batch, lambda arrival: arrival.patient)
    studies = _firsts(batch, lambda arrival: arrival.study)
    series = _firsts(batch, lambda arrival: arrival.series)
    return [
        *_patients(patients),
        *_studies(studies),
        *_series(series, Counter(described.arrival.series for described in batch)),
        *_instances(batch),
        timedelta(seconds=stable_age),
        signature,
        [new.tags.sequences_of("Series") for new in series],
        [has_odd_pixel_vr(new.arrival.event, new.tags) for new in batch],
        [new.tags.sequences_of("Patient") for new in patients],
        [new.tags.sequences_of("Study") for new in studies],
        [new.tags.sequences_of("Instance") for new in batch],
    ]


def _firsts(batch: Sequence[Described], ancestor: Callable[[Arrival], bytes]) -> list[Described]:
    """The first instance of each ancestor."""
    firsts: dict[bytes, Described] = {}
    for described in batch:
        firsts.setdefault(ancestor(described.arrival), described)
    return list(firsts.values())


def _patients(firsts: list[Described]) -> Iterable[list[Any]]:
    return (
        [new.arrival.patient for new in firsts],
        [without_nul(new.arrival.event.patient_id.strip()) for new in firsts],
        [new.tags.of("Patient") for new in firsts],
    )


def _studies(firsts: list[Described]) -> Iterable[list[Any]]:
    return (
        [new.arrival.study for new in firsts],
        [new.arrival.patient for new in firsts],
        [without_nul(new.arrival.event.study_uid.strip()) for new in firsts],
        [new.tags.of("Study") for new in firsts],
        [new.tags.of("Patient") for new in firsts],
    )


def _series(firsts: list[Described], arrived: Counter[bytes]) -> Iterable[list[Any]]:
    return (
        [new.arrival.series for new in firsts],
        [new.arrival.study for new in firsts],
        [without_nul(new.arrival.event.series_uid.strip()) for new in firsts],
        [new.tags.of("Series") for new in firsts],
        [without_nul(new.arrival.event.origin.remote_aet) for new in firsts],
        [new.tags.expected_instances for new in firsts],
        [arrived[new.arrival.series] for new in firsts],
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
        [event.header for event in events],
        [event.header_key for event in events],
        [event.meta for event in events],
    )


def _origin(origin: Origin) -> str:
    fields = msgspec.structs.asdict(origin)
    return msgspec.json.encode({name: without_nul(text) for name, text in fields.items()}).decode()

# SPDX-License-Identifier: Apache-2.0
"""An announced instance on its way into the database."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from pons.dicom.identity import resource_ids
from pons.messages.events import Announcement, InstanceReceived


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event, who announced it, and the identifiers of its levels as PostgreSQL keeps them."""

    process: str
    event: InstanceReceived
    patient: bytes
    study: bytes
    series: bytes
    instance: bytes

    @property
    def keys(self) -> list[UUID]:
        """The instance's objects: the file, and the header if it is apart."""
        event = self.event
        return [event.object_key, event.header_key] if event.header_key else [event.object_key]


def arrivals(announcement: Announcement) -> list[Arrival]:
    """The announced instances, in their order."""
    return [_arrival(announcement.process, event) for event in announcement.instances]


def _arrival(process: str, event: InstanceReceived) -> Arrival:
    ids = resource_ids(event.patient_id, event.study_uid, event.series_uid, event.sop_instance_uid)
    patient, study, series, instance = (
        bytes.fromhex(text.replace("-", ""))
        for text in (ids.patient, ids.study, ids.series, ids.instance)
    )
    return Arrival(process, event, patient, study, series, instance)


def cut(batch: list[Arrival], size: int, *, apart: bool) -> Iterator[list[Arrival]]:
    """The batch in pieces of at most `size`; with `apart`, no piece has two files of one instance.

    When a file replaces another, what happens to the ancestors depends on which came first, so the
    two go into transactions of their own.
    """
    piece: list[Arrival] = []
    files: dict[bytes, UUID] = {}
    for arrival in batch:
        key = arrival.event.object_key
        if len(piece) == size or (apart and files.get(arrival.instance, key) != key):
            yield piece
            piece, files = [], {}
        files[arrival.instance] = key
        piece.append(arrival)
    if piece:
        yield piece

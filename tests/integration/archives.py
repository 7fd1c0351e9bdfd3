# SPDX-License-Identifier: Apache-2.0
"""Destinations that rules send to, and what tests tell a store of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pydicom import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE, evt

from outside import Store, free_ports
from pons_testing.scp import serving


@contextmanager
def archive(aborts: Callable[[int], bool] = lambda number: False) -> Iterator[tuple[int, set[str]]]:
    """A storage SCP: its port, and the instances that it has. It ends associations by their number.

    A peer that aborts has perhaps taken the instance: it counts once it was answered.
    """
    received: set[str] = set()
    associations: list[object] = []

    def store(event: Any) -> int:
        if aborts(len(associations)):
            event.assoc.abort()
            return 0xC000
        received.add(str(event.request.AffectedSOPInstanceUID))
        return 0

    ae = AE("ARCHIVE")
    ae.add_supported_context(CTImageStorage, ExplicitVRLittleEndian)
    handlers: Any = [(evt.EVT_C_STORE, store), (evt.EVT_ACCEPTED, associations.append)]
    with serving(ae, *handlers) as port:
        yield port, received


@contextmanager
def arrivals() -> Iterator[tuple[int, list[str]]]:
    """A storage SCP: its port, and what has come, as often as it came."""
    arrived: list[str] = []

    def store(event: Any) -> int:
        arrived.append(str(event.request.AffectedSOPInstanceUID))
        return 0

    ae = AE("ARCHIVE")
    ae.add_supported_context(CTImageStorage, ExplicitVRLittleEndian)
    with serving(ae, (evt.EVT_C_STORE, store)) as port:
        yield port, arrived


def nobody() -> int:
    """A port that nobody listens on."""
    return free_ports(1)[0]


def put(store: Store, path: str, body: Any) -> None:
    answer = store.http.put(path, json=body)
    assert answer.status_code == 200, answer.text


def add_modality(store: Store, name: str, port: int) -> None:
    put(store, f"/modalities/{name}", {"AET": "ARCHIVE", "Host": "127.0.0.1", "Port": port})


def uids(datasets: list[Dataset]) -> set[str]:
    return {str(dataset.SOPInstanceUID) for dataset in datasets}

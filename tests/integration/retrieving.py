# SPDX-License-Identifier: Apache-2.0
"""The other sides of C-MOVE and C-GET: one that receives, and what the tests send and ask."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from pydicom import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.events import Event
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelMove

from outside import TIMEOUT, Store, eventually, free_ports
from pons_testing.scp import serving


@dataclass
class Receiver:
    """Takes C-STORE with the AE title RECEIVER, and does what a test wants with it."""

    port: int
    status: dict[str, int] = field(default_factory=dict)
    """By SOP Instance UID; 0 for others."""
    stops: bool = False
    """Whether all but the first wait until it may `go_on`."""
    go_on: threading.Event = field(default_factory=threading.Event)
    received: list[Dataset] = field(default_factory=list)
    originators: list[tuple[str, int]] = field(default_factory=list)
    first: threading.Event = field(default_factory=threading.Event)

    def take(self, event: Event) -> int:
        request: Any = event.request
        if self.stops and self.first.is_set():
            self.go_on.wait(TIMEOUT)
        self.first.set()
        originator = request.MoveOriginatorApplicationEntityTitle, request.MoveOriginatorMessageID
        self.originators.append(originator)
        status = self.status.get(str(request.AffectedSOPInstanceUID), 0)
        if status == 0:
            self.received.append(event.dataset)
        return status


@contextmanager
def known_modality(
    store: Store, name: str, title: str, model: str, port: int = 104
) -> Iterator[None]:
    """The DICOM port knows who asks for `model` by this AE title, as long as the block runs.

    Processes hear of a change, and of its end, shortly after it is acknowledged.
    """
    described = {"AET": title, "Host": "127.0.0.1", "Port": port}
    assert store.http.put(f"/modalities/{name}", json=described).status_code == 200
    eventually(f"{title} is known", lambda: admitted(store, title, model))
    try:
        yield
    finally:
        store.http.delete(f"/modalities/{name}")
        eventually(f"{title} is forgotten", lambda: not admitted(store, title, model))


def admitted(store: Store, title: str, model: str, tls: ssl.SSLContext | None = None) -> bool:
    """Whether the DICOM port knows by now that this AE title may ask for `model`."""
    entity = AE(title)
    entity.add_requested_context(model)
    secured: Any = None if tls is None else (tls, "127.0.0.1")
    association = entity.associate("127.0.0.1", store.dicom_port, tls_args=secured)
    known = association.is_established
    if known:
        association.release()
    return known


@contextmanager
def receiving(store: Store, *, listening: bool = True) -> Iterator[Receiver]:
    """A receiver that the store knows as a modality, as MOVER is known that asks for it."""
    (port,) = free_ports(1)
    receiver = Receiver(port)
    entity = AE("RECEIVER")
    entity.add_supported_context(CTImageStorage, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
    described = {"AET": "RECEIVER", "Host": "127.0.0.1", "Port": port}
    assert store.http.put("/modalities/receiver", json=described).status_code == 200
    taken = (evt.EVT_C_STORE, receiver.take)
    try:
        with (
            known_modality(store, "mover", "MOVER", StudyRootQueryRetrieveInformationModelMove),
            serving(entity, taken, port=port) if listening else nullcontext(),
        ):
            try:
                yield receiver
            finally:
                receiver.go_on.set()
    finally:
        store.http.delete("/modalities/receiver")


def identifier(level: str, **keys: Any) -> Dataset:
    ds = Dataset()
    if level:
        ds.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(ds, keyword, value)
    return ds

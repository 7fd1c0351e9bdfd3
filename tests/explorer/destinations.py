# SPDX-License-Identifier: Apache-2.0
"""Another system that a store sends to, and what is sent there."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.events import Event
from pynetdicom.transport import ThreadedAssociationServer

from outside import Store, eventually, free_ports, image
from patients import encoded, send


class Destination:
    """A modality that takes an image when it is let, and answers with a status."""

    def __init__(self) -> None:
        self.name = "destination"
        self.status = 0x0000
        self.received: list[str] = []
        self._permissions = threading.Semaphore(0)
        self._open = False

    def allow(self, images: int) -> None:
        for _ in range(images):
            self._permissions.release()

    def open(self) -> None:
        """Take whatever comes from now on."""
        self._open = True
        self.allow(100)

    def store(self, event: Event) -> int:
        if not self._open:
            self._permissions.acquire(timeout=120)
        if self.status == 0:
            self.received.append(str(event.dataset.SOPInstanceUID))
        return self.status


def forget_jobs(store: Store) -> None:
    for job in store.get("/jobs?expand"):
        store.http.post(f"/jobs/{job['ID']}/cancel")
    eventually("all jobs have ended", lambda: not under_way(store))
    for job in store.get("/jobs"):
        store.http.delete(f"/jobs/{job}")


@contextmanager
def destination_of(store: Store) -> Iterator[Destination]:
    """A modality of the store; there are no jobs before, and its own are forgotten in the end."""
    forget_jobs(store)
    made = Destination()
    ae = AE("DESTINATION")
    ae.add_supported_context(CTImageStorage, ExplicitVRLittleEndian)
    (port,) = free_ports(1)
    server = ae.start_server(
        ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, made.store)]
    )
    assert isinstance(server, ThreadedAssociationServer)
    modality = {"AET": "DESTINATION", "Host": "127.0.0.1", "Port": port, "Timeout": 120}
    store.http.put(f"/modalities/{made.name}", json=modality).raise_for_status()
    yield made
    made.open()
    forget_jobs(store)
    store.http.delete(f"/modalities/{made.name}").raise_for_status()
    server.shutdown()
    server.server_close()


def under_way(store: Store) -> list[str]:
    states = ("Success", "Failure")
    return [job["ID"] for job in store.get("/jobs?expand") if job["State"] not in states]


def study_of(store: Store, patient_id: str, images: int) -> str:
    """The identifier of a study of so many images."""
    first = image(patient_id)
    first.PatientName = "Jobs^Jane"
    study = send(store, first)
    for number in range(1, images):
        ds = image(patient_id, first.StudyInstanceUID, number + 1)
        ds.PatientName = "Jobs^Jane"
        answer = store.http.post("/instances", content=encoded(ds))
        assert answer.status_code == 200, answer.text
    return study


def send_to(store: Store, destination: str, study: str) -> str:
    """The job that sends it."""
    body = {"Resources": [study], "Synchronous": False}
    return str(store.http.post(f"/modalities/{destination}/store", json=body).json()["ID"])

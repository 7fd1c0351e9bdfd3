# SPDX-License-Identifier: Apache-2.0
"""A store is upgraded under clients of whom none may notice."""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import httpx

from outside import TIMEOUT
from project import HEALTH_PORT, Project
from replicas import Balancer, says_ready
from undisturbed import Clients, Sender, encoded, require

LOOK_AGAIN = 0.3
PAUSE = 0.1
"""Seconds between two rounds of a client: two cores have ten containers to start as well."""


@dataclass(frozen=True)
class Door:
    """A container of a service, as who deals requests out sees it."""

    host: str
    port: int

    def is_ready(self) -> bool:
        return says_ready(self.host, HEALTH_PORT)


def doors(project: Project, service: str, port: int) -> list[Door]:
    """The containers of a service that run, at their addresses in the store's network."""
    # One that is just ending has no address any more.
    return [Door(address, port) for address in project.addresses(service) if address]


class Upgrade:
    """Uploads, reads, searches, pictures, labels and associations while services are replaced.

    What deals them out to the containers asks each whether it is ready, as a load balancer does.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self.acknowledged: set[str] = set()
        """Identifiers of what was uploaded."""
        self.senders: list[Sender] = []
        self.rounds: dict[str, int] = {}

    def run(self, tag: str) -> str:
        """Returns what upgrade-store said; fails with the first request that failed."""
        with Balancer() as http, Balancer() as dicom, ExitStack() as opened:
            self._deal(http, dicom)
            http.deal_to(*http.replicas)
            dicom.deal_to(*dicom.replicas)
            address, auth = f"http://127.0.0.1:{http.port}", self._project.store.http.auth

            def client() -> httpx.Client:
                return opened.enter_context(
                    httpx.Client(base_url=address, auth=auth, timeout=TIMEOUT)
                )

            clients = Clients(PAUSE)
            self.senders = [Sender(dicom.port, self._project.store.aet)]
            with clients.working(**self._works(client), sender=self.senders[0]):
                said = self._upgrade(tag, http, dicom)
            self.rounds = clients.rounds
        return said

    def _upgrade(self, tag: str, http: Balancer, dicom: Balancer) -> str:
        said: list[str] = []
        upgrading = threading.Thread(target=lambda: said.append(self._project.upgrade(tag)))
        upgrading.start()
        while upgrading.is_alive():
            self._deal(http, dicom)
            upgrading.join(LOOK_AGAIN)
        assert said, "upgrade-store has failed"
        return said[0]

    def _deal(self, http: Balancer, dicom: Balancer) -> None:
        http.replicas = list(doors(self._project, "gateway", 8042))
        dicom.replicas = list(doors(self._project, "dicom-ingress", 4242))

    def _works(self, client: Callable[[], httpx.Client]) -> dict[str, Callable[[], None]]:
        uploading, reading, searching, looking, labelling = (client() for _ in range(5))
        known = require(uploading.post("/instances", content=encoded("KNOWN"))).json()["ID"]
        self.acknowledged.add(known)

        def upload() -> None:
            answer = require(uploading.post("/instances", content=encoded("MORE")))
            self.acknowledged.add(answer.json()["ID"])

        def read() -> None:
            require(reading.get(f"/instances/{known}/tags"))
            require(reading.get(f"/instances/{known}/file"))

        def search() -> None:
            asked = {"Level": "Patient", "Query": {"PatientID": "KNOWN"}}
            assert len(require(searching.post("/tools/find", json=asked)).json()) == 1

        def look() -> None:
            picture = require(looking.get(f"/instances/{known}/preview"))
            assert picture.content.startswith(b"\x89PNG")

        def label() -> None:
            require(labelling.put(f"/instances/{known}/labels/seen"))
            require(labelling.delete(f"/instances/{known}/labels/seen"))

        return {work.__name__: work for work in (upload, read, search, look, label)}


def all_uids(http: httpx.Client) -> list[str]:
    """The SOP instance UID of each instance of a store."""
    answer = http.get("/instances", params={"expand": ""}, timeout=120).raise_for_status()
    return [one["MainDicomTags"]["SOPInstanceUID"] for one in answer.json()]

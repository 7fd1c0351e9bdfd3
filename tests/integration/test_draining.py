# SPDX-License-Identifier: Apache-2.0
"""Of two replicas behind a balancer one is told to end, under load: nobody notices."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from outside import TIMEOUT, Store, eventually, image, running
from replicas import Balancer, Replica, first_of, replica
from undisturbed import Clients, Sender, Unserved, encoded, require

LEAVING = {"PONS_HEALTH_LEAVE_SECONDS": "5"}
"""Time for a balancer on a busy machine to see who is not ready any more."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store beside which replicas come and go; each test has patients of its own."""
    with running(Store("draining", tmp_path_factory.mktemp("draining") / "data")) as started:
        yield started


def end(one: Replica) -> None:
    """SIGTERM, and what it is for a service to end in order."""
    one.process.terminate()
    assert one.process.wait(60) == 0


def test_no_request_fails(fresh_store: Callable[..., Store], tmp_path: Path) -> None:
    """Uploads, reads, searches and pictures all are answered while first a gateway and then a
    render end, over connections that clients keep."""
    with Balancer() as doors, Balancer() as painters, ExitStack() as opened:
        store = fresh_store("draining", PONS_RENDER_URL=f"http://127.0.0.1:{painters.port}")
        gateway, render = (
            opened.enter_context(replica(store, kind, tmp_path / f"{kind}.log", **LEAVING))
            for kind in ("gateway", "render")
        )
        doors.deal_to(first_of(store, "gateway"), gateway)
        painters.deal_to(first_of(store, "render"), render)
        address = f"http://127.0.0.1:{doors.port}"
        clients = Clients()
        http = [
            opened.enter_context(httpx.Client(base_url=address, timeout=TIMEOUT)) for _ in range(4)
        ]
        known = require(http[0].post("/instances", content=encoded("KNOWN"))).json()["ID"]

        def upload() -> None:
            require(http[0].post("/instances", content=encoded("MORE")))

        def read() -> None:
            require(http[1].get(f"/instances/{known}/tags"))
            require(http[1].get(f"/instances/{known}/file"))

        def search() -> None:
            found = require(
                http[2].post("/tools/find", json={"Level": "Patient", "Query": {"PatientID": "K*"}})
            )
            assert len(found.json()) == 1

        def look() -> None:
            picture = require(http[3].get(f"/instances/{known}/preview"))
            assert picture.content.startswith(b"\x89PNG")

        with clients.working(upload=upload, read=read, search=search, look=look):
            for one in (gateway, render):
                end(one)
                clients.let_work()
        stored = clients.rounds["upload"] + 1
        eventually("all are indexed", lambda: store.get("/statistics")["CountInstances"] == stored)


def test_a_stream_of_events_goes_on_elsewhere(shared: Store, tmp_path: Path) -> None:
    """It ends as streams end, and behind its last event another replica tells what came since."""
    shared.c_store(image("BEFORE"))
    with replica(shared, "gateway", tmp_path / "gateway.log") as second:
        with httpx.stream(
            "GET",
            f"http://127.0.0.1:{second.port}/explorer/api/events",
            params={"since": 0},
            timeout=TIMEOUT,
        ) as stream:
            lines = stream.iter_lines()
            last = next(number for number, kind in told(lines) if kind == "study")
            second.process.terminate()
            for _ in lines:  # an httpx.RemoteProtocolError, were it cut
                pass
        assert second.process.wait(60) == 0
    shared.c_store(image("AFTER"))
    (after,) = find_patient(shared, "AFTER")
    with shared.http.stream(
        "GET", "/explorer/api/events", headers={"last-event-id": str(last)}
    ) as stream:
        data = next(
            line for line in stream.iter_lines() if line.startswith("data:") and after in line
        )
    assert json.loads(data.removeprefix("data:"))["id"] == after


def find_patient(store: Store, patient: str) -> list[str]:
    """The studies of a patient."""
    asked = {"Level": "Study", "Query": {"PatientID": patient}}
    found: list[str] = require(store.http.post("/tools/find", json=asked)).json()
    return found


def told(lines: Iterator[str]) -> Iterator[tuple[int, str]]:
    """Number and kind of each event that has both."""
    number, kind = 0, ""
    for line in lines:
        name, _, value = line.partition(": ")
        if name == "id":
            number = int(value)
        elif name == "event":
            kind = value
        elif not line:
            yield number, kind
            kind = ""


def stored_uids(store: Store, patient: str) -> set[str]:
    """The instances of a patient."""
    query = {"PatientID": patient}
    asked = {"Level": "Instance", "Query": query, "ResponseContent": ["MainDicomTags"]}
    found = require(store.http.post("/tools/find", json=asked)).json()
    return {one["MainDicomTags"]["SOPInstanceUID"] for one in found}


def test_no_sender_notices(shared: Store, tmp_path: Path) -> None:
    """Four senders, association after association: each is accepted, each C-STORE succeeds, and
    what was acknowledged is in the store once."""
    settings = LEAVING | {"PONS_DICOM_DRAIN_SECONDS": "60"}
    log = tmp_path / "ingress.log"
    with Balancer() as ports, replica(shared, "ingress", log, **settings) as second:
        ports.deal_to(first_of(shared, "ingress"), second)
        senders = [Sender(ports.port, shared.aet, patient="NOTICED") for _ in range(4)]
        clients = Clients()
        with clients.working(**{f"sender {n}": one for n, one in enumerate(senders)}):
            end(second)
    assert "association aborted" not in log.read_text()
    acknowledged = [uid for one in senders for uid in one.acknowledged]
    eventually("all are indexed", lambda: stored_uids(shared, "NOTICED") >= set(acknowledged))
    assert stored_uids(shared, "NOTICED") == set(acknowledged)
    assert len(set(acknowledged)) == len(acknowledged)


@pytest.mark.parametrize("drain", ["0", "1"])
def test_who_sends_for_ever_hears_an_abort(shared: Store, tmp_path: Path, drain: str) -> None:
    """It comes between two requests; what the sender was told is stored, is."""
    patient = f"ENDLESS{drain}"
    with replica(
        shared, "ingress", tmp_path / "ingress.log", PONS_DICOM_DRAIN_SECONDS=drain
    ) as second:
        sender = Sender(second.port, shared.aet, series=100_000, patient=patient)
        ended: list[str] = []

        def send() -> None:
            try:
                sender()
            except Unserved as error:
                ended.append(str(error))

        thread = threading.Thread(target=send)
        thread.start()
        eventually("some are stored", lambda: len(sender.acknowledged) > 20)
        end(second)
        thread.join(TIMEOUT)
    assert ended in (["status None"], ["aborted"])
    acknowledged = set(sender.acknowledged)
    eventually("all are indexed", lambda: acknowledged <= stored_uids(shared, patient))

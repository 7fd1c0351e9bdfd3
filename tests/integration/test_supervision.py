# SPDX-License-Identifier: Apache-2.0
"""The beginning of a store and its violent end, as whoever waits for it sees them."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx
import psutil
import pytest

from outside import Store, eventually, image, running
from pons_testing.folders import take_away


class Watched(Store):
    """A store of which somebody looks only whether `/system` answers."""

    def is_ready(self) -> bool:
        try:
            return self.http.get("/system", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False


def test_system_answers_last(tmp_path: Path) -> None:
    """From its first answer on the DICOM port is open, and what is sent there is listed at once."""
    patient = {"PONS_INGEST_ANSWER_TIMEOUT": "60"}
    with running(Watched("watched", tmp_path / "data", patient)) as store:
        began = time.monotonic()
        assert store.c_store(image("EARLY")) == [0]
        assert len(store.get("/instances")) == 1
        assert time.monotonic() - began < 50  # it has not waited for an index that is not there


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store of which parts are killed; each test leaves it ready. It ends nothing by itself that
    does not answer, as a test has ingress do."""
    data = tmp_path_factory.mktemp("killed") / "data"
    with running(Store("killed", data, {"PONS_HEALTH_HUNG_AFTER": "0"})) as started:
        yield started


def test_a_gateway_does_not_wait_for_what_is_down(killed: Store) -> None:
    """While ingress cannot start again, a gateway that was killed answers all the same."""
    (ingress,) = killed.processes("ingress")
    ingress.suspend()
    killed.kill("gateway")
    eventually("the gateway answers", lambda: _answers(killed))
    ingress.resume()
    killed.wait_until_ready()


def test_nothing_outlives_a_killed_launcher(killed: Store) -> None:
    """Everything ends in order after kill -9, and the next start has what was acknowledged."""
    assert killed.c_store(*(image("KEPT", number=number) for number in range(20))) == [0] * 20
    family = killed.kill_launcher()
    assert len(family) > 7
    _, left = psutil.wait_procs(family, 90)
    assert left == []
    killed.start()
    assert _instances(killed, "KEPT") == 20


def test_a_start_right_after_a_killed_launcher(killed: Store) -> None:
    """It does not wait for the end of the last one, and loses nothing."""
    for round_number in range(1, 4):
        assert killed.c_store(image("ROUND", number=round_number)) == [0]
        family = killed.kill_launcher()
        killed.start()  # the last gateway may still answer
        _, left = psutil.wait_procs(family, 90)
        assert left == []
        killed.wait_until_ready()
        eventually("all are there", partial(_has, killed, "ROUND", round_number))


def test_streams_whose_files_are_removed_come_back(fresh_store: Callable[..., Store]) -> None:
    """nats-server says that it is well, and keeps nothing: it starts again, nothing is lost."""
    store = fresh_store()
    [before] = store.processes("nats")
    assert store.c_store(*(image("BEFORE", number=number) for number in range(5))) == [0] * 5
    take_away(store.data / "nats" / "jetstream")
    eventually("nats is started again", lambda: _other(store.processes("nats"), before))
    assert "nats-server has lost its files of " in store.log.read_text()
    store.wait_until_ready()
    eventually("instances are taken", lambda: _takes(store, "AFTER"))
    eventually("all are there", lambda: len(store.get("/instances")) >= 6)


def _other(processes: list[psutil.Process], before: psutil.Process) -> bool:
    return bool(processes) and processes[0].pid != before.pid


def _takes(store: Store, patient_id: str) -> bool:
    try:
        return store.c_store(image(patient_id)) == [0]
    except OSError:
        return False


def _has(store: Store, patient_id: str, instances: int) -> bool:
    return _instances(store, patient_id) == instances


def _instances(store: Store, patient_id: str) -> int:
    """How many instances of the patient are found."""
    asked = {"Level": "Instance", "Query": {"PatientID": patient_id}}
    return len(store.http.post("/tools/find", json=asked).raise_for_status().json())


def _answers(store: Store) -> bool:
    try:
        return store.http.get("/system", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False

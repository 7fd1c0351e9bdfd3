# SPDX-License-Identifier: Apache-2.0
"""The beginning of a store and its violent end, as whoever waits for it sees them."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx
import psutil

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


def test_a_gateway_does_not_wait_for_what_is_down(fresh_store: Callable[..., Store]) -> None:
    """While ingress cannot start again, a gateway that was killed answers all the same."""
    store = fresh_store()
    (ingress,) = store.processes("ingress")
    ingress.suspend()
    store.kill("gateway")
    eventually("the gateway answers", lambda: _answers(store))
    ingress.resume()
    store.wait_until_ready()


def test_nothing_outlives_a_killed_launcher(fresh_store: Callable[..., Store]) -> None:
    """Everything ends in order after kill -9, and the next start has what was acknowledged."""
    store = fresh_store()
    assert store.c_store(*(image("KEPT", number=number) for number in range(20))) == [0] * 20
    family = store.kill_launcher()
    assert len(family) > 7
    _, left = psutil.wait_procs(family, 90)
    assert left == []
    store.start()
    assert len(store.get("/instances")) == 20


def test_a_start_right_after_a_killed_launcher(fresh_store: Callable[..., Store]) -> None:
    """It does not wait for the end of the last one, and loses nothing."""
    store = fresh_store()
    for round_number in range(1, 4):
        assert store.c_store(image(f"ROUND{round_number}")) == [0]
        family = store.kill_launcher()
        store.start()  # the last gateway may still answer
        _, left = psutil.wait_procs(family, 90)
        assert left == []
        store.wait_until_ready()
        eventually("all are there", partial(_has, store, round_number))


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


def _has(store: Store, instances: int) -> bool:
    return len(store.get("/instances")) == instances


def _answers(store: Store) -> bool:
    try:
        return store.http.get("/system", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False

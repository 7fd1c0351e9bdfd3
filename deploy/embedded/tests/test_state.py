# SPDX-License-Identifier: Apache-2.0
"""What is written down about processes, and what is believed of it later."""

import os
import subprocess
import sys
from pathlib import Path

from pons_embedded.processes import end_all
from pons_embedded.state import Record, State, read_state, record, survivors, write_state

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
DEAF = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(60)"


def state_of(*records: Record) -> State:
    supervisor = Record("supervisor", 1, 0.0)
    return State("main", supervisor, "http://127.0.0.1:8042/", "PONS", True, records)


def test_state_comes_back(tmp_path: Path) -> None:
    """A state that was written is read as the same value."""
    written = state_of(Record("nats", 42, 1.5, "127.0.0.1", 4222, "/healthz"))
    write_state(tmp_path / "state.json", written)
    assert read_state(tmp_path / "state.json") == written


def test_damaged_state_is_none(tmp_path: Path) -> None:
    """Half a state file is as good as none."""
    (tmp_path / "state.json").write_text('{"store": "main", "super')
    assert read_state(tmp_path / "state.json") is None
    assert read_state(tmp_path / "nowhere.json") is None


def test_process_id_that_came_again_is_not_believed() -> None:
    """A record with our process id and another start time is not us."""
    mine = record("me", os.getpid())
    assert mine is not None
    assert mine.process() is not None
    assert Record("me", mine.pid, mine.started - 60).process() is None


def test_survivors_are_ended() -> None:
    """Recorded processes that still run are found and ended, even those that ignore SIGTERM."""
    with (
        subprocess.Popen(SLEEP) as plain,
        subprocess.Popen([sys.executable, "-c", DEAF], stdout=subprocess.PIPE) as deaf,
    ):
        assert deaf.stdout is not None
        deaf.stdout.readline()
        records = [record("gateway", plain.pid), record("nats", deaf.pid)]
        known = state_of(*(one for one in records if one))
        assert [one.pid for one in survivors(known)] == [plain.pid, deaf.pid]
        end_all(survivors(known), patience=0.5)
        assert survivors(known) == []
    assert deaf.returncode == -9


def test_recorded_process_that_ended_is_none() -> None:
    """A process that has ended is not recorded, and its record leads nowhere."""
    with subprocess.Popen(SLEEP) as process:
        running = record("index", process.pid)
        process.kill()
    assert running is not None
    assert running.process() is None
    assert record("index", process.pid) is None

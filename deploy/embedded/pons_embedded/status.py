# SPDX-License-Identifier: Apache-2.0
"""`./pons status` and `./pons down`: what runs, and its end."""

import contextlib
import json
import signal
import sys
import time
from collections.abc import Container

import psutil

from pons_embedded import state
from pons_embedded.cluster import end_leftovers
from pons_embedded.command import send
from pons_embedded.errors import Refusal
from pons_embedded.folder import DataFolder
from pons_embedded.nats import trouble
from pons_embedded.ports import http_answer
from pons_embedded.processes import end_all

HEALTHY, UNHEALTHY, NOT_RUNNING = 0, 1, 3
"""Exit codes, as for the status of a system service."""
DOWN_PATIENCE = 90.0
"""Seconds that a store may take to end, beside what its services were told to take."""
MIB = 1 << 20


def show_status(folder: DataFolder, store: str) -> int:
    """Print what runs, where, whether it is well and what memory it takes; the exit code."""
    known = state.read_state(folder.state)
    supervisor = known.supervisor.process() if known else None
    if known is None or (supervisor is None and not any(one.process() for one in known.processes)):
        print(f"Store {store} is not running (data folder {folder.path}).")
        return NOT_RUNNING
    print(f"Store {known.store}: {known.http}, {known.dicom}, data in {folder.path}")
    everything_well = supervisor is not None and known.ready
    rows: list[tuple[str, ...]] = []
    notes: list[str] = []
    total = 0
    rest = {one.pid for one in known.processes}
    for one in (known.supervisor, *known.processes):
        process = one.process()
        memory, unit = memory_of(process, rest)
        total += memory
        well, causes = _condition(one, process)
        if well == "healthy" and one.name == "nats" and (why := trouble(folder.nats, one.port)):
            well, causes = "not ready", [why]
        everything_well &= well == "healthy"
        notes += [f"{one.name}: {cause}" for cause in causes]
        rows.append((one.name, str(one.pid), _address(one), well, f"{memory / MIB:.0f} MB"))
    _print_table(("process", "pid", "address", "condition", unit), rows)
    for note in notes:
        print(note)
    print(f"{total / MIB:.0f} MB in all ({unit}, with every child process)")
    if supervisor is None:
        print(
            "The supervisor was killed, so what it ran is ending: ./pons down waits for that, "
            "./pons up starts afresh."
        )
    elif not known.ready:
        print("The store is still starting.")
    return HEALTHY if everything_well else UNHEALTHY


def stop_store(folder: DataFolder, store: str, ending: float = 0) -> int:
    """Stop a store and wait until all of it has ended; the exit code.

    `ending`: seconds that its services may take, one stage after the other.
    """
    patience = DOWN_PATIENCE + ending
    known = state.read_state(folder.state)
    supervisor = known.supervisor.process() if known else None
    store = known.store if known else store
    if supervisor is not None:
        if sys.platform == "win32":
            folder.stop_request.touch()
        else:
            send(supervisor.pid, signal.SIGTERM)
        deadline = time.monotonic() + patience
        while known is not None and known.supervisor.process() is not None:
            if time.monotonic() > deadline:
                raise Refusal(
                    f"store {store} has not ended after {patience:g} s: see {folder.log}, "
                    f"and kill process {supervisor.pid} if need be"
                )
            time.sleep(0.05)
        print(f"Store {store} is stopped.")
        return 0
    if not folder.path.is_dir():
        print(f"Store {store} is not running (there is no data folder {folder.path}).")
        return 0
    with folder.locked():
        left = state.survivors(known)
        end_all(left)
        database_left = end_leftovers(folder.postgres / "cluster")
        folder.state.unlink(missing_ok=True)
    print(
        f"Store {store} is stopped; its supervisor had been killed before."
        if left or database_left
        else f"Store {store} is not running."
    )
    return 0


def memory_of(process: psutil.Process | None, apart: Container[int]) -> tuple[int, str]:
    """Bytes that a process and its children take, and how they are counted.

    Without those children, and theirs, whose ids are in `apart`: they have rows of their own.

    PSS shares out what several processes have in common, so that the sum is right; elsewhere than
    on Linux it is RSS, which counts that again and again.
    """
    if process is None:
        return 0, "PSS" if psutil.LINUX else "RSS"
    processes, total, unit = [process], 0, "RSS"
    while processes:
        one = processes.pop()
        with contextlib.suppress(psutil.Error):
            processes += [child for child in one.children() if child.pid not in apart]
            full = one.memory_full_info()
            unit = "PSS" if hasattr(full, "pss") else "RSS"
            total += getattr(full, "pss", full.rss)
    return total, unit


def _condition(one: state.Record, process: psutil.Process | None) -> tuple[str, list[str]]:
    """In a word, and what keeps it from being ready or should be looked at."""
    if process is None:
        return "not running", []
    if not one.port:
        return "healthy", []
    status, body = http_answer(one.host, one.port, one.path, patience=5)
    if status != 200:
        return "not ready", _causes(body)
    return "no room" if b'"shortages"' in body else "healthy", _causes(body)


def _causes(body: bytes) -> list[str]:
    """What the body of /health/ready tells; NATS' own tells nothing."""
    try:
        told = json.loads(body)
        kinds = ("failures", "shortages", "warnings")
        named = {name: why for kind in kinds for name, why in told.get(kind, {}).items()}
    except (ValueError, AttributeError, TypeError):
        return []
    return [f"{name}: {why}" for name, why in named.items()]


def _address(one: state.Record) -> str:
    return f"{one.host}:{one.port}" if one.port else ""


def _print_table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row in (head, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())

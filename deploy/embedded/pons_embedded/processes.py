# SPDX-License-Identifier: Apache-2.0
"""Processes that are not our children: whether they live, and their end."""

import contextlib
import time
from collections.abc import Iterable

import psutil

PATIENCE = 10.0
INTERVAL = 0.05


def lives(process: psutil.Process) -> bool:
    """Whether the process still runs; one that nobody has fetched the exit code of does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def wait_gone(processes: Iterable[psutil.Process], patience: float) -> list[psutil.Process]:
    """Wait for processes to end; those that still live after `patience` seconds."""
    deadline = time.monotonic() + patience
    while (alive := [one for one in processes if lives(one)]) and time.monotonic() < deadline:
        time.sleep(INTERVAL)
    return alive


def end_all(processes: Iterable[psutil.Process], patience: float = PATIENCE) -> None:
    """End processes: politely first, then surely."""
    alive = list(processes)
    for action in (psutil.Process.terminate, psutil.Process.kill):
        for one in alive:
            with contextlib.suppress(psutil.Error):
                action(one)
        if not (alive := wait_gone(alive, patience)):
            return

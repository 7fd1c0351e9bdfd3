# SPDX-License-Identifier: Apache-2.0
"""Ending a backing service of a test as a crash does, or holding it up."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pons_embedded.server import Server


def crash(embedded: Server) -> None:
    """End a server with SIGKILL; its `start` brings it back at the same address."""
    embedded.process.kill()
    embedded.process.wait()


@contextmanager
def hanging(embedded: Server) -> Iterator[None]:
    """A server neither answers nor goes away while the block runs."""
    pid = embedded.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        deadline = time.monotonic() + 60
        while not _all_threads_stopped(pid):  # the signal takes a moment to reach each
            if time.monotonic() > deadline:
                raise RuntimeError(f"process {pid} does not stop")
            time.sleep(0.005)
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _all_threads_stopped(pid: int) -> bool:
    threads = Path(f"/proc/{pid}/task")
    if not threads.is_dir():
        return True  # a system that does not say
    return all(
        (thread / "stat").read_text().rpartition(")")[2].split()[0] == "T"
        for thread in threads.iterdir()
    )

# SPDX-License-Identifier: Apache-2.0
"""The process that ends a store in order when its supervisor is killed and cannot.

It reads what runs from its standard input, a line of JSON each time that changes, and acts when
that input ends: on a supervisor that ended in order it finds an empty list. What it was told last
is known by process id and start time, so it ends nothing that somebody else has started since.

Until there is something to do it takes as little memory as a Python can: it imports nothing else.
"""

import json
import sys
from typing import TypedDict

PATIENCE = 12.0
"""Seconds that a process may take to end after each of its signals."""


class Charge(TypedDict):
    """A process to end."""

    name: str
    pid: int
    started: float
    stage: int
    """Processes of a lower stage end first."""
    signals: list[int]
    """What ends it in order, and then sooner; it is killed after that."""


def main() -> None:
    """Wait for the end of the supervisor, then end what it left."""
    charges: list[Charge] = []
    for line in sys.stdin.buffer:
        if line.endswith(b"\n"):  # the last may be cut off
            charges = json.loads(line)
    for stage in sorted({charge["stage"] for charge in charges}):
        end_together([charge for charge in charges if charge["stage"] == stage])


def end_together(charges: list[Charge]) -> None:
    """End processes: each politely, then surely."""
    import signal

    from pons_embedded.command import end_group, go_on, send
    from pons_embedded.processes import wait_gone
    from pons_embedded.state import Record

    for step in range(max(len(charge["signals"]) for charge in charges) + 1):
        waited = []
        for charge in charges:
            process = Record(charge["name"], charge["pid"], charge["started"]).process()
            if process is None:
                continue
            number = dict(enumerate(charge["signals"])).get(step)
            print(f"the supervisor is gone: ending {charge['name']} ({charge['pid']})", flush=True)
            try:
                if number is None:
                    end_group(process.pid)
                else:
                    send(process.pid, signal.Signals(number))
                    go_on(process.pid)  # one that was stopped hears nothing before
            except OSError as error:  # it has just ended
                print(f"{charge['name']}: {error}", flush=True)
            waited.append(process)
        wait_gone(waited, PATIENCE)


if __name__ == "__main__":
    main()

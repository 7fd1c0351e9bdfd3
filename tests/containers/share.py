# SPDX-License-Identifier: Apache-2.0
"""What part of a busy machine the containers get: a cgroup of their own, gone after them.

An engine puts all its containers into one group, and Linux gives a group of cgroups version 1 as
much as a single process beside it. Two stores in containers then stand still where thirty other
processes want to run.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
OF_A_PROCESS = 1024
"""`cpu.shares` that a process beside a group counts as."""
LESS_EACH = 1.25
"""So many times less it is with each step of niceness."""
PROCESSES = 10
"""So many the group counts as: as many as the stores in it have that are busy at once."""


def shares(niceness: int) -> int:
    """`cpu.shares` of so many processes of a niceness."""
    return round(PROCESSES * OF_A_PROCESS / LESS_EACH**niceness)


@contextmanager
def fair_share() -> Iterator[dict[str, str]]:
    """What an engine's configuration says for it; nothing where cgroups are of another version, or
    are not to be changed.

    The group is as nice as this process: it does not matter to others how nice its members are.
    """
    cpu = CGROUPS / "cpu"
    if not os.access(cpu / "cpu.shares", os.W_OK):
        yield {}
        return
    name = f"pons-tests-{uuid.uuid4().hex[:8]}"
    (cpu / name).mkdir()
    try:
        niceness = os.getpriority(os.PRIO_PROCESS, 0)
        (cpu / name / "cpu.shares").write_text(str(shares(niceness)))
        yield {"cgroup-parent": f"/{name}"}
    finally:
        # The engine has made it for each controller, with groups of what was built.
        for group in CGROUPS.glob(f"*/{name}"):
            for place in (*sorted(group.rglob("*/"), reverse=True), group):
                with suppress(OSError):  # a process that is just ending still is in it
                    place.rmdir()

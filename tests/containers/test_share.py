# SPDX-License-Identifier: Apache-2.0
"""The part of a busy machine that containers get; no engine is needed."""

import os

import pytest

from share import CGROUPS, fair_share, shares


def test_containers_count_as_several_processes() -> None:
    """Of the niceness of the tests: who runs them in the background goes on working."""
    assert shares(0) == 10 * 1024
    assert shares(15) == 10 * 36  # as Linux weighs such a process


@pytest.mark.skipif(
    not os.access(CGROUPS / "cpu/cpu.shares", os.W_OK),
    reason="groups of version 1, which a machine may lack, and only root makes them",
)
def test_no_group_is_left() -> None:
    """Nor one that an engine has made in it, for whatever it ran."""
    with fair_share() as configuration:
        name = configuration["cgroup-parent"].removeprefix("/")
        given = int((CGROUPS / "cpu" / name / "cpu.shares").read_text())
        assert given == shares(os.getpriority(os.PRIO_PROCESS, 0))
        (CGROUPS / "cpu" / name / "built" / "once").mkdir(parents=True)
        (CGROUPS / "memory" / name).mkdir()
    assert list(CGROUPS.glob(f"*/{name}")) == []

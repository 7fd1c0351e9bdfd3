# SPDX-License-Identifier: Apache-2.0
"""What a container of a store suffers: it is killed, or nobody reaches it any more."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from outside import eventually
from project import SERVICES, START_SECONDS, Project


def kill(project: Project, service: str) -> None:
    """`kill -9` of a container's process, which the engine then starts again.

    Returns once a service of ours is ready again, and one behind it has been started.
    """
    [container] = project.containers(service)
    before = project.state(container)
    os.kill(int(str(before["Pid"])), signal.SIGKILL)
    eventually(
        f"the engine has started {service} again",
        lambda: project.state(container)["StartedAt"] != before["StartedAt"],
        START_SECONDS,
    )
    if service in SERVICES:
        eventually(f"{service} is ready", lambda: project.is_ready(service), START_SECONDS)
    project.find_doors()


@contextmanager
def cut_off(project: Project, service: str) -> Iterator[None]:
    """Nobody reaches the service, and it nobody, while the block runs."""
    [container] = project.containers(service)
    network = f"pons-{project.name}_inside"
    project.engine.docker("network", "disconnect", network, container)
    try:
        yield
    finally:
        project.engine.docker("network", "connect", "--alias", service, network, container)

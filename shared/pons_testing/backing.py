# SPDX-License-Identifier: Apache-2.0
"""One PostgreSQL and one nats-server for all tests of a process, each test with what is its own."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest

from pons.bus import Bus
from pons_testing.nats import NatsServer, nats_server
from pons_testing.postgres import PostgresServer, postgres_server

MEMORY = Path("/dev/shm")
ROOM = 2 << 30
"""Bytes that have to be free there, and twice of memory: other workers look at the same time."""
PREFIX = "pons-test-"


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server that every test shares, each with a database of its own."""
    with quick_folder() as folder, postgres_server(folder) as server:
        yield server


@pytest.fixture(scope="session")
def broker() -> Iterator[NatsServer]:
    """A server that every test shares, each with a store of its own."""
    with quick_folder() as folder, nats_server(folder) as server:
        yield server


@pytest.fixture
async def bus(broker: NatsServer) -> AsyncIterator[Bus]:
    """A bus of a store that nobody else has."""
    async with broker.bus() as bus:
        yield bus


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A folder in memory, where the system has room for that: a database is some 300 files, the
    streams of a store are as many."""
    _forget_the_dead()
    quick = (
        MEMORY.is_dir()
        and shutil.disk_usage(MEMORY).free > ROOM
        and psutil.virtual_memory().available > 2 * ROOM
    )
    place = MEMORY if quick else None
    with TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", dir=place) as folder:
        yield Path(folder)


def _forget_the_dead() -> None:
    """What tests that were killed have left there would take memory until the machine restarts."""
    for folder in MEMORY.glob(f"{PREFIX}*-*"):
        number = folder.name.removeprefix(PREFIX).partition("-")[0]
        if number.isdigit() and not psutil.pid_exists(int(number)):
            shutil.rmtree(folder, ignore_errors=True)

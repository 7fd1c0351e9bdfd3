# SPDX-License-Identifier: Apache-2.0
"""A real nats-server for tests: one a session, streams of its own for each test's store.

@pytest.fixture(scope="session")
def nats_server(tmp_path_factory):
    with nats_server(tmp_path_factory.mktemp("nats")) as server:
        yield server

@pytest.fixture
async def bus(nats_server):
    async with nats_server.bus() as bus:
        yield bus
"""

import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import nats.js.errors

from pons.bus import Bus, open_bus
from pons.settings import NatsSettings, Settings, StoreSettings
from pons_embedded.nats import EmbeddedNats

PATIENCE = 30.0
"""Seconds that JetStream may take on a machine where much else is tested."""


class NatsServer:
    """A server on which every store that asks gets a new name, and so streams of its own."""

    def __init__(self, embedded: EmbeddedNats, patience: float = PATIENCE) -> None:
        self.embedded = embedded
        self._patience = patience
        self._numbers = itertools.count(1)

    def settings(self, store: str = "") -> Settings:
        """Settings with this server, for the store `store` or one that nobody else has."""
        name = store or f"test-{next(self._numbers)}"
        return Settings(store=StoreSettings(name=name), nats=NatsSettings(url=self.embedded.url))

    @asynccontextmanager
    async def bus(self, store: str = "") -> AsyncIterator[Bus]:
        """A bus with its streams, which are deleted afterwards (they reserve room on the disk)."""
        async with open_bus(self.settings(store)) as bus:
            bus.stream = bus.client.jetstream(timeout=self._patience)
            bus.patience = self._patience
            try:
                yield bus
            finally:
                await delete_streams(bus)


async def delete_streams(bus: Bus) -> None:
    """Delete every stream and bucket with the store's name, as many as `ensure_streams` makes."""
    own, found = f"{bus.names.store}-", await bus.stream.streams_info()
    while page := await bus.stream.streams_info(len(found)):
        found += page
    for name in (str(info.config.name) for info in found):
        if name.removeprefix("KV_").startswith(own):
            with suppress(nats.js.errors.NotFoundError):
                await bus.stream.delete_stream(name)


@contextmanager
def nats_server(folder: Path, patience: float = PATIENCE) -> Iterator[NatsServer]:
    """A server in `folder` as long as the block runs; `patience` with it is that of its buses."""
    with EmbeddedNats(folder) as embedded:
        yield NatsServer(embedded, patience)

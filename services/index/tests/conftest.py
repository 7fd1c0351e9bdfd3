# SPDX-License-Identifier: Apache-2.0
"""An index with a real database, and whole services with a real nats-server beside it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pons.bus import Bus, open_bus
from pons.dicom.identity import to_text
from pons.dicom.levels import Level
from pons.health.pulse import Pulse
from pons.health.readiness import Health
from pons.ingest.backlog import acknowledged, last_announcement
from pons.messages.changes import CHANGE_NAMES
from pons.messages.events import Announcement, IndexedBatch, InstanceReceived
from pons.messages.index import Deleted, DeleteResource, DeleteResources, ResourceName
from pons.objects import FileObjects, Objects
from pons.settings import (
    DatabaseSettings,
    IndexSettings,
    Settings,
    StorageSettings,
    StoreSettings,
)
from pons_embedded.nats import EmbeddedNats
from pons_index.arrival import Arrival, arrivals, cut
from pons_index.capacity import Capacity
from pons_index.collector import Collector
from pons_index.database import Database, open_database, open_pool
from pons_index.deletion import delete_resource, delete_resources
from pons_index.fence import Fence
from pons_index.origins import Origins
from pons_index.quarantine import Quarantine
from pons_index.returning import Returning
from pons_index.senders import AskSender, nobody_listens
from pons_index.service import ingesting, open_service
from pons_index.sweep import Sweep
from pons_index.tombstones import Tombstones
from pons_index.writer import Writer
from pons_testing.nats import NatsServer, delete_streams
from pons_testing.object_folders import Lend
from pons_testing.postgres import PostgresServer
from pons_testing.waiting import until

from .comparing import files as files
from .expiring import keeping as keeping
from .noted import checking as checking
from .noted import event as event
from .noted import lax as lax
from .noted import records as records


@pytest.fixture
async def database_settings(postgres: PostgresServer) -> AsyncIterator[DatabaseSettings]:
    async with postgres.database() as settings:
        yield settings


@pytest.fixture
async def database(database_settings: DatabaseSettings) -> AsyncIterator[Database]:
    async with open_pool(Settings(database=database_settings)) as database:
        yield database


@pytest.fixture
def objects(tmp_path: Path, lend_objects: Lend) -> FileObjects:
    lend_objects(tmp_path / "objects", "main")
    return FileObjects(tmp_path / "objects", "main", fsync=False)


@dataclass
class Index:
    """A writer and its database, with what tests ask of them."""

    database: Database
    writer: Writer
    refused: list[tuple[Arrival, str]]
    apart: bool

    async def write(self, *events: InstanceReceived) -> list[str]:
        """The statuses of `events`, which come in one batch."""
        batch = arrivals(Announcement("tests", list(events)))
        pieces = [await self.writer.write(piece) for piece in cut(batch, 200, apart=self.apart)]
        return [answer.status for answers in pieces for answer in answers]

    async def delete(self, level: Level, identifier: str) -> Deleted:
        removed = await self.database.run(
            lambda connection: delete_resource(
                connection, DeleteResource(level, identifier), lambda _removed: None
            )
        )
        return removed.answer

    async def delete_many(self, *names: ResourceName) -> None:
        command = DeleteResources(list(names))
        await self.database.run(lambda connection: delete_resources(connection, command))

    async def fetch(self, statement: str, *values: Any) -> list[Any]:
        return list(await self.database.pool.fetch(statement, *values))

    async def value(self, statement: str, *values: Any) -> Any:
        return await self.database.pool.fetchval(statement, *values)

    async def changes(self) -> list[tuple[str, str]]:
        """Type and resource of every change, in order."""
        rows = await self.fetch("SELECT change_type, resource_id FROM changes ORDER BY seq")
        return [(CHANGE_NAMES[row["change_type"]], to_text(row["resource_id"])) for row in rows]

    async def totals(self) -> tuple[int, ...]:
        """Patients, studies, series, instances, bytes."""
        row = await self.database.pool.fetchrow(
            "SELECT patients, studies, series, instances, size FROM totals"
        )
        return tuple(row)

    async def counted(self) -> tuple[int, ...]:
        """As `totals`, by counting rows."""
        row = await self.database.pool.fetchrow(
            """
            SELECT (SELECT count(*) FROM patients), (SELECT count(*) FROM studies),
                (SELECT count(*) FROM series), count(*), coalesce(sum(size), 0)::bigint
            FROM instances
            """
        )
        return tuple(row)

    async def deadlocks(self) -> int:
        """How many transactions PostgreSQL ended because they waited for each other."""
        return int(
            await self.value(
                "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
            )
        )

    async def garbage(self) -> dict[Any, str]:
        """Key and reason of all garbage."""
        return {
            row["object_key"]: row["reason"]
            for row in await self.fetch("SELECT object_key, reason FROM garbage")
        }


OpenIndex = Callable[..., Index]


@pytest.fixture
def open_index(database: Database, objects: Objects) -> OpenIndex:
    def open_index(
        storage: StorageSettings | None = None,
        can_be_refused: AskSender = nobody_listens,
        **settings: Any,
    ) -> Index:
        refused: list[tuple[Arrival, str]] = []

        async def refuse(arrival: Arrival, reason: str) -> None:
            refused.append((arrival, reason))

        parsed = IndexSettings(**settings)
        capacity = Capacity(storage or StorageSettings())
        writer = Writer(database, objects, parsed, refuse, capacity, can_be_refused)
        return Index(database, writer, refused, parsed.overwrite_instances != "Never")

    return open_index


@pytest.fixture
def index(open_index: OpenIndex) -> Index:
    return open_index()


@pytest.fixture
async def open_collector(
    index: Index, database: Database, objects: FileObjects, bus: Bus
) -> Callable[..., Collector]:
    """A collector as a service has it, which looks for unknown objects an hour old."""
    fence = Fence(database, objects, "the test", Pulse("objects"))
    await fence.begin()

    def open_collector(
        objects: FileObjects = objects, *, compared: bool = True, share: float = 0.01
    ) -> Collector:
        done = asyncio.Event()
        if compared:
            done.set()
        settings = Settings(storage=StorageSettings(path=Path("unused")))
        return Collector(
            database,
            objects,
            Sweep(database, objects, bus, 3600),
            Returning(
                database,
                objects,
                Origins(database, objects),
                lambda: ingesting(objects, bus, settings),
            ),
            Quarantine(database, 14, share, {}),
            Tombstones(database, objects),
            fence,
            done,
            60,
        )

    return open_collector


FORGET = """
DO $$ DECLARE name text;
BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE 'DROP TABLE ' || name || ' CASCADE';
    END LOOP;
    FOR name IN
        SELECT oid::regprocedure FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
            AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
    LOOP
        EXECUTE 'DROP FUNCTION ' || name;
    END LOOP;
END $$;
DROP SEQUENCE IF EXISTS resource_key
"""
"""Drop everything but what belongs to extensions."""


@dataclass
class Store:
    """A store whose index runs as a service, seen from its bus and its database."""

    settings: Settings
    bus: Bus
    database: Database
    objects: FileObjects
    answers: dict[int, str] = field(default_factory=dict)

    def replica(self) -> AbstractAsyncContextManager[None]:
        """A replica of the service."""
        return open_service(self.settings, Health("index"))

    async def announce(self, *events: InstanceReceived, process: str = "tests") -> None:
        announcement = Announcement(process, list(events))
        await self.bus.publish(self.bus.names.received, msgspec.msgpack.encode(announcement))

    async def answered(self, *events: InstanceReceived, seconds: float = 60) -> list[str]:
        """The statuses of announced events, once they are all answered."""
        tokens = [event.token for event in events]

        async def all_answered() -> bool:
            return all(token in self.answers for token in tokens)

        await until(all_answered, seconds)
        return [self.answers[token] for token in tokens]

    async def drained(self, seconds: float = 60) -> None:
        """Wait until nothing that was announced is left to do."""

        async def done() -> bool:
            return await acknowledged(self.bus) >= await last_announcement(self.bus)

        await until(done, seconds)

    async def value(self, statement: str) -> Any:
        return await self.database.pool.fetchval(statement)

    async def forget(self) -> None:
        """Empty the database, as a new one is."""
        await self.database.pool.execute(FORGET)
        await self.database.pool.expire_connections()

    async def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything that does not depend on when and in which order it was written."""
        queries = {
            "patients": "SELECT id, patient_id, tags FROM patients ORDER BY id",
            "studies": "SELECT s.id, p.id, study_uid, s.tags, patient_tags FROM studies s"
            " JOIN patients p USING (patient_key) ORDER BY s.id",
            "series": "SELECT s.id, p.id, series_uid, s.tags, remote_aet, expected_instances,"
            " completed, instances FROM series s JOIN studies p USING (study_key) ORDER BY s.id",
            "instances": "SELECT i.id, p.id, sop_instance_uid, i.tags, index_in_series, object_key,"
            " size, checksum, header, meta FROM instances i JOIN series p USING (series_key)"
            " JOIN headers USING (instance_key) ORDER BY i.id",
            "changes": "SELECT change_type, level, resource_id FROM changes ORDER BY 1, 2, 3",
            "numbers": "SELECT count(*), min(seq), max(seq) FROM changes",
            "totals": "SELECT * FROM totals",
            "garbage": "SELECT object_key, reason FROM garbage ORDER BY object_key",
            "refused": "SELECT object_key, reason FROM refused ORDER BY object_key",
        }
        return {
            table: [tuple(row) for row in await self.database.pool.fetch(query)]
            for table, query in queries.items()
        }


OpenStore = Callable[..., AbstractAsyncContextManager[Store]]


async def migrate_empty(database: DatabaseSettings) -> None:
    """What an index does first with a database, which becomes no store's by that."""
    async with open_database(Settings(database=database)):
        pass


@pytest.fixture
def open_store(
    postgres: PostgresServer, broker: NatsServer, tmp_path: Path, lend_objects: Lend
) -> OpenStore:
    """A new, empty store: `async with open_store(stable_age=1) as store`; settings of the index.

    Its own database has the schema, unless it is not to be `migrated`: to do so takes longer than
    most tests.
    """

    @asynccontextmanager
    async def open_store(
        database: DatabaseSettings | None = None,
        grace: float = 3600,
        server: EmbeddedNats | None = None,
        limits: dict[str, Any] | None = None,
        migrated: bool = True,
        **settings: Any,
    ) -> AsyncIterator[Store]:
        if database is None:
            template = await postgres.template(migrate_empty) if migrated else None
            async with (
                postgres.database(schema=False, copied=template) as own,
                open_store(own, grace, server, limits, **settings) as store,
            ):
                if migrated:
                    name = store.settings.store.name
                    await store.database.pool.execute("UPDATE migrations SET store = $1", name)
                yield store
            return
        base = (NatsServer(server) if server else broker).settings()
        whole = base.model_copy(
            update={
                "store": StoreSettings(name=base.store.name),
                "database": database,
                "index": IndexSettings(**settings),
                "storage": StorageSettings(
                    path=tmp_path / base.store.name,
                    fsync=False,
                    orphan_grace=grace,
                    **limits or {},
                ),
            }
        )
        if not (tmp_path / base.store.name).exists():
            lend_objects(tmp_path / base.store.name, base.store.name)
        objects = FileObjects(tmp_path / base.store.name, base.store.name, fsync=False)
        async with open_bus(whole) as bus, open_pool(whole) as pool:
            store = Store(whole, bus, pool, objects)

            async def hear(message: Any) -> None:
                for answer in msgspec.msgpack.decode(message.data, type=IndexedBatch).answers:
                    store.answers[answer.token] = answer.status

            await bus.subscribe(bus.names.reply("tests"), hear)
            try:
                yield store
            finally:
                await delete_streams(bus)

    return open_store

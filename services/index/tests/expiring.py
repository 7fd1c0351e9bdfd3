# SPDX-License-Identifier: Apache-2.0
"""Studies that rules of retention hold of."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pons.bus import Bus
from pons.catalog import open_catalog
from pons.dicom.levels import Level
from pons.health.pulse import Pulse
from pons.jobs import Jobs
from pons.messages.events import InstanceReceived, Origin
from pons.messages.index import PutLabel
from pons.objects import FileObjects
from pons.retention.judgement import Judge
from pons.retention.known import Retention
from pons.retention.rules import open_rules
from pons.retention.waiting import Waits
from pons.settings import DatabaseSettings, RetentionSettings, Settings, StorageSettings
from pons_index.client_data import ClientData
from pons_index.expiry import Expiry
from pons_index.fence import Fence
from pons_index.records import Records
from pons_index.tombstones import Tombstones
from pons_testing.events import ids, received

NatsServer = Any
Index = Any
NM = {"When": [{"Origin": "NM*"}], "KeepDays": 30}
MEGABYTE = 1024 * 1024


def image(
    patient: int, number: int = 1, aet: str = "NM1", modality: str = "NM", megabytes: int = 0
) -> InstanceReceived:
    """An instance of patient P<patient> that `aet` has sent."""
    event = received(
        f"1.{patient}.{number}",
        patient_id=f"P{patient}",
        study_uid=f"1.{patient}",
        series_uid=f"1.{patient}.0",
        t00080060=("CS", modality),
    )
    size = megabytes * MEGABYTE or event.stored_size
    origin = Origin("DicomProtocol", "127.0.0.1", aet, "PONS")
    return msgspec.structs.replace(event, origin=origin, size=size, stored_size=size)


@dataclass
class Keeper:
    """An index with retention rules."""

    index: Index
    retention: Retention
    expiry: Expiry
    bus: Bus
    objects: FileObjects
    client_data: ClientData
    warnings: dict[str, str]

    async def store(self, *events: InstanceReceived, days: float, stable: bool = True) -> None:
        """Write instances as they would be so many days after they came."""
        assert set(await self.index.write(*events)) == {"Success"}
        studies = [bytes.fromhex(ids(one).study.replace("-", "")) for one in events]
        await self.index.database.pool.execute(
            "UPDATE studies SET last_update = now() - $1::interval WHERE id = ANY ($2)",
            timedelta(days=days),
            studies,
        )
        if stable:
            await self.index.database.pool.execute("DELETE FROM unstable")

    async def left(self) -> list[str]:
        rows = await self.index.fetch("SELECT patient_id FROM patients ORDER BY patient_id")
        return [row["patient_id"] for row in rows]

    async def why(self) -> dict[str, str]:
        """Why studies stay that a rule holds of, by the identifier of the study."""
        verdicts, last = await self.retention.would(0, 100, self.retention.rules.applied())
        assert last is None
        return {one.study.id: one.kept for one in verdicts}

    async def label(self, level: Level, identifier: str, label: str) -> None:
        await self.client_data.put_label(PutLabel(level, identifier, label))


@pytest.fixture
def keeping(
    database_settings: DatabaseSettings, index: Index, bus: Bus, objects: FileObjects
) -> Any:
    """`async with keeping({"nm": NM}) as keeper`: the store with these rules."""

    @asynccontextmanager
    async def keeping(
        rules: dict[str, Any],
        storage: dict[str, Any] | None = None,
        *,
        routes: bool = False,
        **more: Any,
    ) -> AsyncIterator[Keeper]:
        settings = Settings(
            database=database_settings,
            storage=StorageSettings(path=Path("unused"), **storage or {}),
            retention=RetentionSettings(rules=rules, **more),
        )
        async with (
            open_catalog(settings, objects) as catalog,
            open_rules(bus, settings) as known,
        ):
            database = index.database
            waits = Waits(bus, catalog, Jobs(bus, settings.jobs), lambda: routes, 0.2)
            judge = Judge(catalog, settings.retention.keeping_labels)
            retention = Retention(settings, catalog, known, judge, waits)
            fence = Fence(database, objects, "the test", Pulse("objects"))
            await fence.begin()
            tombstones, warnings = Tombstones(database, objects), dict[str, str]()
            compared = asyncio.Event()
            expiry = Expiry(database, bus, retention, tombstones, fence, compared, warnings)
            records = Records(database, objects)
            data = ClientData(database, lambda: None, check_revisions=False, records=records)
            yield Keeper(index, retention, expiry, bus, objects, data, warnings)

    return keeping

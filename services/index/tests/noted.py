# SPDX-License-Identifier: Apache-2.0
"""What clients hang on resources in tests."""

from hashlib import md5
from typing import Any
from uuid import UUID

import pytest

from pons.messages.events import InstanceReceived
from pons.messages.index import (
    PutAttachment,
)
from pons.objects import Kind, Objects, new_key
from pons_index.client_data import ClientData
from pons_index.database import Database
from pons_index.records import Records
from pons_testing.events import received

Index = Any
OpenIndex = Any
HELLO = "5d41402abc4b2a76b9719d911017c592"


def attachment(
    resource_id: str, content: bytes = b"hello", key: UUID | None = None, **more: Any
) -> PutAttachment:
    digest = md5(content).hexdigest()
    return PutAttachment(
        level=more.pop("level", "Study"),
        resource_id=resource_id,
        number=1024,
        object_key=key or new_key(Kind.REFERRED),
        size=len(content),
        stored_size=len(content) - 1,
        compression="zstd",
        md5=digest,
        stored_md5="0" * 32,
        **more,
    )


async def sizes(index: Index) -> tuple[int, int]:
    row = await index.database.pool.fetchrow("SELECT size, stored_size FROM totals")
    return row["size"], row["stored_size"]


@pytest.fixture
def records(database: Database, objects: Objects) -> Records:
    return Records(database, objects)


@pytest.fixture
def checking(database: Database, records: Records) -> ClientData:
    return ClientData(database, lambda: None, check_revisions=True, records=records)


@pytest.fixture
def lax(database: Database, records: Records) -> ClientData:
    return ClientData(database, lambda: None, check_revisions=False, records=records)


@pytest.fixture
async def event(index: Index) -> InstanceReceived:
    event = received("1.1")
    await index.write(event)
    return event

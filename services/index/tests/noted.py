# SPDX-License-Identifier: Apache-2.0
"""What clients hang on resources in tests."""

from hashlib import md5
from typing import Any
from uuid import UUID

from pons.messages.index import (
    PutAttachment,
)
from pons.objects import Kind, new_key

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

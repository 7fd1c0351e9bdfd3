# SPDX-License-Identifier: Apache-2.0
"""Resources with attachments."""

from dataclasses import dataclass, field
from hashlib import md5

import xxhash
import zstandard

from pons.catalog import StoredAttachment
from pons.objects import Kind, new_key

from ..conftest import INSTANCE, STUDY, Store

CONTENT = bytes(range(256)) * 20
MD5 = md5(CONTENT).hexdigest()
ONE = f"/studies/{STUDY}/attachments/1024"
FILE = f"/instances/{INSTANCE}/attachments/dicom"


@dataclass
class Catalog:
    """What is attached to a study and an instance, by level and number."""

    attached: dict[tuple[str, int], StoredAttachment] = field(default_factory=dict)

    async def attachments(self, level: str, identifier: str) -> list[int] | None:
        if identifier not in (STUDY, INSTANCE):
            return None
        return [number for of, number in self.attached if of == level]

    async def find_attachment(
        self, level: str, identifier: str, number: int
    ) -> StoredAttachment | None:
        return self.attached.get((level, number)) if identifier in (STUDY, INSTANCE) else None


async def attach(
    store: Store, catalog: Catalog, number: int, content: bytes = CONTENT, *, packed: bool = False
) -> StoredAttachment:
    """An attachment of the study, or the file (1) of the instance."""
    stored, key = zstandard.compress(content) if packed else content, new_key(Kind.REFERRED)
    await store.backends.objects.put(key, stored)
    attachment = StoredAttachment(
        number=number,
        object_key=key,
        size=len(content),
        stored_size=len(stored),
        compression="zstd" if packed else "",
        revision=0 if number == 1 else 2,
        md5="" if number == 1 else md5(content).hexdigest(),
        stored_md5="" if number == 1 else md5(stored).hexdigest(),
        checksum=xxhash.xxh3_128_digest(content) if number == 1 else b"",
        owner=INSTANCE if number == 1 else STUDY,
    )
    catalog.attached["Instance" if number == 1 else "Study", number] = attachment
    return attachment

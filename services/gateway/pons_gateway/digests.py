# SPDX-License-Identifier: Apache-2.0
"""MD5 of objects of which nobody keeps it. An object never changes, so each is read once."""

from collections import OrderedDict
from uuid import UUID

from pons.catalog import StoredAttachment
from pons.ingest.attachments import as_object, md5_of_file
from pons.objects import Objects

REMEMBERED = 4096
"""MD5 kept at most; a process that has none of them reads the objects again."""


class Digests:
    """MD5 of attachments' contents and of their objects, in hexadecimal."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[UUID, str], str] = OrderedDict()

    def known(self, stored: StoredAttachment) -> str | None:
        """MD5 of the content, where it takes no reading."""
        return stored.md5 or self._known.get((stored.object_key, stored.compression))

    async def of_content(self, objects: Objects, stored: StoredAttachment) -> str:
        """MD5 of the content."""
        if stored.md5:
            return stored.md5
        key = (stored.object_key, stored.compression)
        return self._known.get(key) or self._remember(key, await md5_of_file(objects, stored))

    async def of_object(self, objects: Objects, stored: StoredAttachment) -> str:
        """MD5 of the object as it is stored."""
        if stored.stored_md5:
            return stored.stored_md5
        key = (stored.object_key, "")
        known = self._known.get(key)
        return known or self._remember(key, await md5_of_file(objects, as_object(stored)))

    def _remember(self, key: tuple[UUID, str], digest: str) -> str:
        self._known[key] = digest
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return digest

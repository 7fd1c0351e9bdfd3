# SPDX-License-Identifier: Apache-2.0
"""What functions are told of a change: identifier, tags and metadata, as the index has them now."""

from typing import Any, Protocol

from pons.catalog import Fields, Headers, Part, Resource, StoredHeader
from pons.dicom.levels import Level
from pons.dicom.metadata import SYSTEM_METADATA, Names
from pons.dicom.orthanc_json import format_tags
from pons.lua.values import told_origin, told_tags
from pons.messages.events import Change, Origin

MAIN_TAGS = Fields(frozenset({Part.MAIN_TAGS}))
ORIGIN = {
    "kind": "Origin",
    "remote_ip": "RemoteIP",
    "remote_aet": "RemoteAET",
    "called_aet": "CalledAET",
    "username": "HttpUsername",
}
"""Fields of an origin to the metadata that keep them."""


class Lookup(Protocol):
    """What is asked of the catalog."""

    headers: Headers

    async def find(self, level: Level, identifier: str, fields: Fields) -> Resource | None: ...

    async def metadata(self, level: Level, identifier: str) -> dict[int, str] | None: ...


class Telling:
    """Reads what is told."""

    def __init__(self, catalog: Lookup, names: Names) -> None:
        """`names` are those of the store's metadata."""
        self._catalog = catalog
        self._names = names

    async def told(self, change: Change) -> list[Any] | None:
        """The arguments of the function that hears of it; None when the resource is gone.

        Raises `Unavailable`.
        """
        numbered = await self._catalog.metadata(change.level, change.resource_id)
        if numbered is None:
            return None
        if change.change_type.startswith("Updated"):
            return [change.resource_id]
        metadata = {self._names.name(number): value for number, value in numbered.items()}
        if change.level == "Instance":
            tags = await self._catalog.headers.read(change.resource_id, _tags)
            origin = told_origin(origin_of(numbered))
            return None if tags is None else [change.resource_id, tags, metadata, origin]
        resource = await self._catalog.find(change.level, change.resource_id, MAIN_TAGS)
        if resource is None:
            return None
        return [change.resource_id, format_tags(resource.tags), metadata]


def origin_of(metadata: dict[int, str]) -> Origin:
    """Where an instance has come from, by its metadata."""
    told = {field: metadata.get(SYSTEM_METADATA[name], "") for field, name in ORIGIN.items()}
    kind: Any = told.pop("kind") or "Unknown"
    return Origin(kind, **told)


def _tags(header: StoredHeader) -> dict[str, Any]:
    return told_tags(header.json)

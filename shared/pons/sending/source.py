# SPDX-License-Identifier: Apache-2.0
"""Where the files of instances come from that a job sends: some change while it goes on."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from pons.catalog import Archive, InstanceToSend
from pons.errors import DamagedObject, NotFound
from pons.objects import Objects
from pons.objects.damage import notice

Opened = TypeVar("Opened")


class Listing(Protocol):
    """What tells where instances lie: a part of `pons.catalog.Catalog`."""

    archive: Archive


class Lookup(Listing, Protocol):
    """What sending asks of the catalog."""

    async def known(self, identifiers: list[str]) -> set[str]: ...


class Source:
    """The objects of a store, and the catalog that tells where each instance lies now."""

    def __init__(self, objects: Objects, catalog: Listing) -> None:
        self.objects = objects
        self._catalog = catalog

    async def open(
        self, instance: InstanceToSend, opening: Callable[[InstanceToSend], Awaitable[Opened]]
    ) -> Opened:
        """What `opening` gives for the instance, or for what has replaced it meanwhile.

        Raises `NotFound` for an instance that was deleted since the job began, `DamagedObject` for
        one that the store lost or damaged.
        """
        try:
            return await opening(instance)
        except DamagedObject as error:
            if error.what != "missing":
                raise
            found = await self._catalog.archive.instances_to_send([instance.instance_id])
            if not found:
                what = f"Instance {instance.instance_id} was deleted since the job began"
                raise NotFound(what) from error
            if found[0].object_key == instance.object_key:
                notice(error)
                raise
            return await opening(found[0])

# SPDX-License-Identifier: Apache-2.0
"""Searches that people have saved by name: each user his own, or the store's where it has no users.

A view is one key of the configuration, which every gateway follows.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple
from uuid import uuid4

import msgspec

from pons.bus import Bus
from pons.errors import Conflict, NotFound
from pons.remotes.config_keys import ConfigKeys

MOST = 100
"""Views of one user."""


class KeptView(msgspec.Struct, frozen=True):
    """As the configuration has it."""

    owner: str
    """A user; empty: whoever uses the store."""
    name: str
    search: str
    """What the address of the list has behind `?`."""


class View(NamedTuple):
    """A view of one owner."""

    id: str
    name: str
    search: str


class SavedViews:
    """The views of all owners; fresh inside `following`. What is written raises `Unavailable`
    while NATS is away."""

    def __init__(self, bus: Bus) -> None:
        self._keys: ConfigKeys[KeptView] = ConfigKeys(bus, "view", KeptView)
        self.following = self._keys.following
        self._writing = asyncio.Lock()
        """Who asks for a name while another view is being written waits until that has its own."""

    def list(self, owner: str) -> list[View]:
        """By name."""
        own = [
            View(key, kept.name, kept.search)
            for key, kept in self._keys.items().items()
            if kept is not None and kept.owner == owner
        ]
        return sorted(own, key=lambda view: (view.name.casefold(), view.id))

    async def create(self, owner: str, name: str, search: str) -> View:
        """Raises `Conflict` for a name that is taken, and for too many."""
        async with self._writing:
            own = self.list(owner)
            _check_name(name, own)
            if len(own) >= MOST:
                raise Conflict(f"There are {MOST} views already", "delete one that is not needed")
            return await self._write(View(uuid4().hex, name, search), owner)

    async def change(self, owner: str, view: View) -> View:
        """Rename it, or have it search something else. Raises `NotFound` and `Conflict`."""
        async with self._writing:
            await self._own(owner, view.id)
            _check_name(view.name, [one for one in self.list(owner) if one.id != view.id])
            return await self._write(view, owner)

    async def delete(self, owner: str, view_id: str) -> None:
        """Raises `NotFound`, also for a view of somebody else."""
        async with self._writing:
            await self._own(owner, view_id)
            await self._keys.forget(view_id)

    async def _own(self, owner: str, view_id: str) -> None:
        known = self._keys.get(view_id, None)
        if known is None or known.owner != owner:
            raise NotFound("There is no such view", "GET /explorer/api/views lists those there are")

    async def _write(self, view: View, owner: str) -> View:
        await self._keys.write(view.id, KeptView(owner, view.name, view.search))
        return view


def _check_name(name: str, others: list[View]) -> None:
    if any(one.name.casefold() == name.casefold() for one in others):
        raise Conflict(f"There is a view {name!r} already", "choose another name")


@asynccontextmanager
async def open_saved_views(bus: Bus) -> AsyncIterator[SavedViews]:
    """Known and fresh as long as the block runs."""
    views = SavedViews(bus)
    async with views.following():
        yield views

# SPDX-License-Identifier: Apache-2.0
"""How the last contact with each other system went: egress keeps it, any process may look it up.

In the bucket `<store>-contacts`, `modality.<name>` or `peer.<name>` is a `Contact`. It is one with
an address: of a remote that is somewhere else by now, nothing is known. The bucket forgets what is
older than `CONTACTS_SECONDS` (`pons.bus.connection`).
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Literal

import msgspec
import structlog

from pons.bus import Bus
from pons.bus.bucket import Bucket
from pons.bus.connection import CONTACTS_SECONDS
from pons.bus.watch import Entry, Snapshot, following
from pons.messages.destinations import parts
from pons.messages.modality import Modality
from pons.remotes.peers import OtherStore

log = structlog.get_logger()

AHEAD = 60.0
"""Seconds by which a clock may be ahead of another: what is kept of later is written over."""

Outcome = Literal["well", "failed", "absent"]
"""It did what it was asked; it was there, and did not; there was no connection with it."""


class Contact(msgspec.Struct, frozen=True):
    """The last time that a remote was asked for something."""

    address: str
    """Where it was, as `address_of` says it."""
    at: float
    """Seconds since the epoch."""
    did: str
    """What was done there: a DICOM service as `C-STORE`, or a request as `POST /instances`."""
    outcome: Outcome
    why: str = ""
    """What went wrong, in this store's own words."""
    well: float = 0.0
    """When a contact last went well; 0: never, as far as is known."""


class Contacts:
    """The last contacts of a store. `get` is a look-up in memory, kept fresh by `following`."""

    def __init__(self, bus: Bus) -> None:
        name = bus.names.contacts_bucket
        self._bucket = Bucket(bus, name, "Contacts with other systems cannot be kept now")
        self._known: dict[str, Contact] = {}
        self.changed = asyncio.Event()
        """Set when something else is known; then another event takes its place."""

    def get(self, destination: str, address: str) -> Contact | None:
        """The last contact with a `destination` (`modality:pacs`) at this address."""
        contact = self._known.get(_key(destination))
        if contact is None or contact.address != address:
            return None
        return contact if contact.at > time.time() - CONTACTS_SECONDS else None

    async def keep(self, destination: str, contact: Contact) -> None:
        """Keep it, unless a later one is kept already.

        Raises `Unavailable`, and `Outdated` where another replica keeps one at the same moment.
        """
        key = _key(destination)
        entry = await self._bucket.get(key)
        known = _read(entry) if entry is not None else None
        if known is not None:
            if contact.at <= known.at < time.time() + AHEAD:
                return
            if known.address == contact.address:
                well = max(known.well, contact.well)
                contact = msgspec.structs.replace(contact, well=well)
        revision = 0 if entry is None else entry.revision
        await self._bucket.replace(key, msgspec.msgpack.encode(contact), revision)

    def following(self) -> AbstractAsyncContextManager[None]:
        """Everything is known when the block begins, and kept fresh until it ends."""
        return following(self._bucket.watch("*.*"), self._learn)

    def _learn(self, item: Snapshot | Entry) -> None:
        if not isinstance(item, Entry):
            self._known.clear()
        for entry in (item,) if isinstance(item, Entry) else item.entries.values():
            self._known.pop(entry.key, None)
            if (contact := _read(entry)) is not None:
                self._known[entry.key] = contact
        self.changed.set()
        self.changed = asyncio.Event()


@asynccontextmanager
async def open_contacts(bus: Bus) -> AsyncIterator[Contacts]:
    """The store's contacts, known and fresh as long as the block runs."""
    contacts = Contacts(bus)
    async with contacts.following():
        yield contacts


def address_of(remote: Modality | OtherStore) -> str:
    """Where a remote is, and what it is called there."""
    if isinstance(remote, OtherStore):
        return remote.url
    return node_address(remote.aet, remote.host, remote.port)


def node_address(aet: str, host: str, port: int) -> str:
    """The address of a DICOM node."""
    return f"{aet}@{host}:{port}"


def _key(destination: str) -> str:
    return ".".join(parts(destination))


def _read(entry: Entry) -> Contact | None:
    """What an entry tells; None for one that a later version wrote and this one cannot read."""
    try:
        return msgspec.msgpack.decode(entry.value, type=Contact) if entry.value else None
    except msgspec.DecodeError:
        log.exception("contact cannot be read", key=entry.key)
        return None

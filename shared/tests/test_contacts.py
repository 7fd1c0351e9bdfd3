# SPDX-License-Identifier: Apache-2.0
"""The last contact with each other system, kept for every process."""

import asyncio
import time

import msgspec
import pytest

from pons.bus import Bus
from pons.bus.connection import CONTACTS_SECONDS
from pons.messages.modality import Modality
from pons.remotes.contacts import Contact, Contacts, Outcome, address_of, open_contacts
from pons.remotes.peers import OtherStore
from pons_testing.waiting import until

pytestmark = pytest.mark.anyio

PACS = "modality:pacs"


NOW = time.time() - 1000.0


def contact(since: float, outcome: Outcome = "well", address: str = "A@h:1") -> Contact:
    at = NOW + since
    return Contact(address, at, "C-ECHO", outcome, well=at if outcome == "well" else 0.0)


async def test_others_hear_of_it(bus: Bus) -> None:
    """Those who follow have it, and are told that something changed; those who begin later, too."""
    async with open_contacts(bus) as following:
        changed = following.changed
        await Contacts(bus).keep(PACS, contact(1.0))
        await Contacts(bus).keep("peer:pacs", contact(2.0, "absent"))
        async with asyncio.timeout(60):
            await changed.wait()
        await until(lambda: following.get("peer:pacs", "A@h:1"))
        assert following.get(PACS, "A@h:1") == contact(1.0)
        assert following.get(PACS, "A@elsewhere:1") is None
        assert following.get("modality:other", "A@h:1") is None
    async with open_contacts(bus) as later:
        assert later.get(PACS, "A@h:1") == contact(1.0)


async def test_the_later_one_stays(bus: Bus) -> None:
    """Whichever replica is slow; and when it went well before is not forgotten, at this place."""
    contacts = Contacts(bus)
    await contacts.keep(PACS, contact(2.0))
    await contacts.keep(PACS, contact(1.0, "absent"))
    async with open_contacts(bus) as read:
        assert read.get(PACS, "A@h:1") == contact(2.0)
    await contacts.keep(PACS, contact(3.0, "failed"))
    async with open_contacts(bus) as read:
        told = read.get(PACS, "A@h:1")
        assert told is not None
        assert (told.outcome, told.at, told.well) == ("failed", NOW + 3.0, NOW + 2.0)
    await contacts.keep(PACS, contact(4.0, "absent", "A@elsewhere:1"))
    async with open_contacts(bus) as read:
        told = read.get(PACS, "A@elsewhere:1")
        assert told is not None
        assert (told.outcome, told.well) == ("absent", 0.0)


async def test_what_was_too_long_ago_and_what_will_be(bus: Bus) -> None:
    """What the bucket forgets is not told by who read it before; a clock that was ahead by far is
    no reason to keep nothing any more."""
    contacts = Contacts(bus)
    await contacts.keep(PACS, contact(-CONTACTS_SECONDS))
    async with open_contacts(bus) as read:
        assert read.get(PACS, "A@h:1") is None
    await contacts.keep(PACS, contact(100_000.0))
    await contacts.keep(PACS, contact(1.0, "absent"))
    async with open_contacts(bus) as read:
        told = read.get(PACS, "A@h:1")
        assert told is not None
        assert told.outcome == "absent"


async def test_what_a_later_version_writes(bus: Bus) -> None:
    """What cannot be read is as if it were not there, and is written over."""
    bucket = await bus.bucket(bus.names.contacts_bucket)
    strange = msgspec.msgpack.encode({"address": "A@h:1", "outcome": "asleep"})
    await bucket.put("modality.pacs", strange)
    async with open_contacts(bus) as contacts:
        assert contacts.get(PACS, "A@h:1") is None
        await contacts.keep(PACS, contact(1.0))
        await until(lambda: contacts.get(PACS, "A@h:1"))


async def test_where_a_remote_is() -> None:
    assert address_of(Modality("PACS", "::1", 104)) == "PACS@::1:104"
    assert address_of(OtherStore("https://one.example/", "me", "secret")) == "https://one.example/"

# SPDX-License-Identifier: Apache-2.0
"""Egress as far as it notes how contacts go, for tests."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from pons.bus import Bus
from pons.errors import RemoteFailure
from pons.jobs import Jobs, StoreRequest, Worker, submit_store
from pons.jobs.store import JOB_TYPE, ROUTING, WORKER
from pons.messages.egress import EchoModality
from pons.messages.modality import Modality
from pons.remotes.contacts import Contact, Contacts, address_of, open_contacts
from pons.remotes.modalities import Modalities, open_modalities
from pons.remotes.peers import open_peers
from pons.settings import Settings
from pons_egress.contacts import ContactNotes, open_notes
from pons_egress.echo import Echo
from pons_egress.scu.threads import open_threads
from pons_egress.store import ModalityStore
from pons_testing.waiting import until


@dataclass
class Egress:
    """Egress' echo and its job, what they note, and what others read of it."""

    modalities: Modalities
    contacts: Contacts
    ask: Callable[[EchoModality], Awaitable[Any]]
    jobs: Jobs
    notes: ContactNotes

    async def echo(self, name: str, described: Modality | None = None) -> None:
        with suppress(RemoteFailure):
            await self.ask(EchoModality(name, described=described))

    async def send(self, name: str, *resources: str, **fields: Any) -> str:
        request = StoreRequest(name, list(resources) or ["study"], **fields)
        return await submit_store(self.jobs, request, self.modalities.get(name), "PONS")

    def contact(self, name: str) -> Contact | None:
        return self.contacts.get(f"modality:{name}", address_of(self.modalities.get(name)))

    async def until(self, name: str, outcome: str, did: str = "C-ECHO") -> Contact:
        """The contact with a modality, once it is like this."""
        wanted = (outcome, did)

        def kept() -> bool:
            contact = self.contact(name)
            return contact is not None and (contact.outcome, contact.did) == wanted

        await until(kept)
        contact = self.contact(name)
        assert contact
        return contact


@asynccontextmanager
async def calling(bus: Bus, store: Any, **ports: int) -> AsyncIterator[Egress]:
    """Egress that knows these modalities, with a worker for jobs that send."""
    described = {name: ["PEER", "127.0.0.1", port] for name, port in ports.items()}
    settings = Settings(modalities=described)
    async with (
        open_modalities(bus, settings) as modalities,
        open_peers(bus, settings) as peers,
        open_threads(settings.egress) as threads,
        open_contacts(bus) as contacts,
        open_notes(bus, modalities, peers) as notes,
        asyncio.TaskGroup() as group,
    ):
        commands = notes.commands({EchoModality: Echo(threads, modalities, settings)})
        sending = ModalityStore(bus, store.objects, store, modalities, settings)
        handlers = notes.jobs({JOB_TYPE: sending})
        workers = [Worker(bus, settings.jobs, kind, handlers) for kind in (WORKER, ROUTING)]
        working = [group.create_task(one.run()) for one in workers]
        jobs = Jobs(bus, settings.jobs)
        yield Egress(modalities, contacts, commands[EchoModality], jobs, notes)
        for one in working:
            one.cancel()

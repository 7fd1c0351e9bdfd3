# SPDX-License-Identifier: Apache-2.0
"""What is kept of contacts with modalities: how they went, seldom, and nobody waits for it."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt

from pons.bus import Bus
from pons.errors import NotFound, RemoteFailure, Unavailable
from pons.jobs import StoreRequest
from pons.jobs.store import JOB_TYPE
from pons.messages.egress import EchoModality
from pons.messages.modality import Modality
from pons.remotes.contacts import Contact, Contacts, address_of, open_contacts
from pons.settings import Settings
from pons_egress import calls
from pons_egress import contacts as egress_contacts
from pons_egress.peer import find_peer
from pons_testing.scp import serving
from pons_testing.waiting import until

from .contacted import calling

pytestmark = pytest.mark.anyio

VERIFICATION = ("1.2.840.10008.1.1", ["1.2.840.10008.1.2"])
CT = ("1.2.840.10008.5.1.4.1.1.2", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"])
NAME = "ROE^RICHARD"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is put off, unless a test wants it."""
    monkeypatch.setattr(egress_contacts, "SOONEST", 0.0)
    monkeypatch.setattr(egress_contacts, "PAUSE", 0.0)


@contextmanager
def nobody() -> Iterator[int]:
    """A port where nobody listens, and nobody else will."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield int(bound.getsockname()[1])


async def test_outcomes(bus: Bus, store: Any, listening: Any) -> None:
    """Well, there and not willing, and not there are told apart, with the reason."""
    with listening(VERIFICATION) as well, listening(CT) as unwilling, nobody() as port:
        async with calling(
            bus, store, well=well.port, unwilling=unwilling.port, away=port
        ) as egress:
            for name in ("well", "unwilling", "away"):
                await egress.echo(name)
            contact = await egress.until("well", "well")
            assert (contact.why, contact.well) == ("", contact.at)
            contact = await egress.until("unwilling", "failed")
            assert contact.why == "accepts no presentation context for Verification SOP Class"
            assert contact.well == 0.0
            contact = await egress.until("away", "absent")
            assert contact.why == f"connection refused by 127.0.0.1:{port}"


async def test_a_modality_that_is_described_elsewhere_now(
    bus: Bus, store: Any, listening: Any
) -> None:
    """What was known of the former place says nothing of it; that it was well there, neither."""
    with listening(VERIFICATION) as peer, nobody() as port:
        async with calling(bus, store, pacs=peer.port) as egress:
            await egress.echo("pacs")
            await egress.until("pacs", "well")
            await egress.modalities.put("pacs", Modality("PEER", "127.0.0.1", port))
            assert egress.contact("pacs") is None
            await egress.echo("pacs")
            assert (await egress.until("pacs", "absent")).well == 0.0


async def test_what_concerns_no_modality_of_the_store(
    bus: Bus, store: Any, index: Any, image: Any, listening: Any
) -> None:
    """Another place that is asked by its name, and a name that is unknown, are not noted."""
    await store.add_dataset(image())
    with listening(VERIFICATION, CT) as peer, nobody() as port:
        async with calling(bus, store, pacs=port, other=peer.port) as egress:
            await egress.echo("pacs", Modality("PEER", "127.0.0.1", peer.port))
            with pytest.raises(NotFound):
                await egress.echo("unknown")
            job = await egress.send("pacs", host="127.0.0.1", port=peer.port)
            assert (await egress.jobs.wait_for(job, 60)).document.state == "Success"
            await egress.echo("other")
            await egress.until("other", "well")  # what was noted before was kept before
            assert egress.contact("pacs") is None


async def test_jobs(bus: Bus, store: Any, index: Any, image: Any, listening: Any) -> None:
    """What a job could not bring counts, also where it goes on; nothing that the modality says is
    repeated."""
    await store.add_dataset(image())
    refusal = Dataset()
    refusal.Status, refusal.ErrorComment = 0xA700, NAME
    with listening(CT) as peer:
        async with calling(bus, store, pacs=peer.port) as egress:
            await egress.jobs.wait_for(await egress.send("pacs"), 60)
            went_well = await egress.until("pacs", "well", "C-STORE")
            for permissive, ends in ((False, "Failure"), (True, "Success")):
                peer.statuses.append(refusal)
                job = await egress.jobs.wait_for(
                    await egress.send("pacs", permissive=permissive), 60
                )
                assert job.document.state == ends
                assert permissive or NAME in job.document.error_details
                contact = await egress.until("pacs", "failed", "C-STORE")
                assert "with status 0xA700: Refused: Out of Resources" in contact.why
                assert NAME not in contact.why
                assert contact.well == went_well.well
                await egress.jobs.wait_for(await egress.send("pacs"), 60)
                went_well = await egress.until("pacs", "well", "C-STORE")


async def test_what_this_store_could_not_send(
    bus: Bus, store: Any, index: Any, image: Any, listening: Any
) -> None:
    """A job of a rule fails where an object is gone; the modality took all that it was sent."""
    await store.add_dataset(image(1))
    lost = await store.add_dataset(image(2))
    await store.objects.delete([lost.object_key])
    with listening(CT) as peer:
        async with calling(bus, store, pacs=peer.port) as egress:
            job = await egress.jobs.wait_for(await egress.send("pacs", rules=["all"]), 60)
            assert job.document.state == "Failure"
            assert "1 of 2 instances did not arrive" in job.document.error_details
            await egress.until("pacs", "well", "C-STORE")


async def test_why_a_job_of_a_rule_failed(
    bus: Bus, store: Any, index: Any, image: Any, listening: Any
) -> None:
    """What the modality answered is told, and not how many it did not take."""
    await store.add_dataset(image())
    with listening(CT) as peer:
        peer.statuses.append(0xC000)
        async with calling(bus, store, pacs=peer.port) as egress:
            await egress.jobs.wait_for(await egress.send("pacs", rules=["all"]), 60)
            contact = await egress.until("pacs", "failed", "C-STORE")
            assert "with status 0xC000" in contact.why


async def test_a_modality_that_moves_while_it_is_called(bus: Bus, store: Any) -> None:
    """How it went at its former place is no news of the present one."""
    with nobody() as port:
        async with calling(bus, store, pacs=port, other=port) as egress:
            described = egress.modalities.get("pacs")
            peer = find_peer(StoreRequest("pacs", []), described, Settings())

            async def move(_run: Any) -> None:
                calls.at(address_of(described))
                await egress.modalities.put("pacs", Modality("PEER", "127.0.0.1", 9))
                raise peer.absence("nobody is there")

            run: Any = SimpleNamespace(document=SimpleNamespace(destination="modality:pacs"))
            with pytest.raises(RemoteFailure):
                await egress.notes.jobs({JOB_TYPE: move})[JOB_TYPE](run)
            await egress.echo("other")
            await egress.until("other", "absent")  # what was noted before was kept before
            assert egress.contact("pacs") is None


async def test_what_another_replica_noted(
    bus: Bus, store: Any, index: Any, image: Any, listening: Any
) -> None:
    """That a modality is back is told while a job sends, and not after it, whoever found it away;
    that something went well, only once it has."""
    await store.add_dataset(image())
    may_answer = threading.Event()
    with listening(CT) as peer:
        peer.before_answer = lambda _event: may_answer.wait(60)
        async with calling(bus, store, pacs=peer.port) as egress:
            address = address_of(egress.modalities.get("pacs"))
            away = Contact(address, time.time() - 5, "C-ECHO", "absent", "nobody", 7.0)
            await Contacts(bus).keep("modality:pacs", away)
            await until(lambda: egress.notes._contacts.get("modality:pacs", address))
            try:
                job = await egress.send("pacs")
                assert (await egress.until("pacs", "well", "C-STORE")).well == 7.0
                assert not (await egress.jobs.get(job)).document.finished
            finally:
                may_answer.set()
            await egress.jobs.wait_for(job, 60)

            def went_well() -> bool:
                contact = egress.contact("pacs")
                return contact is not None and contact.well == contact.at

            await until(went_well)


async def test_seldom_as_long_as_nothing_changes(
    bus: Bus, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand instances a minute are no thousand writes; a change is kept all the same."""
    monkeypatch.setattr(egress_contacts, "PAUSE", 3600.0)
    kept: list[Contact] = []
    keep = Contacts.keep

    async def counted(self: Contacts, destination: str, contact: Contact) -> None:
        kept.append(contact)
        await keep(self, destination, contact)

    monkeypatch.setattr(Contacts, "keep", counted)
    statuses: list[int] = []
    entity = AE("PEER")
    entity.add_supported_context(*VERIFICATION)
    answer = (evt.EVT_C_ECHO, lambda _event: statuses.pop() if statuses else 0)
    with serving(entity, answer) as port:
        async with calling(bus, store, pacs=port) as egress:
            for outcome, why in (("well", ""), ("failed", "answered C-ECHO with status 0x0110")):
                for _ in range(5):
                    if outcome == "failed":
                        statuses.append(0x0110)
                    await egress.echo("pacs")
                assert (await egress.until("pacs", outcome)).why == why
            assert [one.outcome for one in kept] == ["well", "failed"]


async def test_what_the_end_of_the_process_cuts_off(
    bus: Bus, store: Any, listening: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last contact is being kept when egress ends: it is kept once more."""
    monkeypatch.setattr(egress_contacts, "SOONEST", 60.0)
    keep, keeping = Contacts.keep, asyncio.Event()

    async def cut_off(self: Contacts, destination: str, contact: Contact) -> None:
        if not keeping.is_set():
            keeping.set()
            await asyncio.Event().wait()
        await keep(self, destination, contact)

    monkeypatch.setattr(Contacts, "keep", cut_off)
    with listening(VERIFICATION) as peer:
        async with calling(bus, store, pacs=peer.port) as egress:
            await egress.ask(EchoModality("pacs"))
            await keeping.wait()
            address = address_of(egress.modalities.get("pacs"))
        async with open_contacts(bus) as contacts:
            kept = contacts.get("modality:pacs", address)
            assert kept
            assert kept.outcome == "well"


async def test_nats_that_is_away(
    bus: Bus, store: Any, listening: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds nothing up: what cannot be kept now is kept later."""
    keep, tries = Contacts.keep, 0

    async def failing(self: Contacts, destination: str, contact: Contact) -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise Unavailable("Contacts with other systems cannot be kept now")
        await keep(self, destination, contact)

    monkeypatch.setattr(Contacts, "keep", failing)
    with listening(VERIFICATION) as peer:
        async with calling(bus, store, pacs=peer.port) as egress:
            await egress.ask(EchoModality("pacs"))
            await egress.until("pacs", "well")
    assert tries >= 3

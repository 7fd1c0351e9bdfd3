# SPDX-License-Identifier: Apache-2.0
"""The job `DicomModalityStore`, towards peers that refuse, abort, fall silent or are not there."""

import asyncio
import itertools
import socket
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydicom.uid import (
    CTImageStorage,
)

from pons.bus import Bus
from pons.jobs import DeadLetters
from pons.jobs.store import ROUTING
from pons.settings import JobsSettings
from pons_testing.jobs import outcome
from pons_testing.storage_scp import ACCEPTS_CT
from pons_testing.streams import serving_streams

pytestmark = pytest.mark.anyio

CT = str(CTImageStorage)
QUICK = JobsSettings(retries=3, retry_delay=0.05)


async def test_a_rejected_association(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any
) -> None:
    """A rejection is told with its reason in words, and is not tried again."""
    await store.add_dataset(image())
    with listening(ACCEPTS_CT, called_aet="SOMEBODY") as peer:
        async with sending(bus, store, peer.port) as sender:
            job = await sender.send(peer.port)
    assert outcome(job) == ("Failure", 9, 1, 0)
    assert job.document.error_details == (
        f"Modality 'pacs' (PEER at 127.0.0.1:{peer.port}): association rejected: Called AE title "
        "not recognised (Rejected (Permanent), DUL service-user)"
    )


async def test_nobody_listens(bus: Bus, store: Any, index: Any, sending: Any, image: Any) -> None:
    """A peer that is down is told with its address, at once, also when failures are permitted."""
    await store.add_dataset(image())
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        async with sending(bus, store, port) as sender:
            job = await sender.send(port, permissive=True)
    assert outcome(job) == ("Failure", 9, 1, 0)
    assert f"connection refused by 127.0.0.1:{port}" in job.document.error_details


async def test_an_unknown_host(bus: Bus, store: Any, index: Any, sending: Any, image: Any) -> None:
    """A host name that does not exist is told as such."""
    await store.add_dataset(image())
    async with sending(bus, store, 104, Host="no-such-host.invalid") as sender:
        job = await sender.send(104)
    assert job.document.error_code == 9
    assert "host 'no-such-host.invalid' is not known" in job.document.error_details


async def test_an_abort_in_the_middle(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any
) -> None:
    """A peer that aborts ends the job; what it had taken before is in the exports log."""
    for number in (1, 2, 3):
        await store.add_dataset(image(number))
    with listening(ACCEPTS_CT) as peer:
        peer.before_answer = lambda event: event.assoc.abort() if len(peer.requests) == 2 else None
        async with sending(bus, store, peer.port) as sender:
            job = await sender.send(peer.port)
    assert outcome(job) == ("Failure", 9, 3, 0)
    assert "aborted by DUL service-user" in job.document.error_details
    assert job.document.position["done"] == 1
    assert [export.sop_instance_uid for export in index.exports] == ["1.2.3.4.1"]


async def test_an_abort_that_is_permitted(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any
) -> None:
    """In permissive mode an abort costs one instance; the rest goes over another association."""
    for number in (1, 2, 3):
        await store.add_dataset(image(number))
    with listening(ACCEPTS_CT) as peer:
        peer.before_answer = lambda event: event.assoc.abort() if len(peer.requests) == 2 else None
        async with sending(bus, store, peer.port) as sender:
            job = await sender.send(peer.port, permissive=True)
    assert outcome(job) == ("Success", 0, 3, 1)
    assert peer.sop_instance_uids == ["1.2.3.4.1", "1.2.3.4.2", "1.2.3.4.3"]
    assert len(peer.associations) == 2


async def test_a_failure_status(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any
) -> None:
    """A peer without room ends the job with the status in words; a warning before it is fine."""
    for number in (1, 2, 3):
        await store.add_dataset(image(number))
    with listening(ACCEPTS_CT) as peer:
        peer.statuses = [0xB000, 0xA700]
        async with sending(bus, store, peer.port) as sender:
            job = await sender.send(peer.port)
    assert outcome(job) == ("Failure", 9, 3, 0)
    assert job.document.error_details == (
        f"Modality 'pacs' (PEER at 127.0.0.1:{peer.port}): refused CT Image Storage 1.2.3.4.2 "
        "with status 0xA700: Refused: Out of Resources"
    )
    assert peer.ended == ["released"]
    assert [export.sop_instance_uid for export in index.exports] == ["1.2.3.4.1"]


async def test_failures_that_are_permitted(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any
) -> None:
    """In permissive mode a refused instance is counted, and not in the exports log."""
    for number in (1, 2, 3):
        await store.add_dataset(image(number))
    with listening(ACCEPTS_CT) as peer:
        peer.statuses = [0, 0xC000, 0xB007]
        async with sending(bus, store, peer.port) as sender:
            job = await sender.send(peer.port, permissive=True)
    assert outcome(job) == ("Success", 0, 3, 1)
    assert len(peer.associations) == 1
    assert [e.sop_instance_uid for e in index.exports] == ["1.2.3.4.1", "1.2.3.4.3"]


async def test_warnings(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any
) -> None:
    """Each warning of a C-STORE counts as sent, and the job tells how many there were."""
    for number in (1, 2, 3, 4):
        await store.add_dataset(image(number))
    with listening(ACCEPTS_CT) as peer:
        peer.statuses = [0xB000, 0, 0xB006, 0xB007]
        async with sending(bus, store, peer.port) as sender:
            job = await sender.send(peer.port)
    assert outcome(job) == ("Success", 0, 4, 0)
    assert job.content["WarnedInstancesCount"] == 3


@asynccontextmanager
async def silent(answer: bytes = b"") -> AsyncIterator[int]:
    """A server that says `answer` to whoever connects, then nothing, and reads nothing."""

    async def hold(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await asyncio.Event().wait()

    async with serving_streams(hold) as port:
        yield port


async def test_a_peer_that_does_not_answer(
    bus: Bus, store: Any, index: Any, sending: Any, image: Any
) -> None:
    """A peer that takes the connection and says nothing costs the timeout, no more."""
    await store.add_dataset(image())
    started = time.monotonic()
    async with silent() as port, sending(bus, store, port) as sender:
        job = await sender.send(port, timeout=1)
    assert job.document.error_code == 9
    assert "no answer to the association request within 1 s" in job.document.error_details
    assert time.monotonic() - started < 15


async def test_a_peer_that_speaks_something_else(
    bus: Bus, store: Any, index: Any, sending: Any, image: Any
) -> None:
    """A port where something else listens is told as such."""
    await store.add_dataset(image())
    answer = b"HTTP/1.1 400 Bad Request\r\n\r\n"
    async with silent(answer) as port, sending(bus, store, port) as sender:
        job = await sender.send(port)
    assert "it does not speak DICOM" in job.document.error_details


async def test_a_peer_that_stops_in_the_middle(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any
) -> None:
    """A peer that does not answer a C-STORE within the timeout fails the job, and is left."""
    await store.add_dataset(image())
    over = threading.Event()
    with listening(ACCEPTS_CT) as peer:
        peer.before_answer = lambda event: over.wait(60)
        async with sending(bus, store, peer.port, Timeout=2) as sender:
            job = await sender.send(peer.port)
        over.set()
    assert outcome(job) == ("Failure", 9, 1, 0)
    assert "no answer within 2 s" in job.document.error_details


async def test_a_peer_that_hangs_is_not_asked_about_every_instance(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any
) -> None:
    """Two silences in a row end a permissive job, too; one between answers costs its instance."""
    for number in range(1, 9):
        await store.add_dataset(image(number))
    over, asked = threading.Event(), itertools.count(1)
    hangs = {2, 4, 5}
    with listening(ACCEPTS_CT) as peer:

        def answer(_event: Any) -> None:
            if next(asked) in hangs:
                over.wait(60)

        peer.before_answer = answer
        async with sending(bus, store, peer.port, Timeout=5) as sender:
            job = await sender.send(peer.port, permissive=True)
        over.set()
    assert (job.document.state, job.document.error_code) == ("Failure", 9)
    assert "no answer within 5 s" in job.document.error_details
    assert job.content["FailedInstancesCount"] == 3
    assert next(asked) == 6


async def test_cancel_while_a_peer_hangs(
    bus: Bus, store: Any, index: Any, sending: Any, image: Any
) -> None:
    """A job that waits for a peer ends when it is cancelled, long before the timeout."""
    await store.add_dataset(image())
    started = time.monotonic()
    async with silent() as port, sending(bus, store, port) as sender:
        job_id = await sender.submit(port, timeout=60.0)
        await sender.until(job_id, "Running")
        await sender.jobs.cancel(job_id)
        job = await sender.jobs.wait_for(job_id, 40)
    assert job.document.error_code == 37
    assert time.monotonic() - started < 45


async def test_a_peer_that_aborts_again_and_again(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any
) -> None:
    """What rules ask for arrives whole at a peer that aborts every third instance; the job goes on
    behind what has arrived."""
    for number in range(1, 9):
        await store.add_dataset(image(number))
    with listening(ACCEPTS_CT) as peer:
        peer.before_answer = lambda event: (
            event.assoc.abort() if len(peer.requests) % 3 == 0 else None
        )
        async with sending(bus, store, peer.port, kind=ROUTING, jobs=QUICK) as sender:
            job = await sender.send(peer.port, rules=["all"])
    assert outcome(job) == ("Success", 0, 8, 0)
    assert set(peer.sop_instance_uids) == {f"1.2.3.4.{number}" for number in range(1, 9)}
    assert len(peer.requests) <= 12
    assert (job.content["Description"], job.content["Rules"]) == ("Routing", ["all"])


async def test_a_routed_job_that_is_refused(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any
) -> None:
    """One instance that is refused does not keep back the others, and makes a dead letter with the
    cause; a retry brings all of it. A peer without room is asked again by itself."""
    for number in (1, 2, 3):
        await store.add_dataset(image(number))
    with listening(ACCEPTS_CT) as peer:
        peer.statuses = [0xA700, 0, 0xC000, 0]
        async with sending(bus, store, peer.port, kind=ROUTING, jobs=QUICK) as sender:
            job = await sender.send(peer.port, rules=["all"])
            assert job.document.dead_letter
            assert job.document.destination == "modality:pacs"
            assert job.document.error_details.startswith(
                "1 of 3 instances did not arrive; of the first: Modality 'pacs'"
            )
            assert peer.sop_instance_uids[1:] == ["1.2.3.4.1", "1.2.3.4.2", "1.2.3.4.3"]
            await DeadLetters(sender.jobs).retry(job.document.id)
            job = await sender.jobs.wait_for(job.document.id, 60)
    assert outcome(job) == ("Success", 0, 3, 0)
    assert len(peer.requests) == 7


async def test_what_was_deleted_before_it_was_routed(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any
) -> None:
    """A resource that is not there any more does not keep back the others."""
    there = await store.add_dataset(image())
    with listening(ACCEPTS_CT) as peer:
        async with sending(bus, store, peer.port, kind=ROUTING) as sender:
            job = await sender.send(peer.port, "deleted", there.instance_id, rules=["all"])
    assert outcome(job) == ("Success", 0, 1, 0)

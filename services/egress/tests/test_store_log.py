# SPDX-License-Identifier: Apache-2.0
"""What `DicomModalityStore` tells the exports log, and where it goes on after an interruption."""

import asyncio
from typing import Any

import pytest

from pons.bus import Bus
from pons.bus.requests import answer_commands
from pons.messages.index import Export, LogExports
from pons.messages.services import Done
from pons_testing.jobs import outcome
from pons_testing.storage_scp import ACCEPTS_CT

pytestmark = pytest.mark.anyio


async def test_pause_and_resume_send_nothing_twice(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any
) -> None:
    """A paused job goes on behind the last instance that was sent, over a new association."""
    for number in range(1, 6):
        await store.add_dataset(image(number))
    with listening(ACCEPTS_CT) as peer:
        async with sending(bus, store, peer.port) as sender:
            loop = asyncio.get_running_loop()
            job_id = ""

            def pause(_event: Any) -> None:
                if len(peer.requests) == 2:
                    asyncio.run_coroutine_threadsafe(sender.jobs.pause(job_id), loop).result(5)

            peer.before_answer = pause
            job_id = await sender.submit(peer.port)
            await sender.until(job_id, "Paused")
            assert len(peer.requests) == 2
            # What arrives meanwhile is sent too; what went away is no trouble.
            await store.add_dataset(image(6))
            del store.instances[0]
            await sender.jobs.resume(job_id)
            job = await sender.jobs.wait_for(job_id, 60)
    assert outcome(job) == ("Success", 0, 6, 0)
    assert peer.sop_instance_uids == [f"1.2.3.4.{number}" for number in range(1, 7)]
    assert len(peer.associations) == 2
    *before, whole = index.exports
    assert [export.sop_instance_uid for export in before] == peer.sop_instance_uids[: len(before)]
    assert rows(whole) == ("Study", "study", "1.2.3")


async def test_each_resource_that_was_asked_for_is_logged(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any
) -> None:
    """As they were asked for, whatever they have in common; none stands for what was left out."""
    first, second = [await store.add_dataset(image(number)) for number in (1, 2)]
    asked = [second.instance_id, "study", second.instance_id, "study", first.instance_id]
    with listening(ACCEPTS_CT) as peer:
        async with sending(bus, store, peer.port) as sender:
            await sender.send(peer.port, *asked)
            assert [export.resource_id for export in index.exports] == [asked[0], "study", asked[4]]
            levels = [export.level for export in index.exports]
            assert levels == ["Instance", "Study", "Instance"]
            index.told.clear()
            peer.statuses = [0, 0xC000]
            job = await sender.send(peer.port, *asked, permissive=True)
    assert outcome(job) == ("Success", 0, 2, 1)
    assert [export.resource_id for export in index.exports] == [first.instance_id]


def rows(export: Export) -> tuple[str, str, str]:
    return export.level, export.resource_id, export.study_uid


async def test_many_are_logged_before_one_is_left_out(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any
) -> None:
    """A position never has to name more instances than are logged at a time."""
    for number in range(1, 131):
        await store.add_dataset(image(number))
    with listening(ACCEPTS_CT) as peer:
        peer.statuses = [0] * 120 + [0xC000] + [0] * 9
        async with sending(bus, store, peer.port) as sender:
            job = await sender.send(peer.port, permissive=True)
    assert outcome(job) == ("Success", 0, 130, 1)
    assert [len(one.exports) for one in index.told] == [100, 20, 9]
    logged = {export.sop_instance_uid for export in index.exports}
    assert len(logged) == 129
    assert "1.2.3.4.121" not in logged


async def test_what_was_sent_is_logged_once_the_index_is_back(
    bus: Bus,
    store: Any,
    listening: Any,
    sending: Any,
    image: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without the index the job waits at its end, and sends nothing again when it goes on."""
    monkeypatch.setattr("pons.jobs.transitions.RETRY_DELAYS", (0.2,) * 30)
    await store.add_dataset(image())
    with listening(ACCEPTS_CT) as peer:
        async with sending(bus, store, peer.port) as sender:
            job_id = await sender.submit(peer.port)
            await sender.until(job_id, "Retry")
            told: Any = await start_index(bus)
            job = await sender.jobs.wait_for(job_id, 60)
    assert outcome(job) == ("Success", 0, 1, 0)
    assert len(peer.requests) == 1
    assert [export.sop_instance_uid for export in told] == ["1.2.3.4.1"]


async def start_index(bus: Bus) -> list[Any]:
    told: list[Any] = []

    async def log(command: LogExports) -> Done:
        told.extend(command.exports)
        return Done()

    await answer_commands(bus, "index", {LogExports: log})
    return told

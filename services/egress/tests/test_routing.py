# SPDX-License-Identifier: Apache-2.0
"""Rules at work: from the change feed to destinations that behave, and to some that do not."""

from typing import Any

import msgspec
import pytest

from pons.bus import Bus
from pons.bus.requests import answer_commands
from pons.errors import NotFound, Unavailable
from pons.jobs import DeadLetters, Jobs
from pons.messages.index import PutLabel
from pons.messages.services import Done
from pons.remotes.modalities import open_modalities
from pons.routing.queues import Queues
from pons_embedded.ports import free_port
from pons_testing.storage_scp import ACCEPTS_CT
from pons_testing.waiting import until

from .routed import QUICK, Index, announce, hook, routing, settings

pytestmark = pytest.mark.anyio


async def test_a_dead_a_flaky_and_a_healthy_destination(
    bus: Bus, store: Any, index: Any, listening: Any, image: Any
) -> None:
    """The healthy one has everything while the dead one is still tried; the flaky one, which aborts
    every third association, has everything; the dead one is listed with the cause, and has one job
    at a time while the rest waits on disk."""
    uids = {f"1.2.3.4.{number}" for number in range(1, 41)}
    ids = [(await store.add_dataset(image(number))).instance_id for number in range(1, 41)]
    rule = {
        "On": "NewInstance",
        "When": [{"Tag": "Modality", "Is": "CT"}],
        "To": ["modality:dead", "modality:flaky", "modality:healthy"],
    }
    with listening(ACCEPTS_CT) as healthy, listening(ACCEPTS_CT) as flaky:
        flaky.before_answer = lambda event: (
            event.assoc.abort() if len(flaky.associations) % 3 == 0 else None
        )
        ports = {"dead": free_port(), "flaky": flaky.port, "healthy": healthy.port}
        async with routing(bus, store, settings(ports, {"all": rule})):
            await announce(bus, 1, ids)
            letters = DeadLetters(Jobs(bus, QUICK))

            async def all_healthy() -> bool:
                return set(healthy.sop_instance_uids) == uids

            await until(all_healthy)

            async def all_flaky() -> bool:
                return set(flaky.sop_instance_uids) == uids

            await until(all_flaky)

            async def dead() -> bool:
                return len(await letters.listed("modality:dead")) >= 2

            await until(dead)
            going_on = [
                job.document.destination
                for job in await Jobs(bus, QUICK).list()
                if not job.document.finished
            ]
            assert going_on.count("modality:dead") <= 1
    first = (await letters.listed("modality:dead"))[0]
    assert f"connection refused by 127.0.0.1:{ports['dead']}" in first.error_details
    assert {letter.destination for letter in await letters.listed()} == {"modality:dead"}
    assert len(healthy.requests) == 40


async def test_a_destination_that_stays_down_is_held(
    bus: Bus, store: Any, image: Any, index: Any, listening: Any
) -> None:
    """Its list of dead letters does not overflow: what comes waits in the queue, and goes on once
    somebody has retried, when the destination is back."""
    ids = [(await store.add_dataset(image(number))).instance_id for number in range(1, 21)]
    port = free_port()
    rules = {"all": {"On": "NewInstance", "To": ["modality:down"]}}
    chosen = settings({"down": port}, rules).model_copy(
        update={"jobs": QUICK.model_copy(update={"dead_letters": 4, "retries": 0})}
    )
    jobs = Jobs(bus, chosen.jobs)
    letters, queues = DeadLetters(jobs), Queues(bus)
    async with routing(bus, store, chosen):
        await announce(bus, 1, ids)

        async def held() -> bool:
            return len(await letters.listed()) == 2

        await until(held)
        waiting = (await queues.lengths())["modality:down"]
        assert 0 < waiting <= 20
        with listening(ACCEPTS_CT) as peer:
            async with open_modalities(bus, chosen) as modalities:
                known = modalities.get("down")
                await modalities.put("down", msgspec.structs.replace(known, port=peer.port))
            await letters.retry_all("modality:down")

            async def all_there() -> bool:
                return len(set(peer.sop_instance_uids)) == 20

            await until(all_there)
    assert await letters.listed() == []
    assert await queues.lengths() == {}


async def test_two_replicas_and_one_dies(
    bus: Bus, store: Any, index: Any, listening: Any, image: Any
) -> None:
    """Two share feed and queues; what one had in its hands when it went is delivered too."""
    ids = [(await store.add_dataset(image(number))).instance_id for number in range(1, 61)]
    rules = {"all": {"On": "NewInstance", "To": ["modality:pacs"]}}
    with listening(ACCEPTS_CT) as peer:
        chosen = settings({"pacs": peer.port}, rules)
        async with routing(bus, store, chosen):
            async with routing(bus, store, chosen):
                for start in range(0, 60, 10):
                    await announce(bus, start + 1, ids[start : start + 10])

                async def under_way() -> bool:
                    return len(peer.requests) > 5

                await until(under_way)

            async def all_there() -> bool:
                return len(set(peer.sop_instance_uids)) == 60

            await until(all_there)


async def test_rules_label_before_they_send(
    bus: Bus, store: Any, index: Any, listening: Any, image: Any
) -> None:
    """A rule that asks for a label sends what another labels at the same time; what an index that
    is away could not label comes again, and what was deleted meanwhile holds up nothing."""
    ids = [(await store.add_dataset(image(number))).instance_id for number in (1, 2, 3)]
    put: list[PutLabel] = []
    failures = [Unavailable("away")]

    async def label(command: PutLabel) -> Done:
        if failures:
            raise failures.pop()
        if command.resource_id == ids[0]:
            raise NotFound("deleted")
        put.append(command)
        known.labelled.setdefault(command.resource_id, []).append(command.label)
        return Done()

    await answer_commands(bus, "index", {PutLabel: label})
    rules = {
        "sorted": {"On": "NewInstance", "When": [{"Tag": "Modality", "Is": "CT"}], "Label": ["ct"]},
        "sent": {"On": "NewInstance", "When": [{"Label": "ct"}], "To": ["modality:pacs"]},
    }
    known = Index(store)
    with listening(ACCEPTS_CT) as peer:
        async with routing(bus, store, settings({"pacs": peer.port}, rules), known):
            await announce(bus, 1, ids)

            async def sent() -> bool:
                return len(set(peer.sop_instance_uids)) == 2

            await until(sent)
    assert set(put) == {PutLabel("Instance", one, "ct") for one in ids[1:]}
    assert failures == []


async def test_what_rules_do_not_ask_for_stays(
    bus: Bus, store: Any, index: Any, listening: Any, image: Any
) -> None:
    """A rule that does not hold, that rests, or that waits for another change sends nothing; a
    modality that nobody knows makes a dead letter."""
    one = (await store.add_dataset(image(1))).instance_id
    rules = {
        "other": {
            "On": "NewInstance",
            "When": [{"Tag": "Modality", "Is": "MR"}],
            "To": ["modality:a"],
        },
        "from-elsewhere": {"On": "NewInstance", "When": [{"Origin": "CT*"}], "To": ["modality:b"]},
        "resting": {"On": "NewInstance", "To": ["modality:c"], "Enabled": False},
        "later": {"On": "StableStudy", "To": ["modality:d"]},
        "unknown": {"On": "NewInstance", "When": [{"Origin": "nm1"}], "To": ["modality:nobody"]},
    }
    jobs = Jobs(bus, QUICK)
    async with routing(bus, store, settings({}, rules)):
        await announce(bus, 1, [one])

        async def dead() -> bool:
            return bool(await DeadLetters(jobs).listed())

        await until(dead)
    (job,) = await jobs.list()
    assert job.document.destination == "modality:nobody"
    assert job.document.error_details.startswith("There is no modality 'nobody'")
    assert (job.content["Rules"], await Queues(bus).lengths()) == (["unknown"], {})


async def test_a_peer_is_sent_files(
    bus: Bus, store: Any, index: Any, image: Any, file_of: Any
) -> None:
    """A peer that is busy at first has every file; one that refuses a file has the others, and is
    listed, as is one that nobody knows."""
    files = {file_of(one): one for one in (image(number) for number in range(1, 5))}
    ids = [(await store.add(file, dataset)).instance_id for file, dataset in files.items()]
    rules = {"all": {"On": "NewInstance", "To": ["peer:archive", "peer:picky", "peer:nobody"]}}
    with hook() as archive, hook() as picky:
        archive.statuses, picky.statuses = [503], [415]
        urls = {"archive": archive.port, "picky": picky.port}
        known = {name: {"Url": f"http://127.0.0.1:{port}/"} for name, port in urls.items()}
        chosen = settings({}, rules).model_copy(update={"peers": known})
        letters = DeadLetters(Jobs(bus, QUICK))
        async with routing(bus, store, chosen):
            await announce(bus, 1, ids)

            async def settled() -> bool:
                return {body for _, body in archive.told[1:]} == set(files) and {
                    letter.destination for letter in await letters.listed()
                } == {"peer:picky", "peer:nobody"}

            await until(settled)
            assert len({body for _, body in picky.told}) == 4
            (refused,) = await letters.listed("peer:picky")
            assert "of the first: Peer 'picky'" in refused.error_details
            await letters.retry_all("peer:picky")

            async def retried() -> bool:
                return not await letters.listed("peer:picky")

            await until(retried)

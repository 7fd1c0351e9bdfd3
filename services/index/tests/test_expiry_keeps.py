# SPDX-License-Identifier: Apache-2.0
"""What keeps a study although a rule lets it go."""

from typing import Any

import msgspec
import pytest
from nats.js.api import AckPolicy, ConsumerConfig

from pons.bus import Bus
from pons.bus.connection import ROUTER, SCRIPTS
from pons.jobs import Jobs
from pons.jobs.document import JobRequest
from pons.retention.judgement import Verdict
from pons.retention.waiting import BEHIND, UNTOLD
from pons.routing.queues import Queues, Waiting
from pons_index.statements import SQL
from pons_testing.events import ids, received

from .expiring import NM, image

pytestmark = pytest.mark.anyio


async def test_what_comes_while_a_lost_index_is_restored_keeps_its_study(keeping: Any) -> None:
    """What came back has the time of its own arrival again. A study that got another series
    meanwhile, or before, is as young as that; one that has come back alone is old."""
    async with keeping({"nm": NM}) as keeper:
        newer = msgspec.structs.replace(
            received("1.1.2", patient_id="P1", study_uid="1.1", series_uid="1.1.9"),
            origin=image(1).origin,
        )
        back = [image(1), image(2)]
        assert await keeper.index.write(*back, newer) == ["Success"] * 3
        pool = keeper.index.database.pool
        await pool.execute(
            "UPDATE instances SET received_at = now() - interval '100 days' WHERE id = ANY ($1)",
            [bytes.fromhex(ids(one).instance.replace("-", "")) for one in back],
        )
        await pool.execute(
            "INSERT INTO findings (object_key, kind, size, instance_id)"
            " SELECT object_key, 'returned', size, id FROM instances"
            " WHERE received_at < now() - interval '99 days'"
        )
        await pool.execute("DELETE FROM unstable")
        await pool.execute(SQL["settle_times"])
        young = await keeper.index.fetch(
            "SELECT patient_id, p.last_update > now() - interval '1 day' AS young,"
            " s.last_update = p.last_update AS alike"
            " FROM patients p JOIN studies s USING (patient_key) ORDER BY 1"
        )
        assert [tuple(row) for row in young] == [("P1", True, True), ("P2", False, True)]
        assert await keeper.expiry.expire() == 1
        assert await keeper.left() == ["P1"]


async def test_what_something_waits_for_stays(keeping: Any, bus: Bus) -> None:
    """A job that has not finished or is a dead letter, of whatever it names, and the queue of a
    destination keep their studies; a job that has succeeded keeps nothing."""
    async with keeping({"nm": NM}) as keeper:
        for patient in range(1, 6):
            await keeper.store(image(patient), days=31)
        jobs = Jobs(bus, keeper.retention.settings.jobs)

        async def job(resource: str, **changes: Any) -> str:
            request = JobRequest(
                "DicomModalityStore",
                "nobody",
                {"resources": [resource]},
                destination="modality:pacs",
                retry=True,
            )
            job_id = await jobs.submit(request)
            await jobs.change(
                job_id, lambda document, _: msgspec.structs.replace(document, **changes)
            )
            return job_id

        waiting = await job(ids(image(1)).patient)
        dead = await job(ids(image(2)).series, state="Failure", error_code=9)
        await job(ids(image(3)).study, state="Success")
        change = Waiting("r", 1, "NewInstance", "Instance", ids(image(4)).instance, 1.7e9)
        await Queues(bus).put("modality:pacs", change)
        assert await keeper.why() == {
            ids(image(1)).study: f"job {waiting} has not finished",
            ids(image(2)).study: f"job {dead} for modality:pacs failed: see /jobs/dead-letters",
            ids(image(3)).study: "",
            ids(image(4)).study: "it waits for modality:pacs",
            ids(image(5)).study: "",
        }
        assert await keeper.expiry.expire() == 2
        assert await keeper.left() == ["P1", "P2", "P4"]


async def test_nothing_goes_before_rules_were_asked_where_it_goes(keeping: Any, bus: Bus) -> None:
    """A change that routing has not seen may be one that sends the study."""
    async with keeping({"nm": NM}, routes=True) as keeper:
        await keeper.store(image(1), days=31)
        assert set((await keeper.why()).values()) == {BEHIND}  # it is not even published
        await keeper.index.database.pool.execute("UPDATE relay SET relayed = 1000")
        await bus.publish(bus.names.changes, b"a change")
        assert await keeper.expiry.expire() == 0
        feed = await bus.stream.pull_subscribe_bind(ROUTER, stream=bus.names.changes_stream)
        for message in await feed.fetch(10, timeout=5):
            await message.ack_sync()
        assert await keeper.expiry.expire() == 1


@pytest.mark.parametrize("of_jobs", [False, True])
async def test_nothing_goes_before_scripts_have_heard_of_it(
    keeping: Any, bus: Bus, of_jobs: bool
) -> None:
    """A function of Lua may send the study, also without a rule of routing: one that hears of a
    change, or of a job that has ended."""
    jobs = bus.names.jobs_bucket
    stream = f"KV_{jobs}" if of_jobs else bus.names.changes_stream
    reader = ConsumerConfig(durable_name=SCRIPTS, ack_policy=AckPolicy.EXPLICIT)
    await bus.stream.add_consumer(stream, reader)
    async with keeping({"nm": NM}) as keeper:
        await keeper.store(image(1), days=31)
        assert set((await keeper.why()).values()) == {UNTOLD}  # it is not even published
        await keeper.index.database.pool.execute("UPDATE relay SET relayed = 1000")
        subject = f"$KV.{jobs}.tried" if of_jobs else bus.names.changes
        await bus.stream.publish(subject, b"")
        assert await keeper.expiry.expire() == 0
        feed = await bus.stream.pull_subscribe_bind(SCRIPTS, stream=stream)
        for message in await feed.fetch(10, timeout=5):
            await message.ack_sync()
        assert await keeper.expiry.expire() == 1


async def test_what_changes_after_the_judgement_stays(keeping: Any) -> None:
    """An instance that comes, a label that is put or taken, and a protection in the last moment."""
    async with keeping({"nm": NM}) as keeper:
        for patient in range(1, 5):
            await keeper.store(image(patient), days=31)
        await keeper.label("Instance", ids(image(2)).instance, "seen")
        verdicts, _ = await keeper.retention.judge.page(0, 10, keeper.retention.rules.applied())
        assert [one.goes for one in verdicts] == [True] * 4
        await keeper.store(image(1, 2), days=0)
        await keeper.label("Series", ids(image(2)).series, "seen")
        await keeper.label("Patient", ids(image(3)).patient, "keep")
        await keeper.index.database.pool.execute(
            "UPDATE patients SET protected = true WHERE patient_id = 'P4'"
        )
        assert [await keeper.expiry.let_go(one) for one in verdicts] == [False] * 4
        assert await keeper.left() == ["P1", "P2", "P3", "P4"]


async def test_a_rule_that_is_taken_back_keeps_what_is_left(
    keeping: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while studies go by it: many are judged together, and deleted one after the other."""
    async with keeping({"nm": NM}) as keeper:
        for patient in range(1, 4):
            await keeper.store(image(patient), days=31)
        let_go = keeper.expiry.let_go

        async def then_take_back(verdict: Verdict) -> bool:
            gone = await let_go(verdict)
            await keeper.retention.rules.delete("nm")
            return gone

        monkeypatch.setattr(keeper.expiry, "let_go", then_take_back)
        assert await keeper.expiry.expire() == 1
        assert await keeper.left() == ["P2", "P3"]

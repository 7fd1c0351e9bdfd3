# SPDX-License-Identifier: Apache-2.0
"""Storage commitment as SCP: what a modality that asked for it is told, and when."""

import pytest

from pons.bus import Bus

from .committed import CT, MR, Shelf, committing, scanner

pytestmark = pytest.mark.anyio


async def test_all_is_kept(bus: Bus, shelf: Shelf) -> None:
    """Whole instances, compressed ones too, are committed to by the title that was called."""
    await shelf.add("1.1")
    await shelf.add("1.2", stored_size=60, compression="zstd")
    with scanner() as there:
        async with committing(bus, shelf, there.port) as asker:
            job = await asker.ask((CT, "1.1"), (CT, "1.2"))
    assert (job.document.state, job.document.error_details) == ("Success", "")
    assert there.heard == [(1, "1.2.3", ["1.1", "1.2"], {})]
    assert there.callers == [("STORE", "CT1")]
    assert job.content["FailedInstancesCount"] == 0


async def test_each_reason(bus: Bus, shelf: Shelf) -> None:
    """Nothing that is missing, damaged or of another class is committed to."""
    await shelf.add("1.1")
    for uid in ("2.1", "2.2"):
        await shelf.add(uid)
    lost = await shelf.add("3.1")
    await shelf.objects.delete([lost.object_key])
    short = await shelf.add("3.2")
    path = shelf.objects.local_path(short.object_key)
    assert path is not None
    path.chmod(0o600)
    path.write_bytes(bytes(99))
    await shelf.add("4.1", sop_class=MR)
    with scanner() as there:
        async with committing(bus, shelf, there.port) as asker:
            job = await asker.ask(
                *((CT, uid) for uid in ("1.1", "3.1", "3.2", "4.1", "5.1")),
                *((MR, "2.1"), (CT, "2.1"), ("nope", "nope2"), (CT, "")),
            )
    assert job.document.state == "Success"
    [(event, _, kept, failed)] = there.heard
    assert (event, kept) == (2, ["1.1", "2.1"])
    assert failed == {
        "3.1": 0x0110,
        "3.2": 0x0110,
        "4.1": 0x0119,
        "5.1": 0x0112,
        "2.1": 0x0119,
        "nope2": 0x0112,
        "": 0x0112,
    }
    assert job.content["FailedInstancesCount"] == 7


async def test_an_instance_of_two_patients(bus: Bus, shelf: Shelf) -> None:
    """What several patients have has to be whole in each of them, and nobody knows who asks."""
    await shelf.add("1.1")
    twin = await shelf.add("1.1")
    await shelf.add("1.2", sop_class=MR)
    await shelf.add("1.2")
    await shelf.objects.delete([twin.object_key])
    with scanner() as there:
        async with committing(bus, shelf, there.port) as asker:
            await asker.ask((CT, "1.1"), (CT, "1.2"))
    assert there.heard == [(2, "1.2.3", ["1.2"], {"1.1": 0x0110})]


async def test_what_changes_while_it_is_looked_at(bus: Bus, shelf: Shelf) -> None:
    """An instance that is deleted meanwhile is not there; one that is replaced is."""
    gone, old = await shelf.add("1.1"), await shelf.add("1.2")
    await shelf.objects.delete([gone.object_key, old.object_key])
    new = await shelf.add("1.2")
    shelf.rows.remove(new)

    def change() -> None:
        shelf.rows[:] = [new]

    shelf.before_answer = change
    with scanner() as there:
        async with committing(bus, shelf, there.port) as asker:
            await asker.ask((CT, "1.1"), (CT, "1.2"))
    assert there.heard == [(2, "1.2.3", ["1.2"], {"1.1": 0x0112})]


async def test_deleted_before_the_report(bus: Bus, shelf: Shelf) -> None:
    """While the modality is down the answer is open: each try looks again."""
    await shelf.add("1.1")
    with scanner() as there:
        port = there.port
    async with committing(bus, shelf, port) as asker:
        job_id = await asker.submit((CT, "1.1"))
        waiting = await asker.until(job_id, "Retry")
        assert "connection refused" in waiting.document.error_details
        shelf.rows.clear()
        with scanner(port) as there:
            assert (await asker.jobs.wait_for(job_id, 60)).document.state == "Success"
    assert there.heard == [(2, "1.2.3", [], {"1.1": 0x0112})]


@pytest.mark.parametrize(
    ("status", "tries"), [(0x0110, 2), (0x0213, 2), (0x0115, 1), (0x0211, 1), (0x0112, 1)]
)
async def test_a_report_that_is_refused(bus: Bus, shelf: Shelf, status: int, tries: int) -> None:
    """What the modality may take later is reported again; the rest is a dead letter at once."""
    await shelf.add("1.1")
    with scanner() as there:
        there.statuses = [status]
        async with committing(bus, shelf, there.port) as asker:
            job = await asker.ask((CT, "1.1"))
    assert len(there.heard) == tries
    assert job.document.dead_letter == (tries == 1)
    if job.document.dead_letter:
        assert f"answered N-EVENT-REPORT with status 0x{status:04X}" in job.document.error_details


async def test_roles(bus: Bus, shelf: Shelf) -> None:
    """A modality that says nothing of roles is told; one that refuses ours is not."""
    await shelf.add("1.1")
    with scanner(scu_role=None, scp_role=None) as there:  # type: ignore[arg-type]
        async with committing(bus, shelf, there.port) as asker:
            assert (await asker.ask((CT, "1.1"))).document.state == "Success"
    assert len(there.heard) == 1
    with scanner(scu_role=True, scp_role=False) as there:
        async with committing(bus, shelf, there.port) as asker:
            job = await asker.until(await asker.submit((CT, "1.1")), "Retry")
            await asker.jobs.cancel(job.document.id)
    assert "accepts no presentation context for Storage Commitment" in job.document.error_details
    assert there.heard == []


async def test_a_modality_that_is_none_any_more(bus: Bus, shelf: Shelf) -> None:
    """Without one there is nobody to report to, which people see."""
    await shelf.add("1.1")
    with scanner() as there:
        async with committing(bus, shelf, there.port) as asker:
            job = await asker.ask((CT, "1.1"), name="gone")
    assert job.document.dead_letter
    assert "gone" in job.document.error_details


async def test_many_instances(bus: Bus, shelf: Shelf) -> None:
    """20,000 instances are reported whole, and the modality has time for them."""
    many = [(CT, f"1.2.826.0.1.3680043.8.498.{number}") for number in range(20_000)]
    await shelf.add(many[7][1])
    with scanner() as there:
        async with committing(bus, shelf, there.port) as asker:
            job = await asker.jobs.wait_for(await asker.submit(*many), 120)
    assert job.document.state == "Success"
    [(_, _, kept, failed)] = there.heard
    assert (kept, len(failed)) == ([many[7][1]], 19_999)

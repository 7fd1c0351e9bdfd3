# SPDX-License-Identifier: Apache-2.0
"""Which instances the last response to a C-MOVE names, by what the job's document has."""

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from pons.jobs import JobDocument
from pons.jobs.document import JobState
from pons.jobs.failures import Failures, order_of
from pons_ingress.move import _ended, _sent_by
from pons_ingress.sub_operations import SubOperations


def instances(number: int) -> list[Any]:
    return [
        SimpleNamespace(instance_id=f"id-{one}", sop_instance_uid=f"1.2.{one}")
        for one in range(number)
    ]


def document(
    failures: Failures,
    failed: int,
    *,
    state: JobState = "Success",
    progress: float = 1.0,
    done: int | None = None,
    **content: Any,
) -> JobDocument:
    position = {"failures": msgspec.to_builtins(failures)}
    if done is not None:
        position["done"] = done
    content |= {"FailedInstancesCount": failed}
    return JobDocument(
        *("j", "DicomModalityStore", "egress", 0, 1.0, 2.0),
        state=state,
        progress=progress,
        content=content,
        position=position,
    )


def listing(now: list[Any]) -> Any:
    """An archive that has these."""

    async def instances_to_send(_: list[str]) -> list[Any]:
        return now

    return SimpleNamespace(instances_to_send=instances_to_send)


def test_all_of_many() -> None:
    """Each of 10,000 that failed is named, and none that arrived."""
    many = instances(10_000)
    failures = Failures(order_of(one.instance_id for one in many))
    for place in range(1, 10_000, 2):
        failures = failures.adding(place)
    moved = SubOperations(10_000)
    moved.follow(10_000, failed=5_000, warning=0, held_back=0)
    assert _ended(document(failures, 5_000), many, moved).status == 0xB000
    assert moved.failed_uids == [f"1.2.{number}" for number in range(1, 10_000, 2)]


def test_others_in_their_places() -> None:
    """Where the study has changed since, nothing is named by the place of another."""
    failures = Failures(order_of(["another", "id-0", "id-1"])).adding(0)
    named = [{"ID": "id-1", "Reason": "refused"}]
    moved = SubOperations(3)
    moved.follow(3, failed=1, warning=0, held_back=0)
    _ended(document(failures, 1, FailedInstances=named), instances(3), moved)
    assert moved.failed_uids == ["1.2.1"]


def test_what_an_earlier_version_had_begun() -> None:
    """What it names, and no place tells of, is listed beside what failed later."""
    four = instances(4)
    failures = Failures(order_of(one.instance_id for one in four)).adding(2)
    named = [{"ID": "id-0", "Reason": "refused"}, {"ID": "id-2", "Reason": "refused"}]
    moved = SubOperations(4)
    _ended(document(failures, 2, FailedInstances=named), four, moved)
    assert moved.failed_uids == ["1.2.0", "1.2.2"]


def test_what_is_not_there_is_named_too() -> None:
    """Beside what failed, as the peer had named it."""
    three = instances(3)
    failures = Failures(order_of(one.instance_id for one in three)).adding(2)
    moved = SubOperations(3)
    moved.lack("Instance", ["1.9"])
    moved.follow(3, failed=1, warning=0, held_back=0)
    _ended(document(failures, 1), three, moved)
    assert moved.failed_uids == ["1.9", "1.2.2"]


@pytest.mark.parametrize("progress", [0.0, 1.0])
@pytest.mark.parametrize("number", [0, 4])
def test_a_job_that_failed_is_no_success(number: int, progress: float) -> None:
    """Be it that all was deleted meanwhile, or that the job failed once all had been sent."""
    gone = document(Failures(), 0, state="Failure", progress=progress)
    assert _ended(gone, instances(number), SubOperations(number)).status == 0xA702


def test_numbers_of_a_study_that_has_grown() -> None:
    """They are of the instances that the job sent, not of those that were there before."""
    six = instances(6)
    failures = Failures(order_of(one.instance_id for one in six)).adding(1)
    moved = SubOperations(4)
    moved.follow(2, failed=1, warning=0, held_back=0)
    broken_off = document(failures, 1, state="Failure", progress=0.5)
    assert _ended(broken_off, six, moved).status == 0xB000
    assert (moved.completed, moved.failed) == (2, 4)
    assert moved.failed_uids == ["1.2.1", "1.2.3", "1.2.4", "1.2.5"]


def test_numbers_of_a_study_that_has_shrunk() -> None:
    """Only what the job has sent is completed, not all that was there before."""
    moved = SubOperations(4)
    ended = document(Failures(order_of(["others"])), 0, done=3)
    assert _ended(ended, instances(4), moved).status == 0x0000
    assert (moved.completed, moved.failed) == (3, 0)


@pytest.mark.anyio
@pytest.mark.parametrize("now", [[], instances(3)])
async def test_what_was_deleted_meanwhile_failed(now: list[Any]) -> None:
    """Where the job never began, what was there before did not arrive, whatever is there now."""
    four, moved = instances(4), SubOperations(4)
    gone = document(Failures(), 0, state="Failure", progress=0.0)
    response = _ended(gone, await _sent_by(gone, four, listing(now), ["study"]), moved)
    assert (response.status, moved.failed) == (0xA702, 4)
    assert moved.failed_uids == ["1.2.0", "1.2.1", "1.2.2", "1.2.3"]


@pytest.mark.anyio
async def test_what_came_before_the_job_began_counts() -> None:
    """Where the job counts in the instances of now, those are told of."""
    six = instances(6)
    failures = Failures(order_of(one.instance_id for one in six)).adding(5)
    ended = document(failures, 1)
    assert await _sent_by(ended, instances(4), listing(six), ["study"]) == six

# SPDX-License-Identifier: Apache-2.0
"""Which instances the last response to a C-MOVE names, by what the job's document has."""

from types import SimpleNamespace
from typing import Any

import msgspec

from pons.jobs import JobDocument
from pons.jobs.failures import Failures, order_of
from pons_ingress.move import _ended
from pons_ingress.sub_operations import SubOperations


def instances(number: int) -> list[Any]:
    return [
        SimpleNamespace(instance_id=f"id-{one}", sop_instance_uid=f"1.2.{one}")
        for one in range(number)
    ]


def document(failures: Failures, failed: int, **content: Any) -> JobDocument:
    position = {"failures": msgspec.to_builtins(failures)}
    content |= {"FailedInstancesCount": failed}
    return JobDocument(
        *("j", "DicomModalityStore", "egress", 0, 1.0, 2.0),
        state="Success",
        progress=1.0,
        content=content,
        position=position,
    )


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


def test_what_is_not_there_is_named_too() -> None:
    """Beside what failed, as the peer had named it."""
    three = instances(3)
    failures = Failures(order_of(one.instance_id for one in three)).adding(2)
    moved = SubOperations(3)
    moved.lack("Instance", ["1.9"])
    moved.follow(3, failed=1, warning=0, held_back=0)
    _ended(document(failures, 1), three, moved)
    assert moved.failed_uids == ["1.9", "1.2.2"]

# SPDX-License-Identifier: Apache-2.0
"""What responses tell of sub-operations."""

import pytest

from pons.dicom.network.dimse import (
    COMPLETED_SUBOPERATIONS,
    FAILED_SUBOPERATIONS,
    REMAINING_SUBOPERATIONS,
    WARNING_SUBOPERATIONS,
    Command,
    encode_response,
)
from pons_ingress.sub_operations import SubOperations


@pytest.mark.parametrize(
    ("completed", "warning", "failed", "status"),
    [(2, 0, 0, 0), (1, 1, 0, 0xB000), (0, 2, 0, 0xB000), (1, 0, 1, 0xB000), (0, 0, 2, 0xA702)],
)
def test_final_status(completed: int, warning: int, failed: int, status: int) -> None:
    """Success says that there was neither a failure nor a warning (PS3.4 table C.4-3)."""
    assert SubOperations(2, completed, warning, failed).final().status == status


def test_more_than_there_were() -> None:
    """When a study grows while it is moved, and all fails, the numbers can still be told."""
    pending = SubOperations(10, failed=12).pending()
    assert pending.elements[REMAINING_SUBOPERATIONS] == 0
    request = Command(0x0021, 1, has_dataset=True, sop_class_uid="1.2", sop_instance_uid="")
    assert encode_response(request, pending)


def test_a_request_that_failed() -> None:
    """Its response tells how far it had come, and nothing of what remains (PS3.7 9.1.3.1)."""
    broken = SubOperations(10, completed=2, failed=1).broken_off(0xC000, "The database is away")
    assert (broken.status, broken.comment) == (0xC000, "The database is away")
    assert broken.elements == {
        COMPLETED_SUBOPERATIONS: 2,
        FAILED_SUBOPERATIONS: 1,
        WARNING_SUBOPERATIONS: 0,
    }


def test_what_a_job_was_warned_of() -> None:
    """The destination has it: it is no failure, and no success without a reservation either."""
    moved = SubOperations(10)
    moved.follow(10, failed=0, warning=2, held_back=1)
    assert (moved.completed, moved.warning, moved.remaining) == (7, 2, 0)
    assert moved.final().status == 0xB000
    assert moved.final().elements == {
        COMPLETED_SUBOPERATIONS: 7,
        FAILED_SUBOPERATIONS: 0,
        WARNING_SUBOPERATIONS: 2,
    }


def test_what_is_named_and_not_there() -> None:
    """Each instance of it is a sub-operation that failed, before any other begins."""
    moved = SubOperations(3)
    moved.lack("Instance", ["1.4", "1.5"])
    assert (moved.failed, moved.remaining, moved.failed_uids) == (2, 3, ["1.4", "1.5"])
    moved.follow(3, failed=1, warning=0, held_back=0)
    assert (moved.completed, moved.failed, moved.remaining) == (2, 3, 0)
    assert (moved.final().status, moved.final().comment) == (
        0xB000,
        "Not in this store: 2 of those named",
    )
    of_series = SubOperations(3)
    of_series.lack("Series", ["1.3"])
    assert (of_series.failed, of_series.failed_uids) == (1, [])
    complete = SubOperations(3)
    complete.lack("Instance", [])
    complete.follow(3, failed=0, warning=0, held_back=0)
    assert (complete.final().status, complete.final().comment) == (0, "")


def test_what_scripts_hold_back() -> None:
    """It is neither completed nor failed, and no more remains for it."""
    moved = SubOperations(10)
    moved.follow(6, failed=1, warning=0, held_back=2)
    assert (moved.completed, moved.failed, moved.dealt_with) == (3, 1, 6)
    assert moved.pending().elements == {
        REMAINING_SUBOPERATIONS: 4,
        COMPLETED_SUBOPERATIONS: 3,
        FAILED_SUBOPERATIONS: 1,
        WARNING_SUBOPERATIONS: 0,
    }
    moved.follow(10, failed=0, warning=0, held_back=10)
    assert moved.final().status == 0
    assert moved.final().elements[COMPLETED_SUBOPERATIONS] == 0


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"])
def test_a_long_list_of_failures(syntax: str) -> None:
    """All 10,000 are named, in each encoding."""
    uids = [f"1.2.826.0.1.3680043.8.498.{number:038}" for number in range(10_000)]
    moved = SubOperations(10_000, failed=10_000, failed_uids=uids)
    listed = moved.failures(syntax)
    assert listed is not None
    values = listed.partition(b"1.2.826")
    assert (values[1] + values[2]).decode().rstrip("\0").split("\\") == uids

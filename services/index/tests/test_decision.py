# SPDX-License-Identifier: Apache-2.0
"""What becomes of each instance of a batch, and how batches are cut."""

from typing import Any
from uuid import UUID

import msgspec
import pytest

from pons.messages.events import Announcement, InstanceReceived
from pons.objects import new_key
from pons_index.arrival import Arrival, arrivals, cut
from pons_index.decision import Decisions, Overwrite, decide
from pons_testing.events import received


def arrive(*events: InstanceReceived) -> list[Arrival]:
    return arrivals(Announcement("tests", list(events)))


def stored(arrival: Arrival, key: UUID | None = None) -> dict[str, Any]:
    """The database's row of an instance, by default as this very arrival left it."""
    return {
        "id": arrival.instance,
        "instance_key": 7,
        "object_key": key or arrival.event.object_key,
        "size": arrival.event.size,
        "stored_size": arrival.event.stored_size,
        "checksum": arrival.event.checksum,
        "reason": None,
    }


def statuses(decisions: Decisions) -> list[str]:
    return [answer.status for answer in decisions.answers]


@pytest.mark.parametrize("mode", ["Never", "Always", "IfChanged"])
def test_an_announcement_that_comes_again_changes_nothing(mode: Overwrite) -> None:
    """A redelivered event is answered Success, and its object does not become garbage."""
    batch = arrive(received("1.1"))
    assert decide(batch, [stored(batch[0])], mode) == Decisions(
        answers=decide(batch, [], mode).answers
    )


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("deleted", "Success"),
        ("replaced", "Success"),
        ("duplicate", "AlreadyStored"),
        ("orphan", ""),
    ],
)
def test_what_is_garbage_stays_garbage(reason: str, status: str) -> None:
    """An announcement that comes after its instance was deleted does not bring it back."""
    batch = arrive(received("1.1"))
    row = {"object_key": batch[0].event.object_key, "reason": reason}
    decisions = decide(batch, [row], "Always")
    assert (decisions.inserted, statuses(decisions)) == ([], [status])


def test_an_instance_whose_header_was_collected_is_refused() -> None:
    """Half of an instance is not stored."""
    event = msgspec.structs.replace(received("1.1"), header_key=new_key())
    decisions = decide(
        arrive(event), [{"object_key": event.header_key, "reason": "orphan"}], "Never"
    )
    assert (decisions.inserted, statuses(decisions)) == ([], [""])


@pytest.mark.parametrize(
    ("mode", "content", "status", "replaced"),
    [
        ("Never", b"new", "AlreadyStored", []),
        ("Always", b"old", "Success", [7]),
        ("IfChanged", b"old", "AlreadyStored", []),
        ("IfChanged", b"new", "Success", [7]),
    ],
)
def test_another_file_of_a_stored_instance_follows_the_setting(
    mode: Overwrite, content: bytes, status: str, replaced: list[int]
) -> None:
    """Never keeps the old file, Always the new one, IfChanged the new one if it differs."""
    old = arrive(received("1.1", content=b"old"))[0]
    batch = arrive(received("1.1", content=content))
    decisions = decide(batch, [stored(old)], mode)
    assert (statuses(decisions), decisions.replaced) == ([status], replaced)
    assert decisions.discarded == ([] if replaced else [batch[0].event.object_key])


def test_of_two_files_in_one_batch_the_first_wins() -> None:
    """The second file of an instance in a batch is AlreadyStored, and garbage with its header."""
    header_key = new_key()
    second = msgspec.structs.replace(received("1.1", content=b"b"), header_key=header_key)
    batch = arrive(received("1.1", content=b"a"), second, received("1.2"))
    decisions = decide(batch, [], "Never")
    assert statuses(decisions) == ["Success", "AlreadyStored", "Success"]
    assert decisions.inserted == [batch[0], batch[2]]
    assert decisions.discarded == [second.object_key, header_key]


def test_one_announcement_twice_in_a_batch_is_one_instance() -> None:
    """An event that was published twice is answered twice and written once."""
    event = received("1.1")
    decisions = decide(arrive(event, event), [], "Always")
    assert (statuses(decisions), len(decisions.inserted)) == (["Success", "Success"], 1)


def test_batches_are_cut_to_size_in_their_order() -> None:
    """No transaction writes more than the configured number of instances."""
    batch = arrive(*(received(f"1.{number}") for number in range(5)))
    assert list(cut(batch, 2, apart=False)) == [batch[:2], batch[2:4], batch[4:]]


def test_files_that_replace_each_other_are_written_one_after_the_other() -> None:
    """What replaces and what is replaced never meet in one transaction."""
    a, b = received("1.1", content=b"a"), received("1.1", content=b"b")
    batch = arrive(a, received("1.2"), a, b, a)
    pieces = list(cut(batch, 200, apart=True))
    assert pieces == [batch[:3], batch[3:4], batch[4:]]

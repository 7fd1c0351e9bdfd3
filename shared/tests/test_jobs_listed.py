# SPDX-License-Identifier: Apache-2.0
"""Lists of jobs that people look at: rows, filters, orders, pages, and what can be done."""

import msgspec
import pytest

from pons.errors import BadRequest
from pons.jobs.actions import possible
from pons.jobs.document import JobDocument
from pons.jobs.listed import LONGEST_ERROR, ListedJob, Wanted, page_of, row_of
from pons.jobs.outcomes import CANCELED

WAITING = JobDocument("a", "DicomModalityStore", "egress", 0, 100.0, 100.0)


def job(job_id: str, **changes: object) -> JobDocument:
    return msgspec.structs.replace(WAITING, id=job_id, **changes)


def rows(*documents: JobDocument) -> list[ListedJob]:
    return [row_of(document) for document in documents]


def test_a_row_is_small() -> None:
    """What a job keeps for itself is no part of it, and a long cause is cut."""
    kept = {str(number): "x" * 100 for number in range(1000)}
    document = job(
        "a",
        state="Failure",
        error_code=9,
        error_details="x" * 10_000,
        position=kept,
        content={"InstancesCount": 12, "FailedInstancesCount": 3, "FailedInstances": [kept]},
        completed=101.0,
    )
    row = row_of(document)
    assert len(msgspec.json.encode(row)) < 1000
    assert (row.count, row.failed, len(row.error)) == (12, 3, LONGEST_ERROR)


def test_only_what_is_on_the_list_of_it_is_undelivered() -> None:
    """A job that nobody tries again, and one that was cancelled, have failed and no more."""
    failed = job("a", state="Failure", error_code=9)
    letter = msgspec.structs.replace(failed, retry=True)
    cancelled = msgspec.structs.replace(letter, error_code=CANCELED)
    assert [row.state for row in rows(failed, letter, cancelled)] == [
        "Failure",
        "Undelivered",
        "Failure",
    ]
    assert row_of(cancelled).error == "This job was canceled"
    page = page_of(rows(failed, letter, cancelled), Wanted(), "created", None, 10)
    assert (page.states, page.cancelled) == ({"Failure": 2, "Undelivered": 1}, 1)


@pytest.mark.parametrize(
    ("changes", "actions"),
    [
        ({}, ["pause", "cancel"]),
        ({"state": "Running"}, ["pause", "cancel"]),
        ({"state": "Running", "wanted": "pause"}, ["cancel"]),
        ({"state": "Running", "wanted": "cancel"}, []),
        ({"state": "Retry"}, ["retry", "pause", "cancel"]),
        ({"state": "Paused"}, ["resume", "cancel"]),
        ({"state": "Success"}, ["forget"]),
        ({"state": "Failure"}, ["retry", "forget"]),
        ({"state": "Failure", "job_type": "Archive"}, ["forget"]),
    ],
)
def test_what_can_be_done(changes: dict[str, object], actions: list[str]) -> None:
    """Nothing is offered that the store would refuse."""
    assert list(possible(job("a", **changes))) == actions


def test_which_are_wanted() -> None:
    """Every filter narrows; words are found in any case, in destination, kind, cause and id."""
    listed = rows(
        job("one", destination="modality:PACS", state="Failure", error_details="Out of room"),
        job("two", destination="modality:pacs", state="Running"),
        job("three", job_type="Archive", worker="render"),
    )

    def found(wanted: Wanted) -> list[str]:
        return [row.id for row in page_of(listed, wanted, "created", None, 10).rows]

    assert found(Wanted(text="pacs room")) == ["one"]
    assert found(Wanted(text="archive")) == ["three"]
    assert found(Wanted(text="TWO")) == ["two"]
    assert found(Wanted(destination="modality:pacs")) == ["two"]
    assert found(Wanted(types=["Archive"], states=["Pending"])) == ["three"]
    assert found(Wanted(ids=["two", "gone"])) == ["two"]
    assert found(Wanted(text="nothing")) == []
    page = page_of(listed, Wanted(states=["Running"], text="pacs"), "created", None, 10)
    assert (page.count, page.states) == (1, {"Failure": 1, "Running": 1})
    assert page.destinations == ["modality:PACS", "modality:pacs"]


@pytest.mark.parametrize("sort", ["created", "-created", "-completed", "took", "-type", "state"])
def test_pages_have_every_job_once(sort: str) -> None:
    """Many equals, and jobs that come and go between two pages, make none appear twice."""
    jobs = {
        str(number): job(
            f"{number:04}",
            created=float(number // 10),
            job_type=("Archive", "Media")[number % 2],
            state=("Success", "Pending")[number % 2],
            completed=(float(number % 7), None)[number % 2],
            runtime=float(number % 3),
        )
        for number in range(500)
    }
    seen: list[str] = []
    after = None
    while True:
        page = page_of(rows(*jobs.values()), Wanted(), sort, after, 60)
        seen += [row.id for row in page.rows]
        if page.next is None:
            break
        after = page.next
        jobs.pop(str(int(page.rows[3].id)))
    assert len(seen) == len(set(seen)) == 500


def test_what_is_no_order_or_place() -> None:
    """A cursor of another order, and one that nobody gave, are refused."""
    listed = rows(job("a"), job("b"))
    given = page_of(listed, Wanted(), "created", None, 1).next
    assert given
    for sort, after in (
        ("size", None),
        ("-created", given),
        ("type", given),
        ("created", given[:-3]),
        ("created", "x" * 2000),
        ("created", "W10"),
    ):
        with pytest.raises(BadRequest):
            page_of(listed, Wanted(), sort, after, 10)

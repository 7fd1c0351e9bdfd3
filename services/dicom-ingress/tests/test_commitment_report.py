# SPDX-License-Identifier: Apache-2.0
"""N-EVENT-REPORT by pynetdicom: what a modality keeps for good is heard, and kept."""

from collections.abc import Callable
from typing import Any

import pytest
from pydicom.config import IGNORE
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pynetdicom import AE, build_role

from pons.errors import NotFound, PonsError, TooLarge, Unavailable
from pons.messages.egress import Reference
from pons.messages.modality import Modality
from pons.remotes.commitments import Failed, Reported, Transaction
from pons_ingress.commitment_report import CommitmentReports
from pons_ingress.service_classes import STORAGE_COMMITMENT_PUSH, Permission

CT, UID = "1.2.840.10008.5.1.4.1.1.2", "2.25.77"


class Kept:
    """What was reported; fails when told to."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Reported]] = []
        self.failure: PonsError | None = None

    async def __call__(self, uid: str, reported: Reported) -> Transaction:
        if self.failure is not None:
            raise self.failure
        self.told.append((uid, reported))
        return Transaction(uid, "PACS", 0.0, "Success")


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def port(start_port: Callable[..., Any], kept: Kept) -> Any:
    known = Modality("ARCHIVE", "127.0.0.1", 104)
    return start_port((known,), more_services={Permission.EVENT_REPORT: CommitmentReports(kept)})


def item(sop_instance_uid: str, reason: int | None = None) -> Dataset:
    dataset = Dataset()
    for tag, uid in ((0x00081150, CT), (0x00081155, sop_instance_uid)):
        dataset.add(DataElement(tag, "UI", uid, validation_mode=IGNORE))
    if reason is not None:
        dataset.FailureReason = reason
    return dataset


def information(
    success: list[Dataset], failed: list[Dataset] | None = None, uid: str = UID
) -> Dataset:
    dataset = Dataset()
    if uid:
        dataset.TransactionUID = uid
    if success:
        dataset.ReferencedSOPSequence = success
    if failed:
        dataset.FailedSOPSequence = failed
    return dataset


def report(
    port: Any,
    told: Dataset | None,
    event: int = 1,
    *,
    aet: str = "ARCHIVE",
    roles: bool = True,
    syntax: str = "1.2.840.10008.1.2",
) -> int | None:
    """The status; None where there is no association for it."""
    entity = AE(aet)
    entity.add_requested_context(STORAGE_COMMITMENT_PUSH, syntax)
    items: Any = [build_role(STORAGE_COMMITMENT_PUSH, scp_role=True)] if roles else []
    assoc = entity.associate("127.0.0.1", port.number, ext_neg=items)
    if not assoc.is_established:
        return None
    if not roles:  # pynetdicom sends what the standard wants a role for only with one
        for context in assoc.accepted_contexts:
            context._as_scp = True
    try:
        status, _ = assoc.send_n_event_report(
            told, event, STORAGE_COMMITMENT_PUSH, f"{STORAGE_COMMITMENT_PUSH}.1"
        )
    finally:
        assoc.release()
    return int(status.Status)


@pytest.mark.parametrize("syntax", [f"1.2.840.10008.1.2{end}" for end in ("", ".1", ".2")])
def test_reports(port: Any, kept: Kept, syntax: str) -> None:
    """What is kept, and what is not with its reasons, arrives whole in any encoding."""
    assert report(port, information([item("1.2.1"), item("nope2")]), syntax=syntax) == 0
    some = information([item("1.2.1")], [item("1.2.2", 0x0112), item("1.2.3")])
    assert report(port, some, 2, syntax=syntax) == 0
    one, two, three = (Reference(CT, f"1.2.{number}") for number in (1, 2, 3))
    assert kept.told == [
        (UID, Reported([one, Reference(CT, "nope2")])),
        (UID, Reported([one], [Failed(two, 0x0112), Failed(three, 0x0110)])),
    ]


def test_many_instances(port: Any, kept: Kept) -> None:
    """A report of 20,000 instances arrives."""
    many = [item(f"1.2.826.0.1.3680043.8.498.{number}") for number in range(20_000)]
    assert report(port, information(many)) == 0
    [(_, reported)] = kept.told
    assert len(reported.success) == 20_000


def test_without_a_role(port: Any, kept: Kept) -> None:
    """Modalities that do not negotiate the role that the standard wants are heard."""
    assert report(port, information([item("1.2.1")]), roles=False) == 0
    assert len(kept.told) == 1


def test_strangers(port: Any, kept: Kept) -> None:
    """Who is not a known modality cannot report."""
    assert report(port, information([item("1.2.1")]), aet="STRANGER") is None
    assert kept.told == []


@pytest.mark.parametrize(
    ("told", "event", "status"),
    [
        (information([item("1.2.1")]), 3, 0x0113),
        (information([item("1.2.1")], uid=""), 1, 0x0115),
        (None, 1, 0x0115),
    ],
)
def test_what_is_no_report(
    port: Any, kept: Kept, told: Dataset | None, event: int, status: int
) -> None:
    """Another event, and a report of nothing, are refused."""
    assert report(port, told, event) == status
    assert kept.told == []


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (NotFound("no such transaction"), 0x0115),
        (Unavailable("NATS is away"), 0x0110),
        (TooLarge("too many"), 0x0213),
    ],
)
def test_reports_that_are_not_kept(port: Any, kept: Kept, failure: PonsError, status: int) -> None:
    """The modality hears why, and may report again."""
    kept.failure = failure
    assert report(port, information([item("1.2.1")])) == status

# SPDX-License-Identifier: Apache-2.0
"""N-ACTION by pynetdicom: what a modality may ask the store to keep, and what is refused."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydicom.config import IGNORE
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pynetdicom import AE, build_role

from pons.errors import OutOfResources, PonsError, TooLarge, Unavailable
from pons.messages.egress import Reference
from pons.messages.modality import Modality
from pons.settings import DicomSettings
from pons_ingress.commitment_request import CommitmentRequests
from pons_ingress.service_classes import STORAGE_COMMITMENT_PUSH, Permission
from pons_testing.waiting import PATIENCE

CT, UID = "1.2.840.10008.5.1.4.1.1.2", "1.2.276.1"
PUSH, INSTANCE = STORAGE_COMMITMENT_PUSH, f"{STORAGE_COMMITMENT_PUSH}.1"
IMPLICIT = "1.2.840.10008.1.2"
ALL_KNOWN = {
    "elsewhere": Modality("CT1", "192.0.2.1", 104),
    "here": Modality("CT1", "127.0.0.1", 104),
    "here-refused": Modality("CT1", "127.0.0.1", 105, allow_n_action=False),
    "lost": Modality("CT2", "192.0.2.2", 104),
    "refused": Modality("CT3", "127.0.0.1", 104, allow_n_action=False),
}


@dataclass
class Asked:
    """What was submitted; fails when told to."""

    submitted: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    failure: PonsError | None = None

    async def __call__(self, name: str, modality: Modality, /, **request: Any) -> str:
        if self.failure is not None:
            raise self.failure
        assert ALL_KNOWN[name] == modality
        self.submitted.append((name, request))
        return "the-job"


class Known:
    """Stands in for `pons.remotes.modalities.Modalities`."""

    def __init__(self) -> None:
        self.all = dict(ALL_KNOWN)

    def find_by_aet(self, aet: str, strict: bool = False) -> dict[str, Modality]:
        return {name: one for name, one in self.all.items() if one.aet == aet}


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def known() -> Known:
    return Known()


@pytest.fixture
def port(start_port: Callable[..., Any], asked: Asked, known: Known) -> Any:
    service = CommitmentRequests(asked, known, DicomSettings())
    return start_port(tuple(ALL_KNOWN.values()), more_services={Permission.N_ACTION: service})


def item(class_uid: str, instance_uid: str) -> Dataset:
    dataset = Dataset()
    for tag, uid in ((0x00081150, class_uid), (0x00081155, instance_uid)):
        if uid:
            dataset.add(DataElement(tag, "UI", uid, validation_mode=IGNORE))
    return dataset


def information(*instances: tuple[str, str], uid: str = UID) -> Dataset:
    dataset = Dataset()
    if uid:
        dataset.TransactionUID = uid
    dataset.ReferencedSOPSequence = [item(*one) for one in instances]
    return dataset


def request(
    port: Any,
    told: Dataset | None,
    *,
    aet: str = "CT1",
    action: int = 1,
    instance: str = INSTANCE,
    syntax: str = IMPLICIT,
    roles: Sequence[Any] = (),
) -> tuple[int, str] | None:
    """Status and comment; None where there is no association for it."""
    entity = AE(aet)
    entity.add_requested_context(PUSH, syntax)
    entity.dimse_timeout = entity.network_timeout = PATIENCE
    assoc = entity.associate("127.0.0.1", port.number, ae_title="ARCHIVE", ext_neg=list(roles))
    if not assoc.is_established:
        return None
    try:
        status, _ = assoc.send_n_action(told, action, PUSH, instance)
    finally:
        assoc.release()
    return int(status.Status), str(status.get("ErrorComment", ""))


ONE = information((CT, "1.2.1"))


@pytest.mark.parametrize("syntax", [f"1.2.840.10008.1.2{end}" for end in ("", ".1", ".1.99", ".2")])
def test_requests(port: Any, asked: Asked, syntax: str) -> None:
    """What is asked arrives whole in any encoding, strange UIDs too, and is answered at once."""
    told = information((CT, "1.2.1"), ("nope", "nope2"))
    assert request(port, told, syntax=syntax) == (0x0000, "")
    [(name, submitted)] = asked.submitted
    assert name == "here"
    assert submitted == {
        "called_aet": "ARCHIVE",
        "remote_ip": "127.0.0.1",
        "transaction_uid": UID,
        "instances": [Reference(CT, "1.2.1"), Reference("nope", "nope2")],
    }


def test_whose_report_it_is(port: Any, asked: Asked) -> None:
    """It goes to who has the title: to the one at this address, else to where it is known to be."""
    assert request(port, ONE, aet="CT2") == (0x0000, "")
    assert [name for name, _ in asked.submitted] == ["lost"]


@pytest.mark.parametrize("aet", ["STRANGER", "CT3"])
def test_who_may_not_ask(port: Any, asked: Asked, logs: list[Any], aet: str) -> None:
    """Who is no modality, or one without AllowNAction, has no association for it; the log tells."""
    assert request(port, ONE, aet=aet) is None
    assert asked.submitted == []
    [line] = [line for line in logs if line["event"] == "association rejected"]
    assert line["calling_aet"] == aet
    assert "is not a modality that may do what it proposes" in line["why"]


def test_a_modality_that_was_deleted_meanwhile(
    port: Any, asked: Asked, known: Known, logs: list[Any]
) -> None:
    """There is nobody any more to report to."""
    known.all.clear()
    assert request(port, ONE) == (0x0124, "CT1 is no modality that may ask for it")
    assert asked.submitted == []
    [line] = [line for line in logs if line["event"] == "commitment refused"]
    assert (line["source"], line["status"]) == ("CT1", "0124")


@pytest.mark.parametrize(
    ("scu", "scp", "accepted"), [(True, False, True), (True, True, True), (False, True, False)]
)
def test_roles(port: Any, asked: Asked, scu: bool, scp: bool, accepted: bool) -> None:
    """A modality may say that it is the SCU; one that is none of it cannot ask."""
    told = request(port, ONE, roles=[build_role(PUSH, scu_role=scu, scp_role=scp)])
    assert (told == (0x0000, "")) == accepted
    assert len(asked.submitted) == accepted


@pytest.mark.parametrize(
    ("told", "options", "status", "comment"),
    [
        (ONE, {"action": 2}, 0x0123, "action 1 alone"),
        (ONE, {"instance": "1.2.3"}, 0x0112, INSTANCE),
        (None, {}, 0x0115, "no data set"),
        (information((CT, "1.2.1"), uid=""), {}, 0x0115, "Transaction UID (0008,1195) is missing"),
        (information(), {}, 0x0115, "(0008,1199) has no items"),
        (information((CT, "1.2.1"), ("", "1.2.2")), {}, 0x0115, "(0008,1150) is missing in item 2"),
        (information((CT, "")), {}, 0x0115, "(0008,1155) is missing in item 1"),
    ],
)
def test_what_is_refused(
    port: Any, asked: Asked, told: Dataset | None, options: Any, status: int, comment: str
) -> None:
    """A request that asks for nothing, for something else or for too much is answered as such."""
    answered = request(port, told, **options)
    assert answered is not None
    assert answered[0] == status
    assert comment in answered[1]
    assert asked.submitted == []


def test_elements_of_other_kinds(port: Any, asked: Asked) -> None:
    """A sequence where a UID belongs, and a text where a sequence does, name nothing."""
    nested, text = information((CT, "1.2.1")), information((CT, "1.2.1"))
    nested[0x00081195] = DataElement(0x00081195, "SQ", [item(CT, "1.2.1")])
    text[0x00081199] = DataElement(0x00081199, "LO", "1.2.1")
    for told, missing in ((nested, "Transaction UID"), (text, "Referenced SOP Sequence")):
        answered = request(port, told, syntax="1.2.840.10008.1.2.1")
        assert answered is not None
        assert answered[0] == 0x0115
        assert missing in answered[1]
    assert asked.submitted == []


def test_a_broken_data_set(port: Any, asked: Asked) -> None:
    """Bytes that are no data set are an invalid argument."""
    entity = AE("CT1")
    entity.add_requested_context(PUSH, IMPLICIT)
    assoc = entity.associate("127.0.0.1", port.number)
    assert assoc.is_established
    broken = information((CT, "1.2.1"))
    beyond = b"\xfe\xff\x00\xe0\xff\x00\x00\x00"  # an item that is longer than its sequence
    broken[0x00081199] = RawDataElement(Tag(0x00081199), "SQ", 8, beyond, 0, True, True)
    status, _ = assoc.send_n_action(broken, 1, PUSH, INSTANCE)
    assoc.release()
    assert status.Status == 0x0115
    assert asked.submitted == []


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (Unavailable("NATS is away"), 0x0110),
        (TooLarge("too many"), 0x0213),
        (OutOfResources("too many wait"), 0x0213),
    ],
)
def test_requests_that_are_not_kept(
    port: Any, asked: Asked, failure: PonsError, status: int
) -> None:
    """The modality hears that nothing will be reported, and why."""
    asked.failure = failure
    assert request(port, ONE) == (status, failure.message)


@pytest.mark.parametrize(
    ("count", "comment"), [(20_001, "20001 instances are more than 20000"), (40_000, "4 MB")]
)
def test_too_many_instances(port: Any, asked: Asked, count: int, comment: str) -> None:
    """What is beyond the bound is refused, and not kept in memory first."""
    answered = request(port, information(*((CT, f"1.{n:062}") for n in range(count))))
    assert answered is not None
    assert answered[0] == 0x0213
    assert comment in answered[1]
    assert asked.submitted == []


def test_many_instances(port: Any, asked: Asked) -> None:
    """20,000 instances with UIDs of full length are taken."""
    many = [(CT, f"1.2.826.0.1.3680043.8.498.{number:030}") for number in range(20_000)]
    assert request(port, information(*many)) == (0x0000, "")
    [(_, submitted)] = asked.submitted
    assert len(submitted["instances"]) == 20_000

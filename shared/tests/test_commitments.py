# SPDX-License-Identifier: Apache-2.0
"""Requests for storage commitment and their reports, which any process hears and shows."""

import pytest

from pons.bus import Bus
from pons.errors import NotFound, TooLarge
from pons.messages.egress import Reference
from pons.remotes.commitments import (
    Commitments,
    Failed,
    Reported,
    new_transaction_uid,
)

pytestmark = pytest.mark.anyio

CT = "1.2.840.10008.5.1.4.1.1.2"
ONE, TWO = Reference(CT, "1.2.1"), Reference(CT, "1.2.2")


async def test_a_modality_that_keeps_everything(bus: Bus) -> None:
    """What one process asks for is pending, until another one has heard the report."""
    asking, hearing = Commitments(bus, 10), Commitments(bus, 10)
    uid = new_transaction_uid()
    assert (await asking.begin(uid, "PACS", [ONE, TWO, ONE])).status == "Pending"
    assert await asking.reported(uid) == Reported()
    await hearing.report(uid, Reported([ONE, TWO]))
    found = await asking.find(uid)
    assert (found.remote_aet, found.status) == ("PACS", "Success")
    assert await asking.reported(uid) == Reported([ONE, TWO])


async def test_a_modality_that_keeps_not_all(bus: Bus) -> None:
    """Its reasons are kept; what it does not mention is a failure too."""
    commitments, uid = Commitments(bus, 10), new_transaction_uid()
    await commitments.begin(uid, "PACS", [ONE, TWO])
    failed = Failed(TWO, 0x0112)
    assert (await commitments.report(uid, Reported([ONE], [failed]))).status == "Failure"
    assert await commitments.reported(uid) == Reported([ONE], [failed])
    assert (await commitments.report(uid, Reported([ONE]))).status == "Failure"
    assert await commitments.reported(uid) == Reported([ONE], [Failed(TWO, 0x0110)])


async def test_a_modality_that_tells_of_more(bus: Bus) -> None:
    """What it was not asked for is not kept: what is kept may be deleted here."""
    commitments, uid = Commitments(bus, 10), new_transaction_uid()
    await commitments.begin(uid, "PACS", [ONE])
    assert (await commitments.report(uid, Reported([ONE, TWO]))).status == "Success"
    assert await commitments.reported(uid) == Reported([ONE])


async def test_asking_again(bus: Bus) -> None:
    """A job that goes on finds the report that came before."""
    commitments, uid = Commitments(bus, 10), new_transaction_uid()
    await commitments.begin(uid, "PACS", [ONE])
    await commitments.report(uid, Reported([ONE]))
    assert (await commitments.begin(uid, "PACS", [ONE])).status == "Success"


async def test_old_ones_go(bus: Bus) -> None:
    """There are never more than the setting says, and the oldest one goes first."""
    commitments = Commitments(bus, 2)
    uids = [new_transaction_uid() for _ in range(3)]
    for uid in uids:
        await commitments.begin(uid, "PACS", [ONE])
    with pytest.raises(NotFound):
        await commitments.find(uids[0])
    for uid in uids[1:]:
        assert (await commitments.find(uid)).uid == uid


@pytest.mark.parametrize("uid", ["1.2.3", "2.25.", "2.25.*", "2.25.1.2", "2.25.>", "2.25.77"])
async def test_unknown_transactions(bus: Bus, uid: str) -> None:
    """A report of nobody's request is refused, and so is what could be a wildcard."""
    commitments = Commitments(bus, 10)
    with pytest.raises(NotFound):
        await commitments.report(uid, Reported([ONE]))
    with pytest.raises(NotFound):
        await commitments.find(uid)


async def test_many_instances(bus: Bus) -> None:
    """50,000 fit; what does not is refused before anybody is asked."""
    commitments, uid = Commitments(bus, 10), new_transaction_uid()
    many = [Reference(CT, f"1.2.826.0.1.3680043.8.498.{number}") for number in range(50_000)]
    await commitments.begin(uid, "PACS", many)
    assert (await commitments.report(uid, Reported(many))).status == "Success"
    random = [Reference(CT, new_transaction_uid()) for _ in range(60_000)]
    with pytest.raises(TooLarge, match="ask for fewer"):
        await commitments.begin(new_transaction_uid(), "PACS", random)

# SPDX-License-Identifier: Apache-2.0
"""Storage commitment as SCU: what a modality is asked, by a command and behind a job."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE, evt

from pons.bus import Bus
from pons.bus.requests import answer_commands, ask
from pons.errors import BadRequest, NotFound, PonsError, RemoteFailure
from pons.messages.egress import Commitment, Reference, RequestCommitment
from pons.remotes.commitments import Commitments, Reported, new_transaction_uid
from pons.remotes.modalities import open_modalities
from pons.settings import Settings
from pons_egress.peer import Peer
from pons_egress.scu.commitment import CommitmentRequests
from pons_egress.scu.threads import open_threads
from pons_testing.scp import serving

pytestmark = pytest.mark.anyio

PUSH = "1.2.840.10008.1.20.1"
CT, EXPLICIT = str(CTImageStorage), str(ExplicitVRLittleEndian)


@dataclass
class Archive:
    """An SCP of storage commitment, and of CT images."""

    port: int = 0
    status: int = 0
    asked: list[tuple[str, list[tuple[str, str]]]] = field(default_factory=list)

    def act(self, event: evt.Event) -> tuple[int, Dataset | None]:
        assert (event.action_type, event.request.RequestedSOPInstanceUID) == (1, f"{PUSH}.1")
        told = event.action_information
        with disable_value_validation():
            names = [
                (str(item.ReferencedSOPClassUID), str(item.ReferencedSOPInstanceUID))
                for item in told.ReferencedSOPSequence
            ]
        self.asked.append((str(told.TransactionUID), names))
        return self.status, None


@contextmanager
def archive(*contexts: str) -> Iterator[Archive]:
    there, entity = Archive(), AE("PEER")
    for uid in contexts or (PUSH, CT):
        entity.add_supported_context(uid)
    taking = (evt.EVT_C_STORE, lambda _: 0)
    with serving(entity, (evt.EVT_N_ACTION, there.act), taking) as there.port:
        yield there


@asynccontextmanager
async def requests(bus: Bus, store: Any, port: int) -> AsyncIterator[CommitmentRequests]:
    settings = Settings(modalities={"pacs": ["PEER", "127.0.0.1", port]})
    async with (
        open_modalities(bus, settings) as modalities,
        open_threads(settings.egress) as threads,
    ):
        yield CommitmentRequests(threads, Commitments(bus, 10), modalities, store, settings)


async def request(bus: Bus, store: Any, port: int, command: RequestCommitment) -> str:
    """As the gateway asks for it."""
    async with requests(bus, store, port) as asking:
        await answer_commands(bus, "egress", {RequestCommitment: asking})
        return (await ask(bus, "egress", command, Commitment)).transaction_uid


def error_of(group: pytest.ExceptionInfo[ExceptionGroup]) -> str:
    inner: BaseException = group.value
    while isinstance(inner, BaseExceptionGroup):
        (inner,) = inner.exceptions
    assert isinstance(inner, PonsError)
    return str(inner)


async def test_resources_and_instances(bus: Bus, store: Any, image: Any) -> None:
    """Instances of resources, and those that are named, are asked for once each."""
    first = await store.add_dataset(image(1))
    await store.add_dataset(image(2))
    command = RequestCommitment(
        "pacs",
        ["study", first.instance_id],
        [Reference(CT, "1.2.3.4.1"), Reference("nope", "nope2")],
    )
    with archive() as there:
        uid = await request(bus, store, there.port, command)
    assert there.asked == [(uid, [(CT, "1.2.3.4.1"), (CT, "1.2.3.4.2"), ("nope", "nope2")])]
    transaction = await Commitments(bus, 10).find(uid)
    assert (transaction.remote_aet, transaction.status) == ("PEER", "Pending")


async def test_a_modality_that_refuses(bus: Bus, store: Any) -> None:
    """Its status is told, and no report is expected."""
    command = RequestCommitment("pacs", instances=[Reference(CT, "1.2")])
    with archive() as there:
        there.status = 0x0213
        with pytest.raises(ExceptionGroup) as error:
            await request(bus, store, there.port, command)
    assert error.group_contains(RemoteFailure)
    assert "answered N-ACTION with status 0x0213: Resource Limitation" in error_of(error)
    with pytest.raises(NotFound):
        await Commitments(bus, 10).find(there.asked[0][0])


async def test_a_modality_without_commitment(bus: Bus, store: Any) -> None:
    """It is told as such."""
    command = RequestCommitment("pacs", instances=[Reference(CT, "1.2")])
    with archive(CT) as there, pytest.raises(ExceptionGroup) as error:
        await request(bus, store, there.port, command)
    assert "accepts no presentation context for Storage Commitment Push" in error_of(error)


async def test_nothing_to_ask_for(bus: Bus, store: Any) -> None:
    """An unknown resource, and one without instances, are refused."""
    for resource, kind in (("nobody", NotFound), ("study", BadRequest)):
        with pytest.raises(ExceptionGroup) as error:
            await request(bus, store, 1, RequestCommitment("pacs", [resource]))
        assert error.group_contains(kind)


async def test_asking_again(bus: Bus, store: Any) -> None:
    """A transaction that is asked for twice is no error; one that was reported is not asked for."""
    with archive() as there:
        async with requests(bus, store, there.port) as asking:
            peer = Peer("pacs", "PONS", "PEER", "127.0.0.1", there.port, 10)
            uid = new_transaction_uid()
            await asking.ask(peer, uid, [Reference(CT, "1.2")])
            there.status = 0x0131
            await asking.ask(peer, uid, [Reference(CT, "1.2")])
            await Commitments(bus, 10).report(uid, Reported([Reference(CT, "1.2")]))
            await asking.ask(peer, uid, [Reference(CT, "1.2")])
    assert len(there.asked) == 2


async def test_a_job_that_asks_in_the_end(
    bus: Bus, store: Any, index: Any, sending: Any, image: Any
) -> None:
    """After the last instance the peer is asked to keep them all, under the job's transaction."""
    for number in (1, 2):
        await store.add_dataset(image(number))
    uid = new_transaction_uid()
    with archive() as there:
        async with (
            requests(bus, store, there.port) as asking,
            sending(bus, store, there.port, commit=asking.ask) as sender,
        ):
            job = await sender.send(there.port, transaction_uid=uid)
    assert (job.document.state, job.document.error_details) == ("Success", "")
    assert job.content["StorageCommitmentTransactionUID"] == uid
    assert there.asked == [(uid, [(CT, "1.2.3.4.1"), (CT, "1.2.3.4.2")])]
    assert (await Commitments(bus, 10).find(uid)).status == "Pending"


async def test_a_job_whose_peer_does_not_commit(
    bus: Bus, store: Any, index: Any, sending: Any, image: Any
) -> None:
    """It fails, although the instances have arrived."""
    await store.add_dataset(image(1))
    with archive(CT) as there:
        async with (
            requests(bus, store, there.port) as asking,
            sending(bus, store, there.port, commit=asking.ask) as sender,
        ):
            job = await sender.send(there.port, transaction_uid=new_transaction_uid())
    assert (job.document.state, job.document.error_code) == ("Failure", 9)
    assert "Storage Commitment Push Model" in job.document.error_details

# SPDX-License-Identifier: Apache-2.0
"""The jobs that retrieve, towards nodes that behave and nodes that do not."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    CTImageStorage,
    EncapsulatedPDFStorage,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    MRImageStorage,
)
from pynetdicom import AE, AllStoragePresentationContexts, build_context, evt

from pons.bus import Bus
from pons.errors import InvalidInstance, Unavailable
from pons.jobs import RetrieveRequest
from pons_egress.scu.offers import COMMON
from pons_testing.scp import serving
from pons_testing.waiting import until

pytestmark = pytest.mark.anyio

MODELS = (
    "1.2.840.10008.5.1.4.1.2.1.2",
    "1.2.840.10008.5.1.4.1.2.1.3",
    "1.2.840.10008.5.1.4.1.2.2.2",
    "1.2.840.10008.5.1.4.1.2.2.3",
)
CT, MR, PDF = str(CTImageStorage), str(MRImageStorage), str(EncapsulatedPDFStorage)


EXPLICIT = str(ExplicitVRLittleEndian)
SYNTAXES = [EXPLICIT, JPEG2000Lossless]


def study(name: str) -> dict[str, str]:
    """The study `s1` has a UID that ends in 1."""
    return {"00080052": "STUDY", "0020000D": f"1.2.840.{name[1:]}"}


@dataclass
class Node:
    """A Q/R SCP: what it has by the name of the study, and what it was asked."""

    port: int = 0
    target: int = 0
    """Where it moves to, on this machine."""
    studies: dict[str, list[Dataset]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    associations: int = 0
    cancelled: threading.Event = field(default_factory=threading.Event)
    waiting: threading.Event = field(default_factory=threading.Event)
    """Set when a request waits for `go_on`."""
    go_on: threading.Event = field(default_factory=threading.Event)
    wait_for: str = ""
    """The study whose request waits, after its first instance."""
    abort_for: str = ""
    """The study whose first request breaks the association."""
    abort_amid: str = ""
    """The study whose first request breaks it after one instance."""

    def get(self, event: evt.Event) -> Iterator[Any]:
        found = self._found(event)
        yield len(found)
        yield from self._send(event, found)

    def move(self, event: evt.Event) -> Iterator[Any]:
        found = self._found(event)
        yield "127.0.0.1", self.target, {"contexts": [build_context(CT, EXPLICIT)]}
        yield len(found)
        yield from self._send(event, found)

    def _found(self, event: evt.Event) -> list[Dataset]:
        uid = event.identifier.get("StudyInstanceUID")
        name = str(event.identifier.PatientID) if uid is None else f"s{uid.rpartition('.')[2]}"
        self.asked.append(name)
        return self.studies.get(name, [])

    def _send(self, event: evt.Event, found: list[Dataset]) -> Iterator[Any]:
        name = self.asked[-1]
        if name == self.abort_for:
            self.abort_for = ""
            event.assoc.abort()
            return
        for number, dataset in enumerate(found):
            if name == self.abort_amid and number == 1:
                self.abort_amid = ""
                event.assoc.abort()
                return
            if name == self.wait_for and number == 1:
                self.waiting.set()
                while not self.go_on.wait(0.02):
                    if event.is_cancelled:  # true only once
                        self.cancelled.set()
                        yield 0xFE00, None
                        return
            yield 0xFF00, dataset

    def accepted(self, _event: evt.Event) -> None:
        self.associations += 1


@contextmanager
def node(**studies: list[Dataset]) -> Iterator[Node]:
    """A node on a free port; `s1=[...]` is the study `s1`."""
    there = Node(studies=dict(studies))
    entity = AE("PEER")
    for model in MODELS:
        entity.add_supported_context(model)
    for context in AllStoragePresentationContexts:
        uid = str(context.abstract_syntax)
        entity.add_supported_context(uid, SYNTAXES, scu_role=True, scp_role=True)
    handlers: Any = [
        (evt.EVT_C_GET, there.get),
        (evt.EVT_C_MOVE, there.move),
        (evt.EVT_ACCEPTED, there.accepted),
    ]
    with serving(entity, *handlers) as there.port:
        try:
            yield there
        finally:
            there.go_on.set()


async def test_large_instances_are_spooled(bus: Bus, retrieving: Any, image: Any) -> None:
    """What has more than 8 MiB never is in memory as a whole, and arrives as it is."""
    large = image(1, PixelData=bytes(range(256)) * 40_000)
    with node(s1=[large, image(2)]) as there:
        async with retrieving(bus, there.port) as retriever:
            job = await retriever.get(study("s1"))
    assert (job.document.state, job.document.error_details) == ("Success", "")
    assert [len(one) for one in retriever.kept] == [retriever.spooled[0], len(retriever.kept[1])]
    assert retriever.kept[0].endswith(bytes(range(256)) * 40_000)
    assert retriever.uids == ["1.2.3.4.1", "1.2.3.4.2"]


async def test_classes_of_a_second_association(bus: Bus, retrieving: Any, image: Any) -> None:
    """Instances of classes beyond the first 127 come over another association, each one once."""
    rare = max({str(one.abstract_syntax) for one in AllStoragePresentationContexts} - COMMON)
    images = [image(1), image(2, SOPClassUID=rare), image(3, SOPClassUID=MR)]
    with node(s1=images, s2=[image(4)]) as there:
        async with retrieving(bus, there.port) as retriever:
            job = await retriever.get(study("s1"), study("s2"))
    assert (job.document.state, job.document.error_details) == ("Success", "")
    assert sorted(retriever.uids) == ["1.2.3.4.1", "1.2.3.4.2", "1.2.3.4.3", "1.2.3.4.4"]
    assert [len(one["ReceivedInstancesIds"]) for one in job.content["Details"]] == [3, 1]
    assert job.content["NumberOfCompletedSuboperations"] == 4
    assert job.content["NumberOfFailedSuboperations"] == 0
    assert there.asked == ["s1", "s1", "s2"]


async def test_images_in_one_compressed_syntax(bus: Bus, retrieving: Any, image: Any) -> None:
    """What a peer cannot re-encode comes as it has it, and what came before is not kept twice."""
    packed = image(2, JPEG2000Lossless, PixelData=encapsulate([bytes(64)]))
    packed["PixelData"].VR = "OB"
    with node(s1=[image(1), packed]) as there:
        async with retrieving(bus, there.port) as retriever:
            job = await retriever.get(study("s1"))
    assert (job.document.state, job.document.error_details) == ("Success", "")
    assert retriever.uids == ["1.2.3.4.1", "1.2.3.4.2"]
    assert JPEG2000Lossless.encode() in retriever.kept[1][:1000]
    [told] = job.content["Details"]
    assert (told["DimseErrorStatus"], len(told["ReceivedInstancesIds"])) == (0, 2)
    assert job.content["NumberOfCompletedSuboperations"] == 2
    assert job.content["NumberOfFailedSuboperations"] == 0


async def test_an_instance_that_nobody_takes(bus: Bus, retrieving: Any, image: Any) -> None:
    """What no association can bring is a failure, although the rest has come."""
    with node(s1=[image(1), image(2, SOPClassUID=PDF)]) as there:
        async with retrieving(bus, there.port) as retriever:
            retriever.classes = [CT]
            job = await retriever.get(study("s1"))
    assert (job.document.state, job.document.error_code) == ("Failure", 9)
    assert "C-GET with status 0xB000" in job.document.error_details
    assert "1 of 2 instances failed" in job.document.error_details
    [told] = job.content["Details"]
    assert (told["DimseErrorStatus"], len(told["ReceivedInstancesIds"])) == (0xB000, 1)


async def test_an_instance_that_is_refused_here(bus: Bus, retrieving: Any, image: Any) -> None:
    """The peer hears so, the job fails with the reason, and no other association is tried."""
    with node(s1=[image(1), image(2)]) as there:
        async with retrieving(bus, there.port) as retriever:
            retriever.failure = InvalidInstance("it is no good")
            job = await retriever.get(study("s1"))
    assert (job.document.state, job.document.error) == ("Failure", "InvalidInstance")
    told = "1 instances that it sent were not kept, the first 1.2.3.4.1: it is no good"
    assert told in job.document.error_details
    assert (retriever.uids, there.asked) == (["1.2.3.4.2"], ["s1"])
    assert job.content["NumberOfFailedSuboperations"] == 1


async def test_the_store_is_away(bus: Bus, retrieving: Any, image: Any) -> None:
    """What cannot be kept for a while is asked for again, until it can."""
    with node(s1=[image(1), image(2)]) as there:
        async with retrieving(bus, there.port) as retriever:
            retriever.failure = Unavailable("NATS does not answer")
            job = await retriever.get(study("s1"))
    assert job.document.state == "Success"
    assert (retriever.uids, there.asked) == (["1.2.3.4.1", "1.2.3.4.2"], ["s1", "s1"])


@pytest.mark.parametrize("permissive", [False, True])
async def test_a_peer_that_aborts_while_the_store_is_away(
    bus: Bus, retrieving: Any, image: Any, permissive: bool
) -> None:
    """It does so because we refuse: that is no failure of the peer, and no study is left out."""
    with node(s1=[image(1), image(2)], s2=[image(3)]) as there:
        there.abort_amid = "s1"
        async with retrieving(bus, there.port) as retriever:
            retriever.failure = Unavailable("NATS does not answer")
            job = await retriever.get(study("s1"), study("s2"), permissive=permissive)
    assert (job.document.state, job.document.error_details) == ("Success", "")
    assert there.asked == ["s1", "s1", "s2"]
    assert retriever.uids == ["1.2.3.4.1", "1.2.3.4.2", "1.2.3.4.3"]
    assert job.content["FailedResourcesCount"] == 0


async def test_instances_that_arrive_with_a_warning(
    bus: Bus, retrieving: Any, image: Any, listening: Any
) -> None:
    """A peer ends C-MOVE with 0xB000 then, too: all have arrived, and the job is a success."""
    with listening((CT, [EXPLICIT])) as target, node(s1=[image(1), image(2)]) as there:
        target.statuses, there.target = [0xB000, 0x0000], target.port
        async with retrieving(bus, there.port) as retriever:
            job = await retriever.move("PONS", study("s1"))
            assert (job.document.state, job.document.error_details) == ("Success", "")
            [told] = job.content["Details"]
            assert (told["DimseErrorStatus"], "Reason" in told) == (0xB000, False)
            assert job.content["NumberOfWarningSuboperations"] == 1
            target.statuses = [0xB000, 0xC000]
            job = await retriever.move("PONS", study("s1"))
    assert (job.document.state, job.document.error_code) == ("Failure", 9)
    assert "1 of 2 instances failed" in job.document.error_details


@pytest.mark.parametrize("method", ["C-GET", "C-MOVE"])
async def test_cancel(bus: Bus, retrieving: Any, image: Any, listening: Any, method: Any) -> None:
    """A job that is cancelled sends C-CANCEL, and ends."""
    with listening((CT, [EXPLICIT])) as target, node(s1=[image(1), image(2)]) as there:
        there.wait_for, there.target = "s1", target.port
        async with retrieving(bus, there.port) as retriever:
            request = RetrieveRequest("pacs", method, [study("s1")], target_aet="PONS")
            job_id = await retriever.submit(request)
            await until(there.waiting.is_set)
            await retriever.jobs.cancel(job_id)
            job = await retriever.jobs.wait_for(job_id, 60)
            await until(there.cancelled.is_set)
    assert (job.document.state, job.document.error_code) == ("Failure", 37)


async def test_a_job_goes_on_behind_what_was_done(bus: Bus, retrieving: Any, image: Any) -> None:
    """A worker that ends gives the job back; the next one begins with the resource in flight."""
    with node(s1=[image(1)], s2=[image(2), image(3)]) as there:
        there.wait_for = "s2"
        async with retrieving(bus, there.port) as retriever:
            request = RetrieveRequest("pacs", "C-GET", [study("s1"), study("s2")])
            job_id = await retriever.submit(request)
            await until(there.waiting.is_set)
        there.go_on.set()
        async with retrieving(bus, there.port) as second:
            job = await second.jobs.wait_for(job_id, 60)
    assert job.document.state == "Success"
    assert there.asked == ["s1", "s2", "s2"]
    assert second.uids == ["1.2.3.4.2", "1.2.3.4.3"]
    assert [len(one["ReceivedInstancesIds"]) for one in job.content["Details"]] == [1, 2]
    assert job.content["NumberOfCompletedSuboperations"] == 3


async def test_pause_and_resume(bus: Bus, retrieving: Any, image: Any) -> None:
    """A job that is to rest tells the peer so, and takes the resource up again later."""
    with node(s1=[image(1), image(2)]) as there:
        there.wait_for = "s1"
        async with retrieving(bus, there.port) as retriever:
            job_id = await retriever.submit(RetrieveRequest("pacs", "C-GET", [study("s1")]))
            await until(there.waiting.is_set)
            await retriever.jobs.pause(job_id)
            await retriever.until(job_id, "Paused")
            await until(there.cancelled.is_set)
            there.go_on.set()
            await retriever.jobs.resume(job_id)
            job = await retriever.jobs.wait_for(job_id, 60)
    assert job.document.state == "Success"
    assert there.asked == ["s1", "s1"]
    assert retriever.uids == ["1.2.3.4.1", "1.2.3.4.1", "1.2.3.4.2"]
    assert len(job.content["Details"][0]["ReceivedInstancesIds"]) == 2


async def test_progress(bus: Bus, retrieving: Any, image: Any) -> None:
    """The sub-operations that the peer counts are in the job before it has ended."""
    with node(s1=[image(1), image(2)]) as there:
        there.wait_for = "s1"
        async with retrieving(bus, there.port) as retriever:
            job_id = await retriever.submit(RetrieveRequest("pacs", "C-GET", [study("s1")]))
            await until(there.waiting.is_set)
            deadline = time.monotonic() + 60
            while True:
                job = await retriever.jobs.get(job_id)
                if job.content.get("NumberOfCompletedSuboperations") == 1:
                    break
                assert time.monotonic() < deadline
                await asyncio.sleep(0.05)
            assert job.content["NumberOfRemainingSuboperations"] == 1
            assert job.document.progress == 0.5
            there.go_on.set()
            job = await retriever.jobs.wait_for(job_id, 60)
    assert job.content["NumberOfRemainingSuboperations"] == 0


async def test_a_peer_that_falls_silent(bus: Bus, retrieving: Any, image: Any) -> None:
    """It is cut off after its timeout, and named."""
    with node(s1=[image(1), image(2)]) as there:
        there.wait_for = "s1"
        async with retrieving(bus, there.port) as retriever:
            job = await retriever.get(study("s1"), timeout=2)
    assert (job.document.state, job.document.error_code) == ("Failure", 9)
    assert "no answer within 2 s" in job.document.error_details


async def test_a_peer_that_aborts(bus: Bus, retrieving: Any, image: Any) -> None:
    """The job ends with what the peer did; a permissive one goes on with the next resource."""
    with node(s1=[image(1)], s2=[image(2)]) as there:
        there.abort_for = "s1"
        async with retrieving(bus, there.port) as retriever:
            job = await retriever.get(study("s1"), study("s2"))
            assert (job.document.state, job.document.error_code) == ("Failure", 9)
            assert "aborted by" in job.document.error_details
            there.abort_for = "s1"
            job = await retriever.get(study("s1"), study("s2"), permissive=True)
    assert job.document.state == "Success"
    assert job.content["FailedResourcesCount"] == 1
    first, second = job.content["Details"]
    assert (first["DimseErrorStatus"], "aborted by" in first["Reason"]) == (None, True)
    assert (second["DimseErrorStatus"], "Reason" in second) == (0, False)
    assert there.associations == 3


async def test_text_beyond_ascii(bus: Bus, retrieving: Any, image: Any) -> None:
    """A patient's identifier arrives whatever letters it has."""
    with node() as there:
        there.studies["Jörg"] = [image(1)]
        async with retrieving(bus, there.port) as retriever:
            job = await retriever.get({"00080052": "PATIENT", "00100020": "Jörg"})
    assert (job.document.state, there.asked) == ("Success", ["Jörg"])
    assert retriever.uids == ["1.2.3.4.1"]

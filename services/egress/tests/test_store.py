# SPDX-License-Identifier: Apache-2.0
"""The job `DicomModalityStore`, towards peers that behave and peers that do not."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

import pydicom
import pytest
import zstandard
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    MRImageStorage,
)
from pynetdicom import AllStoragePresentationContexts

from pons.bus import Bus
from pons.bus.requests import answer_commands
from pons.jobs import DeadLetters, Job, StoreRequest, submit_store
from pons.jobs.store import ROUTING
from pons.messages.index import Export, LogExports
from pons.messages.modality import Modality
from pons.messages.services import Done
from pons.settings import JobsSettings

pytestmark = pytest.mark.anyio

EXPLICIT, IMPLICIT = str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian)
BIG_ENDIAN, DEFLATED = str(ExplicitVRBigEndian), str(DeflatedExplicitVRLittleEndian)
CT, MR = str(CTImageStorage), str(MRImageStorage)
ACCEPTS_CT = (CT, [EXPLICIT, IMPLICIT])
QUICK = JobsSettings(retries=3, retry_delay=0.05)


def dataset_of(file: bytes) -> bytes:
    """Everything behind the meta header, whose length is right in files that pydicom wrote."""
    return file[144 + int.from_bytes(file[140:144], "little") :]


def outcome(job: Job) -> tuple[str, int, int, int]:
    content = job.content
    return (
        job.document.state,
        job.document.error_code,
        content["InstancesCount"],
        content["FailedInstancesCount"],
    )


async def test_a_study_goes_over_one_association(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any, file_of: Any
) -> None:
    """Instances arrive byte for byte, in order, over one association that is released."""
    images = [image(1), image(2, IMPLICIT), image(3, SOPClassUID=MR)]
    for one in images:
        await store.add_dataset(one)
    accepted = (ACCEPTS_CT, (MR, [EXPLICIT]))
    with listening(*accepted) as peer:
        async with sending(bus, store, peer.port) as sender:
            job = await sender.send(peer.port)
    assert peer.datasets == [dataset_of(file_of(one)) for one in images]
    assert peer.sop_instance_uids == ["1.2.3.4.1", "1.2.3.4.2", "1.2.3.4.3"]
    assert peer.associations == [("PONS", "PEER")]
    assert peer.ended == ["released"]
    assert (job.document.state, job.document.progress) == ("Success", 1.0)
    assert job.content == {
        "Description": "REST API",
        "LocalAet": "PONS",
        "RemoteAet": "PEER",
        "ParentResources": ["study"],
        "InstancesCount": 3,
        "FailedInstancesCount": 0,
    }
    assert [rows(export) for export in index.exports] == [("Study", "study", "1.2.3")]
    assert {(one.job_id, one.modality) for one in index.told} == {(job.document.id, "pacs")}


async def test_names_and_move_originator(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any
) -> None:
    """The request's AE titles and address win, and a move's originator is named to the peer."""
    await store.add_dataset(image())
    with listening(ACCEPTS_CT) as peer:
        async with sending(bus, store, 1, Host="192.0.2.1") as sender:
            job = await sender.send(
                1,
                local_aet="ME",
                called_aet="YOU",
                host="localhost",
                port=peer.port,
                move_originator_aet="MOVER",
                move_originator_id=42,
            )
    assert job.document.state == "Success"
    assert peer.associations == [("ME", "YOU")]
    (request,) = peer.requests
    assert request.MoveOriginatorApplicationEntityTitle == "MOVER"
    assert request.MoveOriginatorMessageID == 42
    assert (job.content["LocalAet"], job.content["RemoteAet"]) == ("ME", "YOU")
    assert (job.content["MoveOriginatorAET"], job.content["MoveOriginatorID"]) == ("MOVER", 42)


async def test_many_small_fragments(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any, file_of: Any
) -> None:
    """A dataset of several megabytes arrives whole through PDUs of 16 KB."""
    large = image(1, PixelData=bytes(range(256)) * 12_000)
    await store.add_dataset(large)
    with listening(ACCEPTS_CT) as peer:
        async with sending(bus, store, peer.port) as sender:
            job = await sender.send(peer.port)
    assert job.document.state == "Success"
    assert peer.datasets == [dataset_of(file_of(large))]


@pytest.mark.parametrize(
    ("own", "accepted"),
    [
        (EXPLICIT, IMPLICIT),
        (IMPLICIT, EXPLICIT),
        (BIG_ENDIAN, EXPLICIT),
        (BIG_ENDIAN, IMPLICIT),
        (DEFLATED, EXPLICIT),
        (DEFLATED, IMPLICIT),
    ],
)
async def test_a_peer_that_takes_the_other_encoding(
    bus: Bus,
    store: Any,
    index: Any,
    listening: Any,
    sending: Any,
    image: Any,
    own: str,
    accepted: str,
) -> None:
    """An uncompressed instance is re-encoded when the peer accepts nothing else, and only then."""
    one = image(1, own, PixelData=bytes(range(256)) * 5000)
    item = pydicom.Dataset()
    item.CodeValue = "1"
    one.ConceptNameCodeSequence = [item]
    one.add_new(0x00091001, "UN", b"private!")
    one.add_new(0x00090010, "LO", "MAKER")
    one.SmallestImagePixelValue = 7
    await store.add_dataset(one)
    with listening((CT, [accepted])) as peer:
        async with sending(bus, store, peer.port) as sender:
            job = await sender.send(peer.port)
    assert job.document.state == "Success"
    implicit = accepted == IMPLICIT
    (received,) = peer.datasets
    arrived = pydicom.filereader.read_dataset(BytesIO(received), implicit, True)
    pixels = bytearray(one.PixelData)
    if own == BIG_ENDIAN:
        pixels[::2], pixels[1::2] = pixels[1::2], pixels[::2]
    assert arrived.PixelData == pixels
    assert arrived.PatientName == "DOE^JANE"
    assert arrived.ConceptNameCodeSequence[0].CodeValue == "1"
    assert arrived.SmallestImagePixelValue == 7
    assert bytes(arrived[0x00091001].value) == b"private!"
    assert [int(element.tag) for element in arrived] == [int(element.tag) for element in one]


async def test_a_syntax_that_is_not_accepted(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any
) -> None:
    """What cannot be re-encoded and is not accepted fails, naming the class and both syntaxes."""
    one = image(2)
    await store.add_dataset(image(1))
    content = b"\0" * 200
    one.file_meta.TransferSyntaxUID = syntax = str(JPEGBaseline8Bit)
    await store.add(content, one)
    with listening((CT, [EXPLICIT])) as peer:
        async with sending(bus, store, peer.port) as sender:
            job = await sender.send(peer.port)
    assert outcome(job) == ("Failure", 9, 2, 0)
    name = pydicom.uid.UID(syntax).name
    assert job.document.error_details == (
        f"Modality 'pacs' (PEER at 127.0.0.1:{peer.port}): accepts CT Image Storage in "
        f"Explicit VR Little Endian, but not in {name}"
    )
    assert peer.ended == ["released"]


async def test_no_context_at_all(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any
) -> None:
    """A peer that knows nothing of the SOP class is named, with the class in words."""
    await store.add_dataset(image())
    with listening((MR, [EXPLICIT])) as peer:
        async with sending(bus, store, peer.port) as sender:
            job = await sender.send(peer.port)
    assert job.document.error_code == 9
    assert "accepts no presentation context for CT Image Storage" in job.document.error_details


async def test_a_rejected_association(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any
) -> None:
    """A rejection is told with its reason in words, and is not tried again."""
    await store.add_dataset(image())
    with listening(ACCEPTS_CT, called_aet="SOMEBODY") as peer:
        async with sending(bus, store, peer.port) as sender:
            job = await sender.send(peer.port)
    assert outcome(job) == ("Failure", 9, 1, 0)
    assert job.document.error_details == (
        f"Modality 'pacs' (PEER at 127.0.0.1:{peer.port}): association rejected: Called AE title "
        "not recognised (Rejected (Permanent), DUL service-user)"
    )


async def test_nobody_listens(bus: Bus, store: Any, index: Any, sending: Any, image: Any) -> None:
    """A peer that is down is told with its address, at once, also when failures are permitted."""
    await store.add_dataset(image())
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        async with sending(bus, store, port) as sender:
            job = await sender.send(port, permissive=True)
    assert outcome(job) == ("Failure", 9, 1, 0)
    assert f"connection refused by 127.0.0.1:{port}" in job.document.error_details


async def test_an_unknown_host(bus: Bus, store: Any, index: Any, sending: Any, image: Any) -> None:
    """A host name that does not exist is told as such."""
    await store.add_dataset(image())
    async with sending(bus, store, 104, Host="no-such-host.invalid") as sender:
        job = await sender.send(104)
    assert job.document.error_code == 9
    assert "host 'no-such-host.invalid' is not known" in job.document.error_details


async def test_an_abort_in_the_middle(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any
) -> None:
    """A peer that aborts ends the job; what it had taken before is in the exports log."""
    for number in (1, 2, 3):
        await store.add_dataset(image(number))
    with listening(ACCEPTS_CT) as peer:
        peer.before_answer = lambda event: event.assoc.abort() if len(peer.requests) == 2 else None
        async with sending(bus, store, peer.port) as sender:
            job = await sender.send(peer.port)
    assert outcome(job) == ("Failure", 9, 3, 0)
    assert "aborted by DUL service-user" in job.document.error_details
    assert job.document.position["done"] == 1
    assert [export.sop_instance_uid for export in index.exports] == ["1.2.3.4.1"]


async def test_an_abort_that_is_permitted(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any
) -> None:
    """In permissive mode an abort costs one instance; the rest goes over another association."""
    for number in (1, 2, 3):
        await store.add_dataset(image(number))
    with listening(ACCEPTS_CT) as peer:
        peer.before_answer = lambda event: event.assoc.abort() if len(peer.requests) == 2 else None
        async with sending(bus, store, peer.port) as sender:
            job = await sender.send(peer.port, permissive=True)
    assert outcome(job) == ("Success", 0, 3, 1)
    assert peer.sop_instance_uids == ["1.2.3.4.1", "1.2.3.4.2", "1.2.3.4.3"]
    assert len(peer.associations) == 2


async def test_a_failure_status(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any
) -> None:
    """A peer without room ends the job with the status in words; a warning before it is fine."""
    for number in (1, 2, 3):
        await store.add_dataset(image(number))
    with listening(ACCEPTS_CT) as peer:
        peer.statuses = [0xB000, 0xA700]
        async with sending(bus, store, peer.port) as sender:
            job = await sender.send(peer.port)
    assert outcome(job) == ("Failure", 9, 3, 0)
    assert job.document.error_details == (
        f"Modality 'pacs' (PEER at 127.0.0.1:{peer.port}): refused CT Image Storage 1.2.3.4.2 "
        "with status 0xA700: Refused: Out of Resources"
    )
    assert peer.ended == ["released"]
    assert [export.sop_instance_uid for export in index.exports] == ["1.2.3.4.1"]


async def test_failures_that_are_permitted(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any
) -> None:
    """In permissive mode a refused instance is counted, and not in the exports log."""
    for number in (1, 2, 3):
        await store.add_dataset(image(number))
    with listening(ACCEPTS_CT) as peer:
        peer.statuses = [0, 0xC000, 0xB007]
        async with sending(bus, store, peer.port) as sender:
            job = await sender.send(peer.port, permissive=True)
    assert outcome(job) == ("Success", 0, 3, 1)
    assert len(peer.associations) == 1
    assert [e.sop_instance_uid for e in index.exports] == ["1.2.3.4.1", "1.2.3.4.3"]


@asynccontextmanager
async def silent(answer: bytes = b"") -> AsyncIterator[int]:
    """A server that says `answer` to whoever connects, then nothing, and reads nothing."""

    async def hold(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.Event().wait()

    holding = set()

    def hold_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(hold(reader, writer))
        holding.add((task, writer))

    server = await asyncio.start_server(hold_on, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        for task, writer in holding:
            task.cancel()
            writer.transport.abort()
        server.close()
        await server.wait_closed()


async def test_a_peer_that_does_not_answer(
    bus: Bus, store: Any, index: Any, sending: Any, image: Any
) -> None:
    """A peer that takes the connection and says nothing costs the timeout, no more."""
    await store.add_dataset(image())
    started = time.monotonic()
    async with silent() as port, sending(bus, store, port) as sender:
        job = await sender.send(port, timeout=0.5)
    assert job.document.error_code == 9
    assert "no answer to the association request within 0.5 s" in job.document.error_details
    assert time.monotonic() - started < 5


async def test_a_peer_that_speaks_something_else(
    bus: Bus, store: Any, index: Any, sending: Any, image: Any
) -> None:
    """A port where something else listens is told as such."""
    await store.add_dataset(image())
    answer = b"HTTP/1.1 400 Bad Request\r\n\r\n"
    async with silent(answer) as port, sending(bus, store, port) as sender:
        job = await sender.send(port)
    assert "it does not speak DICOM" in job.document.error_details


async def test_a_peer_that_stops_in_the_middle(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any
) -> None:
    """A peer that does not answer a C-STORE within the timeout fails the job, and is left."""
    await store.add_dataset(image())
    with listening(ACCEPTS_CT) as peer:
        peer.before_answer = lambda event: time.sleep(1.5)
        async with sending(bus, store, peer.port, Timeout=1) as sender:
            job = await sender.send(peer.port)
    assert outcome(job) == ("Failure", 9, 1, 0)
    assert "no answer within 1 s" in job.document.error_details


async def test_cancel_while_a_peer_hangs(
    bus: Bus, store: Any, index: Any, sending: Any, image: Any
) -> None:
    """A job that waits for a peer ends when it is cancelled, long before the timeout."""
    await store.add_dataset(image())
    started = time.monotonic()
    async with silent() as port, sending(bus, store, port) as sender:
        job_id = await sender.submit(port, timeout=60.0)
        await sender.until(job_id, "Running")
        await sender.jobs.cancel(job_id)
        job = await sender.jobs.wait_for(job_id, 10)
    assert job.document.error_code == 37
    assert time.monotonic() - started < 10


async def test_pause_and_resume_send_nothing_twice(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any
) -> None:
    """A paused job goes on behind the last instance that was sent, over a new association."""
    for number in range(1, 6):
        await store.add_dataset(image(number))
    with listening(ACCEPTS_CT) as peer:
        async with sending(bus, store, peer.port) as sender:
            loop = asyncio.get_running_loop()
            job_id = ""

            def pause(_event: Any) -> None:
                if len(peer.requests) == 2:
                    asyncio.run_coroutine_threadsafe(sender.jobs.pause(job_id), loop).result(5)

            peer.before_answer = pause
            job_id = await sender.submit(peer.port)
            await sender.until(job_id, "Paused")
            assert len(peer.requests) == 2
            # What arrives meanwhile is sent too; what went away is no trouble.
            await store.add_dataset(image(6))
            del store.instances[0]
            await sender.jobs.resume(job_id)
            job = await sender.jobs.wait_for(job_id, 10)
    assert outcome(job) == ("Success", 0, 6, 0)
    assert peer.sop_instance_uids == [f"1.2.3.4.{number}" for number in range(1, 7)]
    assert len(peer.associations) == 2
    *before, whole = index.exports
    assert [export.sop_instance_uid for export in before] == peer.sop_instance_uids[: len(before)]
    assert rows(whole) == ("Study", "study", "1.2.3")


async def test_each_resource_that_was_asked_for_is_logged(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any
) -> None:
    """As they were asked for, whatever they have in common; none stands for what was left out."""
    first, second = [await store.add_dataset(image(number)) for number in (1, 2)]
    asked = [second.instance_id, "study", second.instance_id, "study", first.instance_id]
    with listening(ACCEPTS_CT) as peer:
        async with sending(bus, store, peer.port) as sender:
            await sender.send(peer.port, *asked)
            assert [export.resource_id for export in index.exports] == [asked[0], "study", asked[4]]
            levels = [export.level for export in index.exports]
            assert levels == ["Instance", "Study", "Instance"]
            index.told.clear()
            peer.statuses = [0, 0xC000]
            job = await sender.send(peer.port, *asked, permissive=True)
    assert outcome(job) == ("Success", 0, 2, 1)
    assert [export.resource_id for export in index.exports] == [first.instance_id]


def rows(export: Export) -> tuple[str, str, str]:
    return export.level, export.resource_id, export.study_uid


async def test_many_are_logged_before_one_is_left_out(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any
) -> None:
    """A position never has to name more instances than are logged at a time."""
    for number in range(1, 131):
        await store.add_dataset(image(number))
    with listening(ACCEPTS_CT) as peer:
        peer.statuses = [0] * 120 + [0xC000] + [0] * 9
        async with sending(bus, store, peer.port) as sender:
            job = await sender.send(peer.port, permissive=True)
    assert outcome(job) == ("Success", 0, 130, 1)
    assert [len(one.exports) for one in index.told] == [100, 20, 9]
    logged = {export.sop_instance_uid for export in index.exports}
    assert len(logged) == 129
    assert "1.2.3.4.121" not in logged


async def test_what_was_sent_is_logged_once_the_index_is_back(
    bus: Bus,
    store: Any,
    listening: Any,
    sending: Any,
    image: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without the index the job waits at its end, and sends nothing again when it goes on."""
    monkeypatch.setattr("pons.jobs.document.RETRY_DELAYS", (0.2,) * 30)
    await store.add_dataset(image())
    with listening(ACCEPTS_CT) as peer:
        async with sending(bus, store, peer.port) as sender:
            job_id = await sender.submit(peer.port)
            await sender.until(job_id, "Retry")
            told: Any = await start_index(bus)
            job = await sender.jobs.wait_for(job_id, 15)
    assert outcome(job) == ("Success", 0, 1, 0)
    assert len(peer.requests) == 1
    assert [export.sop_instance_uid for export in told] == ["1.2.3.4.1"]


async def start_index(bus: Bus) -> list[Any]:
    told: list[Any] = []

    async def log(command: LogExports) -> Done:
        told.extend(command.exports)
        return Done()

    await answer_commands(bus, "index", {LogExports: log})
    return told


async def test_unknown_names(bus: Bus, store: Any, index: Any, sending: Any, image: Any) -> None:
    """An unknown resource, modality or object is code 17, naming it."""
    one = await store.add_dataset(image())
    async with sending(bus, store, 1) as sender:
        job = await sender.send(1, one.instance_id, "nothing")
        assert (job.document.error_code, "'nothing'" in job.document.error_details) == (17, True)
        request = StoreRequest("nobody", [one.instance_id])
        job_id = await submit_store(sender.jobs, request, Modality("A", "h", 1), "PONS")
        job = await sender.jobs.wait_for(job_id, 10)
        assert (job.document.error_code, "'nobody'" in job.document.error_details) == (17, True)


async def test_a_compressed_object(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any, file_of: Any
) -> None:
    """An object that is compressed at rest is sent as the file that it was."""
    one = image(1, PixelData=bytes(range(256)) * 9000)
    file = file_of(one)
    await store.add(zstandard.compress(file), one, compression="zstd", size=len(file))
    with listening(ACCEPTS_CT) as peer, listening((CT, [IMPLICIT])) as other:
        async with sending(bus, store, peer.port) as sender:
            await sender.send(peer.port)
            await sender.send(peer.port, port=other.port)
    assert peer.datasets == [dataset_of(file)]
    arrived = pydicom.filereader.read_dataset(BytesIO(other.datasets[0]), True, True)
    assert arrived.PixelData == one.PixelData


async def test_a_file_without_meta_header(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any, file_of: Any
) -> None:
    """A file that came without preamble and meta header is sent whole."""
    one = image(1)
    dataset = dataset_of(file_of(one))
    await store.add(dataset, one)
    with listening(ACCEPTS_CT) as peer:
        async with sending(bus, store, peer.port) as sender:
            await sender.send(peer.port)
    assert peer.datasets == [dataset]


async def test_no_instances(bus: Bus, store: Any, index: Any, sending: Any) -> None:
    """A request for nothing succeeds without calling anybody."""
    async with sending(bus, store, 1) as sender:
        job = await sender.send(1, "study")
    assert outcome(job) == ("Success", 0, 0, 0)


async def test_more_contexts_than_one_association_has(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any
) -> None:
    """A study of seventy SOP classes goes over two associations, each with 128 contexts at most."""
    classes = [str(context.abstract_syntax) for context in AllStoragePresentationContexts[:70]]
    for number, sop_class in enumerate(classes):
        await store.add_dataset(image(number, SOPClassUID=sop_class))
    with listening(*((sop_class, [EXPLICIT]) for sop_class in classes)) as peer:
        async with sending(bus, store, peer.port) as sender:
            job = await sender.send(peer.port)
    assert outcome(job) == ("Success", 0, 70, 0)
    assert len(peer.requests) == 70
    assert len(peer.associations) == 2


async def test_a_peer_that_aborts_again_and_again(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any
) -> None:
    """What rules ask for arrives whole at a peer that aborts every third instance; the job goes on
    behind what has arrived."""
    for number in range(1, 9):
        await store.add_dataset(image(number))
    with listening(ACCEPTS_CT) as peer:
        peer.before_answer = lambda event: (
            event.assoc.abort() if len(peer.requests) % 3 == 0 else None
        )
        async with sending(bus, store, peer.port, kind=ROUTING, jobs=QUICK) as sender:
            job = await sender.send(peer.port, rules=["all"])
    assert outcome(job) == ("Success", 0, 8, 0)
    assert set(peer.sop_instance_uids) == {f"1.2.3.4.{number}" for number in range(1, 9)}
    assert len(peer.requests) <= 12
    assert (job.content["Description"], job.content["Rules"]) == ("Routing", ["all"])


async def test_a_routed_job_that_is_refused(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any
) -> None:
    """One instance that is refused does not keep back the others, and makes a dead letter with the
    cause; a retry brings all of it. A peer without room is asked again by itself."""
    for number in (1, 2, 3):
        await store.add_dataset(image(number))
    with listening(ACCEPTS_CT) as peer:
        peer.statuses = [0xA700, 0, 0xC000, 0]
        async with sending(bus, store, peer.port, kind=ROUTING, jobs=QUICK) as sender:
            job = await sender.send(peer.port, rules=["all"])
            assert job.document.dead_letter
            assert job.document.destination == "modality:pacs"
            assert job.document.error_details.startswith(
                "1 of 3 instances did not arrive; of the first: Modality 'pacs'"
            )
            assert peer.sop_instance_uids[1:] == ["1.2.3.4.1", "1.2.3.4.2", "1.2.3.4.3"]
            await DeadLetters(sender.jobs).retry(job.document.id)
            job = await sender.jobs.wait_for(job.document.id, 20)
    assert outcome(job) == ("Success", 0, 3, 0)
    assert len(peer.requests) == 7


async def test_what_was_deleted_before_it_was_routed(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any
) -> None:
    """A resource that is not there any more does not keep back the others."""
    there = await store.add_dataset(image())
    with listening(ACCEPTS_CT) as peer:
        async with sending(bus, store, peer.port, kind=ROUTING) as sender:
            job = await sender.send(peer.port, "deleted", there.instance_id, rules=["all"])
    assert outcome(job) == ("Success", 0, 1, 0)

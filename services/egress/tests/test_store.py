# SPDX-License-Identifier: Apache-2.0
"""The job `DicomModalityStore`: what it sends, and how."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

import pydicom
import pytest
import zstandard
from pydicom.encaps import encapsulate
from pydicom.uid import (
    MPEG2MPML,
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
from pons.catalog import InstanceToSend
from pons.jobs import StoreRequest, submit_store
from pons.messages.modality import Modality
from pons.sending.element_bytes import PIXEL_DATA, NewElement
from pons.settings import EgressSettings
from pons_testing.jobs import outcome
from pons_testing.storage_scp import ACCEPTS_CT

pytestmark = pytest.mark.anyio

EXPLICIT, IMPLICIT = str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian)
BIG_ENDIAN, DEFLATED = str(ExplicitVRBigEndian), str(DeflatedExplicitVRLittleEndian)
CT, MR = str(CTImageStorage), str(MRImageStorage)


def dataset_of(file: bytes) -> bytes:
    """Everything behind the meta header, whose length is right in files that pydicom wrote."""
    return file[144 + int.from_bytes(file[140:144], "little") :]


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
    logged = [(one.level, one.resource_id, one.study_uid) for one in index.exports]
    assert logged == [("Study", "study", "1.2.3")]
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


async def test_a_modality_that_was_corrected_meanwhile(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any
) -> None:
    """The job tells whom it has called, not who was known when it was made."""
    await store.add_dataset(image())
    with listening(ACCEPTS_CT) as peer:
        async with sending(bus, store, peer.port, AET="CORRECTED") as sender:
            job = await sender.send(peer.port)
    assert peer.associations == [("PONS", "CORRECTED")]
    assert (job.content["LocalAet"], job.content["RemoteAet"]) == ("PONS", "CORRECTED")


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
    one.file_meta.TransferSyntaxUID = syntax = str(MPEG2MPML)
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


async def test_pixels_are_decompressed_for_those_who_take_no_others(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any
) -> None:
    """In the preferred one of the encodings that the peer takes; next to what goes as it is."""
    await store.add_dataset(image(1))
    one = image(2, JPEGBaseline8Bit)
    one.PixelData = encapsulate([b"\xff\xd8\xff\xd9"])
    await store.add_dataset(one)
    asked = []

    @asynccontextmanager
    async def decompress(instance: InstanceToSend) -> AsyncIterator[dict[int, NewElement]]:
        asked.append(instance.sop_instance_uid)
        yield {PIXEL_DATA: NewElement("OW", b"pixels")}

    egress = EgressSettings(preferred_transfer_syntax=IMPLICIT)
    with listening(ACCEPTS_CT) as peer:
        async with sending(bus, store, peer.port, decompress=decompress, egress=egress) as sender:
            job = await sender.send(peer.port)
    assert outcome(job) == ("Success", 0, 2, 0)
    assert asked == ["1.2.3.4.2"]
    raw, arrived = (
        pydicom.filereader.read_dataset(
            BytesIO(one), is_implicit_VR=implicit, is_little_endian=True
        )
        for one, implicit in zip(peer.datasets, (False, True), strict=True)
    )
    assert (raw.PixelData, arrived.PixelData) == (image(1).PixelData, b"pixels")
    assert arrived.SOPInstanceUID == "1.2.3.4.2"


@pytest.mark.parametrize("syntax", [IMPLICIT, JPEGBaseline8Bit])
async def test_a_modality_without_transcoding(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any, syntax: str
) -> None:
    """Nothing is re-encoded for it: what it does not take as it is stored fails, and says why."""
    one = image(1, syntax)
    if syntax != IMPLICIT:
        one.PixelData = encapsulate([b"\xff\xd8\xff\xd9"])
    await store.add_dataset(one)
    with listening((CT, [EXPLICIT])) as peer:
        async with sending(bus, store, peer.port, AllowTranscoding=False) as sender:
            job = await sender.send(peer.port)
    assert outcome(job) == ("Failure", 9, 1, 0)
    assert "accepts no presentation context" in job.document.error_details
    assert peer.datasets == []


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


async def test_unknown_names(bus: Bus, store: Any, index: Any, sending: Any, image: Any) -> None:
    """An unknown resource, modality or object is code 17, naming it."""
    one = await store.add_dataset(image())
    async with sending(bus, store, 1) as sender:
        job = await sender.send(1, one.instance_id, "nothing")
        assert (job.document.error_code, "'nothing'" in job.document.error_details) == (17, True)
        request = StoreRequest("nobody", [one.instance_id])
        job_id = await submit_store(sender.jobs, request, Modality("A", "h", 1), "PONS")
        job = await sender.jobs.wait_for(job_id, 60)
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

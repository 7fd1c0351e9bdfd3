# SPDX-License-Identifier: Apache-2.0
"""The command `StoreStraight`: a file goes to a modality without being in the store."""

from typing import Any

import msgspec
import pytest
import xxhash
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from pons.bus import Bus
from pons.bus.requests import answer_commands, ask
from pons.errors import NotFound, RemoteFailure
from pons.messages.egress import StoreStraight
from pons.messages.services import Done
from pons.objects import Kind, new_key
from pons.remotes.modalities import open_modalities
from pons.settings import Settings
from pons_egress.straight import Straight

pytestmark = pytest.mark.anyio

EXPLICIT, IMPLICIT = str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian)
CT = str(CTImageStorage)


async def handed_over(store: Any, content: bytes, dataset: Dataset) -> StoreStraight:
    """The command for a file that lies in the object store."""
    key = new_key(Kind.TEMPORARY)
    await store.objects.put(key, content)
    return StoreStraight(
        modality="pacs",
        object_key=key,
        size=len(content),
        checksum=xxhash.xxh3_128_digest(content),
        transfer_syntax=str(dataset.file_meta.TransferSyntaxUID),
        sop_class_uid=str(dataset.SOPClassUID),
        sop_instance_uid=str(dataset.SOPInstanceUID),
    )


async def send(bus: Bus, store: Any, command: StoreStraight, port: int) -> Done:
    """As the gateway asks for it."""
    settings = Settings(modalities={"pacs": ["PEER", "127.0.0.1", port]})
    async with open_modalities(bus, settings) as modalities:
        straight = Straight(store.objects, modalities, settings)
        await answer_commands(bus, "egress", {StoreStraight: straight})
        return await ask(bus, "egress", command, Done)


def dataset_of(file: bytes) -> bytes:
    return file[144 + int.from_bytes(file[140:144], "little") :]


async def test_a_file_goes_as_it_is(
    bus: Bus, store: Any, listening: Any, image: Any, file_of: Any
) -> None:
    """The peer receives the data set byte for byte over an association that is released."""
    one = image(1)
    command = await handed_over(store, file_of(one), one)
    with listening((CT, [EXPLICIT])) as peer:
        assert await send(bus, store, command, peer.port) == Done()
    assert peer.datasets == [dataset_of(file_of(one))]
    assert peer.sop_instance_uids == ["1.2.3.4.1"]
    assert peer.associations == [("PONS", "PEER")]
    assert peer.ended == ["released"]


async def test_a_file_is_re_encoded(
    bus: Bus, store: Any, listening: Any, image: Any, file_of: Any
) -> None:
    """A peer that takes implicit VR alone has the values all the same."""
    one = image(1)
    command = await handed_over(store, file_of(one), one)
    with listening((CT, [IMPLICIT])) as peer:
        assert await send(bus, store, command, peer.port) == Done()
    assert peer.datasets == [dataset_of(file_of(image(1, IMPLICIT)))]


async def test_a_file_that_is_refused(
    bus: Bus, store: Any, listening: Any, image: Any, file_of: Any
) -> None:
    """The status of the peer is in the message."""
    one = image(1)
    command = await handed_over(store, file_of(one), one)
    refused = pytest.raises(ExceptionGroup)
    with listening((CT, [EXPLICIT])) as peer, refused as error:
        peer.statuses = [0xA700]
        await send(bus, store, command, peer.port)
    assert error.group_contains(RemoteFailure, match="refused CT Image Storage .* 0xA700")


async def test_a_damaged_file_is_not_sent(
    bus: Bus, store: Any, listening: Any, image: Any, file_of: Any
) -> None:
    """What is not the file that was handed over does not reach its end."""
    one = image(1)
    content = file_of(one)
    command = await handed_over(store, content[:-1] + b"\xee", one)
    command = msgspec.structs.replace(command, checksum=xxhash.xxh3_128_digest(content))
    with listening((CT, [EXPLICIT])) as peer, pytest.raises(ExceptionGroup):
        await send(bus, store, command, peer.port)
    assert peer.datasets == []


async def test_an_unknown_modality(bus: Bus, store: Any, image: Any, file_of: Any) -> None:
    """A modality that is gone is NotFound."""
    one = image(1)
    command = await handed_over(store, file_of(one), one)
    command = msgspec.structs.replace(command, modality="nobody")
    with pytest.raises(ExceptionGroup) as error:
        await send(bus, store, command, 1)
    assert error.group_contains(NotFound, match="'nobody'")

# SPDX-License-Identifier: Apache-2.0
"""Objects that the store lost or damaged: no peer takes one for the instance, the rest goes on."""

from collections.abc import Callable
from typing import Any

import pytest
import xxhash
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from pons.bus import Bus
from pons.catalog import InstanceToSend
from pons_testing.jobs import outcome
from pons_testing.storage_scp import ACCEPTS_CT

pytestmark = pytest.mark.anyio

EXPLICIT, IMPLICIT = str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian)
CT = str(CTImageStorage)


DAMAGE: dict[str, Callable[[bytes], bytes | None]] = {
    "missing": lambda file: None,
    "empty": lambda file: b"",
    "truncated": lambda file: file[:-7],
    "grown": lambda file: file + b"\0",
    "flipped": lambda file: file[:-3] + bytes([file[-3] ^ 1]) + file[-2:],
}


async def damage(store: Any, instance: InstanceToSend, how: str) -> None:
    """Change what lies in the object store behind its back."""
    file = await store.objects.read(instance.object_key)
    await store.objects.delete([instance.object_key])
    changed = DAMAGE[how](file)
    if changed is not None:
        await store.objects.put(instance.object_key, changed)


@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("accepted", [EXPLICIT, IMPLICIT])
async def test_a_damaged_object_is_not_sent(
    bus: Bus,
    store: Any,
    index: Any,
    listening: Any,
    sending: Any,
    image: Any,
    file_of: Any,
    how: str,
    accepted: str,
) -> None:
    """The job fails and names the instance, or passes it over and names it in permissive mode."""
    file = file_of(image(1))
    checksum = xxhash.xxh3_128_digest(file)
    bad = await store.add(file, image(1), checksum=checksum)
    await store.add_dataset(image(2))
    await damage(store, bad, how)
    with listening((CT, [accepted])) as peer:
        async with sending(bus, store, peer.port) as sender:
            strict = await sender.send(peer.port)
            permissive = await sender.send(peer.port, permissive=True)
    assert outcome(strict) == ("Failure", 20, 2, 0)
    assert bad.instance_id in strict.document.error_details
    assert str(bad.object_key) in strict.document.error_details
    assert outcome(permissive) == ("Success", 0, 2, 1)
    (named,) = permissive.content["FailedInstances"]
    assert named["ID"] == bad.instance_id
    assert str(bad.object_key) in named["Reason"]
    assert peer.sop_instance_uids == ["1.2.3.4.2"]
    assert peer.ended == ["released", "released"]


async def test_damage_in_the_midst_breaks_the_association(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any, file_of: Any
) -> None:
    """The peer never gets the end of a large data set that turns out to be damaged."""
    large = image(1, PixelData=bytes(range(256)) * 12_000)
    file = file_of(large)
    checksum = xxhash.xxh3_128_digest(file)
    bad = await store.add(file, large, checksum=checksum)
    await store.add_dataset(image(2))
    await damage(store, bad, "flipped")
    with listening(ACCEPTS_CT) as peer:
        async with sending(bus, store, peer.port) as sender:
            job = await sender.send(peer.port, permissive=True)
    assert outcome(job) == ("Success", 0, 2, 1)
    assert job.content["FailedInstances"][0]["ID"] == bad.instance_id
    assert peer.sop_instance_uids == ["1.2.3.4.2"]
    assert sorted(peer.ended) == ["aborted", "released"]


async def test_an_instance_that_was_deleted_meanwhile(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any
) -> None:
    """It is no damage: the failure says that it was deleted."""
    gone = await store.add_dataset(image(1))
    await store.add_dataset(image(2))
    await store.objects.delete([gone.object_key])
    listed = list(store.instances)

    async def instances_to_send(resources: list[str]) -> list[InstanceToSend]:
        return listed if resources == ["study"] else []

    store.instances_to_send = instances_to_send
    with listening(ACCEPTS_CT) as peer:
        async with sending(bus, store, peer.port) as sender:
            strict = await sender.send(peer.port)
            permissive = await sender.send(peer.port, permissive=True)
    assert outcome(strict) == ("Failure", 17, 2, 0)
    told = f"Instance {gone.instance_id} was deleted since the job began"
    assert strict.document.error_details == told
    assert outcome(permissive) == ("Success", 0, 2, 1)
    assert permissive.content["FailedInstances"] == [{"ID": gone.instance_id, "Reason": told}]


async def test_an_instance_that_was_replaced_meanwhile(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any, file_of: Any
) -> None:
    """Its new object is sent."""
    old = await store.add_dataset(image(1))
    await store.objects.delete([old.object_key])
    await store.add_dataset(image(1, PatientName="NEW"))
    new = store.instances[-1]

    async def instances_to_send(resources: list[str]) -> list[InstanceToSend]:
        return [old] if resources == ["study"] else [new]

    store.instances_to_send = instances_to_send
    with listening(ACCEPTS_CT) as peer:
        async with sending(bus, store, peer.port) as sender:
            job = await sender.send(peer.port)
    assert outcome(job) == ("Success", 0, 1, 0)
    (received,) = peer.datasets
    assert b"NEW" in received

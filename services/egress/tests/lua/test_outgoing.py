# SPDX-License-Identifier: Apache-2.0
"""`OutgoingCStoreInstanceFilter`: what scripts hold back is not sent, and nothing fails by it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pons.bus import Bus
from pons.catalog import StoredHeader
from pons.errors import TooLarge
from pons.lua.scripts import open_scripts
from pons.settings import LuaSettings
from pons_egress.outgoing import OutgoingFilter
from pons_testing.storage_scp import ACCEPTS_CT

pytestmark = pytest.mark.anyio

SOURCE = """
function OutgoingCStoreInstanceFilter(dicom, destination)
    if dicom.InstanceNumber == '9' then error('not now') end
    return destination.RemoteAet ~= 'PEER' or dicom.InstanceNumber ~= '2'
end
"""


class Headers:
    """Of each instance its number alone; of `large` there are more tags than can be told."""

    def __init__(self, numbers: dict[str, int], large: str = "") -> None:
        self._numbers, self._large = numbers, large

    async def read(self, instance_id: str, use: Callable[[StoredHeader], Any]) -> Any:
        if instance_id == self._large:
            raise TooLarge("The header is too large")
        number = self._numbers[instance_id]
        return use(StoredHeader(b'{"00200013":{"vr":"IS","Value":[%d]}}' % number, b"{}", None))


def settings_of(folder: Path, source: str = SOURCE) -> LuaSettings:
    file = folder / "outgoing.lua"
    file.write_text(source)
    return LuaSettings(scripts=[str(file)])


async def test_what_is_held_back_is_not_sent(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any, tmp_path: Path
) -> None:
    """The others arrive, the job succeeds and tells the number, and the log has no whole study."""
    numbers = {}
    for number in (1, 2, 3):
        numbers[(await store.add_dataset(image(number))).instance_id] = number
    async with open_scripts(settings_of(tmp_path), {}) as scripts:
        outgoing: Any = OutgoingFilter(scripts, Headers(numbers))  # type: ignore[arg-type]
        with listening(ACCEPTS_CT) as peer:
            async with sending(bus, store, peer.port, outgoing=outgoing) as sender:
                job = await sender.send(peer.port)
        assert peer.sop_instance_uids == ["1.2.3.4.1", "1.2.3.4.3"]
        assert job.document.state == "Success"
        told = [job.content[f"{what}InstancesCount"] for what in ("", "Failed", "Filtered")]
        assert told == [3, 0, 1]
        logged = [(one.level, one.sop_instance_uid) for one in index.exports]
        assert logged == [("Instance", "1.2.3.4.1"), ("Instance", "1.2.3.4.3")]


async def test_another_destination(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any, tmp_path: Path
) -> None:
    """A script tells destinations apart by their AE title; where all goes, nothing is counted."""
    numbers = {(await store.add_dataset(image(2))).instance_id: 2}
    async with open_scripts(settings_of(tmp_path), {}) as scripts:
        outgoing: Any = OutgoingFilter(scripts, Headers(numbers))  # type: ignore[arg-type]
        with listening(ACCEPTS_CT) as peer:
            async with sending(bus, store, peer.port, outgoing=outgoing, AET="OTHER") as sender:
                job = await sender.send(peer.port, called_aet="OTHER")
    assert peer.sop_instance_uids == ["1.2.3.4.2"]
    assert "FilteredInstancesCount" not in job.content


async def test_a_filter_that_fails(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any, tmp_path: Path
) -> None:
    """Nothing passes it: the job waits, and is tried again."""
    numbers = {(await store.add_dataset(image(9))).instance_id: 9}
    async with open_scripts(settings_of(tmp_path), {}) as scripts:
        outgoing: Any = OutgoingFilter(scripts, Headers(numbers))  # type: ignore[arg-type]
        with listening(ACCEPTS_CT) as peer:
            async with sending(bus, store, peer.port, outgoing=outgoing) as sender:
                job_id = await sender.submit(peer.port)
                await sender.until(job_id, "Retry")
                job = await sender.jobs.get(job_id)
    assert peer.sop_instance_uids == []
    assert job.document.error == "Unavailable"
    assert "OutgoingCStoreInstanceFilter" in job.document.error_details


async def test_what_no_script_can_be_told(
    bus: Bus, store: Any, index: Any, listening: Any, sending: Any, image: Any, tmp_path: Path
) -> None:
    """An instance that cannot be filtered is not sent; a permissive job goes on without it."""
    large = (await store.add_dataset(image(1))).instance_id
    numbers = {(await store.add_dataset(image(3))).instance_id: 3}
    async with open_scripts(settings_of(tmp_path), {}) as scripts:
        outgoing: Any = OutgoingFilter(scripts, Headers(numbers, large))  # type: ignore[arg-type]
        with listening(ACCEPTS_CT) as peer:
            async with sending(bus, store, peer.port, outgoing=outgoing) as sender:
                job = await sender.send(peer.port, permissive=True)
    assert peer.sop_instance_uids == ["1.2.3.4.3"]
    assert job.content["FailedInstancesCount"] == 1
    assert "FilteredInstancesCount" not in job.content

# SPDX-License-Identifier: Apache-2.0
"""The one way in asks scripts: what they do not let in is neither written nor announced."""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from pydicom import Dataset

from pons.bus import Bus
from pons.errors import TooLarge
from pons.ingest import FilteredOut, FilterFailed, Ingest, InstanceFilter, StatusWanted, open_ingest
from pons.lua.scripts import ScriptLost, open_scripts
from pons.lua.values import told_tags
from pons.messages.events import Origin
from pons.objects import SHARDS, FileObjects
from pons.settings import LuaSettings, Settings
from pons_testing.indexing import open_fake_index

pytestmark = pytest.mark.anyio

MakeFile = Callable[..., bytes]
Open = Callable[[str], AbstractAsyncContextManager[Ingest]]
CT1 = Origin("DicomProtocol", "192.0.2.7", "CT1", "PONS")
REST = Origin("RestApi", "192.0.2.8", username="alice")


@pytest.fixture
def opened(objects: FileObjects, bus: Bus, tmp_path: Path) -> Open:
    @asynccontextmanager
    async def opened(source: str) -> AsyncIterator[Ingest]:
        file = tmp_path / "filter.lua"
        file.write_text(source)
        settings = LuaSettings(scripts=[str(file)], timeout=20)
        async with (
            open_scripts(settings, {}) as scripts,
            open_ingest(
                objects, bus, Settings(), instance_filter=InstanceFilter(scripts)
            ) as ingest,
        ):
            yield ingest

    return opened


async def written(objects: FileObjects) -> int:
    return len([entry for shard in SHARDS async for entry in objects.list(shard)])


async def test_what_a_filter_sees(opened: Open, bus: Bus, make_file: MakeFile) -> None:
    """Tags by their names, where the instance comes from, and what its file is like."""
    await open_fake_index(bus)
    source = """
    function ReceivedInstanceFilter(dicom, origin, info)
        return dicom.PatientID == 'P1' and dicom.Modality == nil and not info.HasPixelData
            and info.TransferSyntaxUID == '1.2.840.10008.1.2.1'
            and (origin.RequestOrigin == 'RestApi' and origin.Username == 'alice'
                and origin.RemoteIp == '192.0.2.8' and origin.RemoteAet == nil
                or origin.RequestOrigin == 'DicomProtocol' and origin.RemoteAet == 'CT1'
                and origin.CalledAet == 'PONS' and origin.RemoteIp == '192.0.2.7')
    end
    """
    async with opened(source) as ingest:
        for origin, status in ((CT1, "Success"), (REST, "Success"), (Origin("Lua"), "FilteredOut")):
            assert (await ingest.store(make_file(), origin)).status == status


async def test_filtered_out(
    opened: Open, objects: FileObjects, bus: Bus, make_file: MakeFile
) -> None:
    """Its sender hears what it is called, and that it was filtered out; nothing of it stays."""
    index = await open_fake_index(bus)
    async with opened("function ReceivedInstanceFilter() return false end") as ingest:
        kept = await ingest.keep(make_file("1.2.9"), CT1, awaited=False)
        assert isinstance(kept, FilteredOut)
        stored = await kept.stored()
    assert (stored.status, len(stored.ids.instance)) == ("FilteredOut", 44)
    assert index.instances == []
    assert await written(objects) == 0


async def test_a_large_header_is_not_written_either(
    opened: Open, objects: FileObjects, bus: Bus, make_file: MakeFile
) -> None:
    """A header that is an object of its own is written once the instance is let in."""
    index = await open_fake_index(bus)
    items = []
    for number in range(4000):
        item = Dataset()
        item.TextValue = random.Random(number).randbytes(100).hex()
        items.append(item)
    many = make_file(ContentSequence=items)
    for answer, objects_written in (("false", 0), ("true", 2)):
        async with opened(f"function ReceivedInstanceFilter() return {answer} end") as ingest:
            await ingest.store(many, CT1)
        assert await written(objects) == objects_written
    assert index.instances[0].header_key is not None


async def test_a_status_that_a_script_chooses(
    opened: Open, bus: Bus, make_file: MakeFile, objects: FileObjects
) -> None:
    """`ReceivedCStoreInstanceFilter` answers C-STORE alone: with 0 it lets the instance in."""
    await open_fake_index(bus)
    source = """
    function ReceivedCStoreInstanceFilter(dicom, origin)
        return origin.RemoteAet == 'CT1' and 0xC123 or 0
    end
    """
    async with opened(source) as ingest:
        with pytest.raises(StatusWanted) as refused:
            await ingest.store(make_file(), CT1)
        assert refused.value.status == 0xC123
        assert await written(objects) == 0
        assert (await ingest.store(make_file(), Origin("DicomProtocol"))).status == "Success"
        assert (await ingest.store(make_file("1.2.8"), REST)).status == "Success"


WRONG = {
    "an error": "function ReceivedInstanceFilter() error('no') end",
    "nothing": "function ReceivedInstanceFilter() end",
    "no status": "function ReceivedCStoreInstanceFilter() return 70000 end",
    "half a status": "function ReceivedCStoreInstanceFilter() return 0.5 end",
    "a number beyond all": "function ReceivedCStoreInstanceFilter() return 0/0 end",
    "no": "function ReceivedCStoreInstanceFilter() return false end",
    "a warning": "function ReceivedCStoreInstanceFilter() return 0xB000 end",
    "a general warning": "function ReceivedCStoreInstanceFilter() return 0x0107 end",
    "pending": "function ReceivedCStoreInstanceFilter() return 0xFF00 end",
    "a text": "function ReceivedCStoreInstanceFilter() return 'yes' end",
    "a bomb": "function ReceivedInstanceFilter() local s = 'x' while true do s = s .. s end end",
}


@pytest.mark.parametrize("source", WRONG.values(), ids=WRONG)
async def test_a_filter_that_fails_refuses_for_now(
    opened: Open, objects: FileObjects, bus: Bus, make_file: MakeFile, source: str
) -> None:
    """The sender keeps the instance, and may send it again; a process that was ended may be another
    time."""
    await open_fake_index(bus)
    async with opened(source) as ingest:
        for _ in range(2):
            with pytest.raises(ScriptLost if source == WRONG["a bomb"] else FilterFailed):
                await ingest.store(make_file(), CT1)
    assert await written(objects) == 0


def test_more_than_a_script_can_be_told() -> None:
    """One long attribute is left out, as long texts are; too much in all is refused."""
    long = b'{"00100020":{"vr":"LO","Value":["P1"]},\n"00204000":{"vr":"LT","Value":["%b"]}}'
    assert told_tags(long.replace(b",\n", b",") % (b"x" * 2_000_000)) == {"PatientID": "P1"}
    elements = {f"0009{n:04X}": {"vr": "LT", "Value": ["x" * 900_000]} for n in range(16, 28)}
    with pytest.raises(TooLarge, match="8 MiB"):
        told_tags(msgspec.json.encode(elements))

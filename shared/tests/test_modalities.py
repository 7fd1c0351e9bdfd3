# SPDX-License-Identifier: Apache-2.0
"""Modalities: what is accepted as one, and how a change reaches every service."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

from pons.bus import Bus, open_bus
from pons.bus.bucket import Outdated
from pons.errors import BadRequest, NotFound, Unavailable
from pons.messages.modality import Modality
from pons.remotes.modalities import open_modalities, parse_modality, to_json
from pons.remotes.registry import check_name
from pons.settings import Settings
from pons_testing.nats import NatsServer
from pons_testing.waiting import until

pytestmark = pytest.mark.anyio

CONFIGURED = {"ct": ["CT1", "192.0.2.1", 104], "pacs": {"AET": "PACS", "Host": "h", "Port": 11112}}


def configured(modalities: dict[str, Any]) -> Settings:
    return Settings(modalities=modalities)


async def test_a_change_of_what_others_have_changed(bus: Bus) -> None:
    """Of two stores' services that read the same, the second one to write is told."""
    settings = configured({"ct": CONFIGURED["ct"]})
    async with open_modalities(bus, settings) as mine, open_modalities(bus, settings) as yours:
        read = mine.revision("ct")
        assert read == yours.revision("ct") == 0
        await yours.put("ct", Modality("YOURS", "192.0.2.1", 104), read)
        with pytest.raises(Outdated):
            await mine.put("ct", Modality("MINE", "192.0.2.1", 104), read)
        assert (await mine.read("ct")).aet == "YOURS"
        await mine.put("ct", Modality("MINE", "192.0.2.1", 104), mine.revision("ct"))
        assert (await yours.read("ct")).aet == "MINE"


async def test_adding_and_deleting_what_others_have_changed(bus: Bus) -> None:
    """Who adds one replaces none that somebody else has added meanwhile, and a deletion is of what
    was read; what was deleted can be added again."""
    settings = configured({"configured": CONFIGURED["ct"]})
    one, two = Modality("ONE", "192.0.2.1", 104), Modality("TWO", "192.0.2.1", 104)
    async with open_modalities(bus, settings) as mine, open_modalities(bus, settings) as yours:
        await yours.add("added", one)
        with pytest.raises(Outdated):
            await mine.add("added", two)
        assert (await mine.read("added")).aet == "ONE"
        read = mine.revision("added")
        await yours.put("added", two)
        with pytest.raises(Outdated):
            await mine.delete("added", read)
        assert (await mine.read("added")).aet == "TWO"
        await mine.delete("added", mine.revision("added"))
        await yours.add("added", one)
        assert (await mine.read("added")).aet == "ONE"
        await mine.delete("added")
        with pytest.raises(Outdated):
            await mine.add("configured", two)
        await mine.delete("configured", 0)
        await mine.add("configured", two)
        assert (await yours.read("configured")).aet == "TWO"


async def test_object_form_has_every_key_of_orthanc() -> None:
    """A modality is shown with all of Orthanc's keys, in its order, whatever was given."""
    given = {"AET": "SAMPLE", "Host": "192.0.2.1", "Port": "104", "Unknown": 1}
    assert list(to_json(parse_modality(given)).items()) == [
        ("AET", "SAMPLE"),
        ("Host", "192.0.2.1"),
        ("Port", 104),
        ("Manufacturer", "Generic"),
        ("AllowEcho", True),
        ("AllowStore", True),
        ("AllowFind", True),
        ("AllowFindWorklist", True),
        ("AllowGet", True),
        ("AllowMove", True),
        ("AllowNAction", True),
        ("AllowEventReport", True),
        ("AllowTranscoding", True),
        ("UseDicomTls", False),
        ("LocalAet", ""),
        ("Timeout", 0),
        ("RetrieveMethod", "SystemDefault"),
    ]


async def test_what_is_shown_can_be_put_back() -> None:
    """A modality read over REST and written again is the same one."""
    given = {
        "AET": "A",
        "Host": "h",
        "Port": 1,
        "Manufacturer": "GE",
        "AllowMove": False,
        "LocalAet": "ME",
        "Timeout": 5,
        "RetrieveMethod": "C-GET",
    }
    modality = parse_modality(given)
    assert parse_modality(to_json(modality)) == modality
    assert (modality.manufacturer, modality.allow_move, modality.local_aet) == ("GE", False, "ME")


async def test_array_forms() -> None:
    """Three and four entries are AE title, host, port, and manufacturer."""
    assert parse_modality(["A", "h", 104]) == Modality("A", "h", 104)
    assert parse_modality(["A", "h", "104", "Vitrea"]) == Modality("A", "h", 104, "Vitrea")


@pytest.mark.parametrize(
    ("old", "now"),
    [("ClearCanvas", "Generic"), ("SyngoVia", "GenericNoWildcardInDates"), ("GE", "GE")],
)
async def test_old_manufacturers(old: str, now: str) -> None:
    """Names that Orthanc gave up are still understood."""
    assert parse_modality(["A", "h", 104, old]).manufacturer == now


async def test_storage_commitment_stands_for_two() -> None:
    """AllowStorageCommitment is both of its messages, unless those are given themselves."""
    given = {"AET": "A", "Host": "h", "Port": 1, "AllowStorageCommitment": False}
    modality = parse_modality(given)
    assert (modality.allow_n_action, modality.allow_event_report) == (False, False)
    modality = parse_modality({**given, "AllowNAction": True})
    assert (modality.allow_n_action, modality.allow_event_report) == (True, False)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"Port": 65535}, "Port: Input should be less than or equal to 65534, got 65535"),
        ({"Port": 0}, "Port: Input should be greater than or equal to 1, got 0"),
        ({"Port": "dicom"}, "Port: Input should be a valid integer, got 'dicom'"),
        ({"Port": True}, "Port: Input should be a valid integer, got True"),
        ({"Port": None}, "Port: Input should be a valid integer, got None"),
        ({"Host": ""}, "Host: String should have at least 1 character, got ''"),
        (
            {"AET": "SEVENTEEN-LETTERS"},
            "AET: expected 1 to 16 characters without backslash, got 'SEVENTEEN-LETTERS'",
        ),
        ({"AET": 7}, "AET: Input should be a valid string, got 7"),
        ({"LocalAet": "A\\B"}, "LocalAet: expected 1 to 16 characters without backslash, got"),
        ({"Manufacturer": "generic"}, "Manufacturer: Input should be 'Generic', "),
        ({"Manufacturer": ["GE"]}, "Manufacturer: Input should be 'Generic', "),
        ({"RetrieveMethod": "MOVE"}, "RetrieveMethod: Input should be 'SystemDefault', 'C-MOVE'"),
        ({"AllowFind": "yes"}, "AllowFind: Input should be a valid boolean, got 'yes'"),
        ({"Timeout": -1}, "Timeout: Input should be greater than or equal to 0, got -1"),
    ],
)
async def test_a_wrong_field_is_named_with_its_value(change: dict[str, Any], told: str) -> None:
    """Whoever configures a modality reads which field is wrong, and what was expected."""
    with pytest.raises(BadRequest) as refused:
        parse_modality({"AET": "A", "Host": "h", "Port": 104, **change})
    assert refused.value.message.startswith(told)


@pytest.mark.parametrize("value", ["A", 3, None, ["A", "h"], ["A", "h", 1, "GE", 2]])
async def test_other_forms_are_refused(value: Any) -> None:
    """Only the object and the two arrays are modalities."""
    with pytest.raises(BadRequest, match="expected"):
        parse_modality(value)


@pytest.mark.parametrize("name", ["", "a b", "a.b", "*", "ä", "a/b"])
async def test_names_that_are_refused(name: str) -> None:
    """A name is letters, digits, dash and underscore: it is part of a path and of a subject."""
    with pytest.raises(BadRequest, match="letters, digits"):
        check_name(name)


async def test_a_wrong_configured_modality_is_told_by_name(bus: Bus) -> None:
    """A service with an impossible modality in its settings says which one."""
    with pytest.raises(ExceptionGroup) as refused:
        async with anyio.create_task_group() as group:
            group.start_soon(enter, bus, {"ct": ["CT1", "192.0.2.1", 0]})
    assert "modality 'ct': Port" in str(refused.value.exceptions[0])


async def enter(bus: Bus, modalities: dict[str, Any]) -> None:
    async with open_modalities(bus, configured(modalities)):
        pass


async def test_a_change_is_seen_at_once_and_by_others(bus: Bus) -> None:
    """What one service puts, replaces or deletes, another one has shortly after."""
    settings = configured(CONFIGURED)
    async with open_modalities(bus, settings) as here, open_modalities(bus, settings) as there:
        assert list(here.list()) == ["ct", "pacs"]
        new, other = Modality("NEW", "h", 1), Modality("CT2", "h", 2)
        await here.put("new", new)
        await here.put("ct", other)
        await here.delete("pacs")
        assert here.list() == {"ct": other, "new": new}
        assert await there.read("new") == new
        await until(lambda: there.list() == {"ct": other, "new": new})
        with pytest.raises(NotFound, match="'pacs'"):
            there.get("pacs")


async def test_changes_outlive_the_service(bus: Bus) -> None:
    """A modality that was changed or deleted over REST stays so, whatever the settings say."""
    settings = configured(CONFIGURED)
    async with open_modalities(bus, settings) as modalities:
        await modalities.put("new", Modality("NEW", "h", 1))
        await modalities.delete("ct")
    async with open_modalities(bus, settings) as modalities:
        assert list(modalities.list()) == ["new", "pacs"]
        await modalities.put("ct", Modality("AGAIN", "h", 1))
        await modalities.delete("new")
    async with open_modalities(bus, settings) as modalities:
        assert {name: m.aet for name, m in modalities.list().items()} == {
            "ct": "AGAIN",
            "pacs": "PACS",
        }


async def test_deleting_what_is_not_there(bus: Bus) -> None:
    """Deleting an unknown modality, or one twice, is told."""
    async with open_modalities(bus, configured(CONFIGURED)) as modalities:
        with pytest.raises(NotFound):
            await modalities.delete("nobody")
        await modalities.delete("ct")
        with pytest.raises(NotFound):
            await modalities.delete("ct")


async def test_find_by_aet(bus: Bus) -> None:
    """AE titles are found without case unless strictly; several may share one."""
    known = {"a": ["PACS", "h1", 1], "b": ["pacs", "h2", 2], "c": ["OTHER", "h3", 3]}
    async with open_modalities(bus, configured(known)) as modalities:
        assert list(modalities.find_by_aet("Pacs ")) == ["a", "b"]
        assert list(modalities.find_by_aet("pacs", strict=True)) == ["b"]
        assert modalities.find_by_aet("NOBODY") == {}


async def test_a_server_that_is_away_takes_nothing_along(own_broker: NatsServer) -> None:
    """While NATS is away the modalities stay known, and changes are refused; then it goes on."""
    async with (
        open_bus(own_broker.settings()) as bus,
        open_modalities(bus, configured(CONFIGURED)) as modalities,
        open_modalities(bus, configured(CONFIGURED)) as others,
    ):
        await modalities.put("new", Modality("NEW", "h", 1))
        own_broker.embedded.stop()
        assert (await modalities.read("new")).aet == "NEW"
        assert list(modalities.list()) == ["ct", "new", "pacs"]
        with pytest.raises(Unavailable):
            await modalities.put("late", Modality("LATE", "h", 1))
        own_broker.embedded.start()
        await put_again(modalities.delete, "new")
        await until(lambda: "new" not in others.list())
        assert {"ct", "pacs"} <= set(others.list())


async def put_again(change: Callable[[str], Awaitable[None]], name: str) -> None:
    """Try until the server is back."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return await change(name)
        except Unavailable:
            assert time.monotonic() < deadline
            await anyio.sleep(0.1)

# SPDX-License-Identifier: Apache-2.0
"""Settings that REST changes: the same in every process, kept, and given back."""

from collections.abc import AsyncIterator

import pytest

from pons.bus import Bus
from pons.errors import BadRequest
from pons.remotes.live import Live, open_live
from pons.settings import DicomSettings, IngestSettings, Settings
from pons_testing.nats import NatsServer
from pons_testing.waiting import until

pytestmark = pytest.mark.anyio


@pytest.fixture
async def own_bus(own_broker: NatsServer) -> AsyncIterator[Bus]:
    async with own_broker.bus() as bus:
        yield bus


async def test_the_settings_hold_until_something_is_changed(own_bus: Bus) -> None:
    """Without any change, what the configuration says is what holds."""
    settings = Settings(
        dicom=DicomSettings(
            accept_unknown_sop_classes=True, accepted_transfer_syntaxes=["1.2.840.10008.1.2.*"]
        ),
        ingest=IngestSettings(default_charset="cp1251"),
    )
    async with open_live(own_bus, settings, "http") as live:
        assert live.now.default_charset == "cp1251"
        assert live.now.accept_unknown_sop_classes
        assert "1.2.840.10008.1.2.1" in live.now.accepted_transfer_syntaxes
        assert "1.2.840.10008.1.20" not in live.now.accepted_transfer_syntaxes


async def test_a_change_reaches_every_process(own_bus: Bus) -> None:
    """What is changed in one process is soon the same in another, which hears of it."""
    heard: list[Live] = []
    async with (
        open_live(own_bus, Settings(), "http") as one,
        open_live(own_bus, Settings(), "http", heard.append) as other,
    ):
        await one.put(default_charset="utf8", accept_unknown_sop_classes=True)
        assert one.now.default_charset == "utf8"
        await until(lambda: other.now == one.now)
        assert heard[-1] == one.now


async def test_a_change_is_kept_until_its_setting_changes(own_bus: Bus) -> None:
    """A restart keeps a change; a new value in the configuration ends it."""
    async with open_live(own_bus, Settings(), "http") as live:
        await live.put(default_charset="utf8")
    async with open_live(own_bus, Settings(), "http") as live:
        assert live.now.default_charset == "utf8"
    edited = Settings(ingest=IngestSettings(default_charset="cp1251"))
    async with open_live(own_bus, edited, "http") as live:
        assert live.now.default_charset == "cp1251"


async def test_reset(own_bus: Bus) -> None:
    """A reset gives the configuration back, also to those who follow."""
    async with (
        open_live(own_bus, Settings(), "http") as one,
        open_live(own_bus, Settings(), "http") as other,
    ):
        await one.put(default_charset="utf8", accepted_transfer_syntaxes=["1.2.840.10008.1.2"])
        await until(lambda: other.now == one.now)
        await one.reset()
        assert one.now.default_charset == "latin1"
        assert len(one.now.accepted_transfer_syntaxes) > 40
        await until(lambda: other.now == one.now)


async def test_a_wrong_pattern_in_the_settings(own_bus: Bus) -> None:
    """A transfer syntax that is none ends the start with a sentence."""
    wrong = Settings(dicom=DicomSettings(accepted_transfer_syntaxes=["1.2.3"]))
    with pytest.raises(BadRequest, match=r"Unknown transfer syntax '1.2.3'"):
        async with open_live(own_bus, wrong, "http"):
            pass

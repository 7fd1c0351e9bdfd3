# SPDX-License-Identifier: Apache-2.0
"""Settings that REST changes while the store runs: the same in every process, kept over restarts.

A change is one key `live.<name>` of the configuration bucket. It wins over the setting until that
itself is changed in the configuration, or `POST /tools/reset` forgets it.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Literal

import msgspec

from pons.bus import Bus
from pons.dicom.transfer_syntaxes import matching
from pons.remotes.config_keys import ConfigKeys
from pons.runtime.logs import set_verbosity
from pons.settings import Settings

FAMILY = "live"

Verbosity = Literal["default", "verbose", "trace"]
CATEGORIES = ("generic", "plugins", "http", "sqlite", "dicom", "jobs", "lua")
"""Orthanc's categories of log lines."""


class Live(msgspec.Struct, frozen=True):
    """What holds at this moment."""

    default_charset: str
    """Python codec of text in files without SpecificCharacterSet."""
    accepted_transfer_syntaxes: tuple[str, ...]
    """UIDs, sorted."""
    accept_unknown_sop_classes: bool
    metrics: bool = True
    verbosity: dict[str, Verbosity] = {}
    """By category; those that are missing are at `default`, which is `log.level`."""


class _Change(msgspec.Struct, frozen=True):
    """A value, and what the setting was that it replaced."""

    value: Any
    instead_of: Any


def configured(settings: Settings) -> Live:
    """What the settings say. Raises `BadRequest` for a transfer syntax that is none."""
    return Live(
        default_charset=settings.ingest.default_charset,
        accepted_transfer_syntaxes=tuple(matching(settings.dicom.accepted_transfer_syntaxes)),
        accept_unknown_sop_classes=settings.dicom.accept_unknown_sop_classes,
    )


class LiveSettings:
    """The store's live settings. Open it with `open_live`, which keeps it fresh."""

    def __init__(self, bus: Bus, settings: Settings, changed: Callable[[Live], None]) -> None:
        self._configured = configured(settings)
        self._plain = _as_json(self._configured)
        self._changed = changed
        self.keys: ConfigKeys[_Change] = ConfigKeys(bus, FAMILY, _Change, self._update)
        self.now = self._configured
        """What holds at this moment; a look-up in memory."""

    async def put(self, **values: Any) -> None:
        """Change what is named, for every process. Raises `Unavailable`."""
        for name, value in values.items():
            await self.keys.write(name, _Change(_as_json(value), self._plain[name]))

    async def reset(self) -> None:
        """Forget every change: what the configuration says holds again. Raises `Unavailable`."""
        for name in list(self.keys.items()):
            await self.keys.forget(name)

    def _update(self) -> None:
        values = dict(self._plain)
        for name, change in self.keys.items().items():
            if change is not None and name in values and change.instead_of == self._plain[name]:
                values[name] = change.value
        before, self.now = self.now, msgspec.convert(values, Live)
        if self.now != before:
            self._changed(self.now)


def _as_json(value: Any) -> Any:
    """As every process reads it from the bucket, so that values compare."""
    return msgspec.json.decode(msgspec.json.encode(value))


@asynccontextmanager
async def open_live(
    bus: Bus, settings: Settings, category: str, changed: Callable[[Live], None] = lambda _: None
) -> AsyncIterator[LiveSettings]:
    """The live settings, known and fresh as long as the block runs; `changed` hears of changes.

    This process logs as much as they say of its `category`.

    Raises `BadRequest` when the settings name a transfer syntax that is none.
    """

    def hear(now: Live) -> None:
        set_verbosity(now.verbosity.get(category, "default"))
        changed(now)

    live = LiveSettings(bus, settings, hear)
    async with live.keys.following():
        yield live

# SPDX-License-Identifier: Apache-2.0
"""The DICOM peers that a store knows, and what each may ask of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from pons.bus import Bus
from pons.limits.mistakes import validated
from pons.messages.modality import Modality
from pons.remotes import descriptions
from pons.remotes.registry import Registry
from pons.settings import Settings


def parse_modality(value: Any, name: str = "") -> Modality:
    """The modality that `value` describes, which the settings or Orthanc's file call `name`.

    Raises `BadRequest` naming the field and its value.
    """
    where = f"modality {name!r}: " if name else ""
    return as_described(validated(descriptions.Modality, value, where))


def as_described(described: descriptions.Modality) -> Modality:
    """What is kept of a description."""
    both = {"AllowNAction", "AllowEventReport"} - described.model_fields_set
    fields = described.model_dump() | dict.fromkeys(both, described.AllowStorageCommitment)
    return msgspec.convert(fields, Modality)


def to_json(modality: Modality) -> dict[str, Any]:
    """The object that `GET /modalities/{name}/configuration` answers with."""
    result: dict[str, Any] = msgspec.to_builtins(modality)
    return result


class Modalities(Registry[Modality]):
    """The known peers, by name or AE title. Open it with `open_modalities`."""

    def find_by_aet(self, aet: str, strict: bool = False) -> dict[str, Modality]:
        """Those with this AE title, by name: several may share one and differ in their host.

        `strict` compares with case; spaces around a title never count.
        """
        wanted = _comparable(aet, strict)
        return {
            name: modality
            for name, modality in self.list().items()
            if _comparable(modality.aet, strict) == wanted
        }


@asynccontextmanager
async def open_modalities(bus: Bus, settings: Settings) -> AsyncIterator[Modalities]:
    """The store's modalities, known and fresh as long as the block runs.

    Raises `BadRequest` when the settings name one that cannot be.
    """
    modalities = Modalities(
        bus, "modality", "/modalities", settings.modalities, parse_modality, Modality
    )
    async with modalities.following():
        yield modalities


def _comparable(aet: str, strict: bool) -> str:
    return aet.strip() if strict else aet.strip().upper()

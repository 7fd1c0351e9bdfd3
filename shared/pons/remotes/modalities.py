# SPDX-License-Identifier: Apache-2.0
"""The DICOM peers that a store knows, and what each may ask of it."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, get_args

import msgspec

from pons.bus import Bus
from pons.errors import BadRequest
from pons.messages.modality import Manufacturer, Modality, RetrieveMethod
from pons.remotes.config_keys import ConfigKeys
from pons.remotes.registry import Registry
from pons.settings import Settings

OLD_MANUFACTURERS: dict[str, Manufacturer] = {
    "AgfaImpax": "GenericNoWildcardInDates",
    "ClearCanvas": "Generic",
    "Dcm4Chee": "Generic",
    "EFilm2": "Generic",
    "MedInria": "Generic",
    "StoreScp": "Generic",
    "SyngoVia": "GenericNoWildcardInDates",
}
"""Names that older configurations still hold, and what Orthanc takes them for."""

AE_TITLE = re.compile(r"[ -\[\]-~]{1,16}")
LARGEST_PORT = 65534
FAMILY = "modality"


FLAGS = tuple(f.encode_name for f in msgspec.structs.fields(Modality) if f.type is bool)


def parse_modality(value: Any, name: str = "") -> Modality:
    """The peer that an object, `[AET, Host, Port]` or `[AET, Host, Port, Manufacturer]` describes.

    Raises `BadRequest` naming the field and its value. Keys that Orthanc does not have are ignored,
    as Orthanc does.
    """
    where = f"modality {name!r}: " if name else ""
    if isinstance(value, list | tuple):
        if len(value) not in (3, 4):
            raise BadRequest(f"{where}expected [AET, Host, Port, Manufacturer], got {value!r}")
        value = dict(zip(("AET", "Host", "Port", "Manufacturer"), value, strict=False))
    if not isinstance(value, Mapping):
        raise BadRequest(f"{where}expected an object or an array, got {value!r}")
    fields: dict[str, Any] = {
        "AET": ae_title(value.get("AET"), f"{where}AET"),
        "Host": _host(value.get("Host"), where),
        "Port": port_number(value.get("Port"), f"{where}Port"),
        "Manufacturer": _manufacturer(value.get("Manufacturer", "Generic"), where),
        "RetrieveMethod": _choice("RetrieveMethod", RetrieveMethod, value, "SystemDefault", where),
        "LocalAet": "",
        "Timeout": _timeout(value.get("Timeout", 0), where),
    }
    if value.get("LocalAet", "") != "":
        fields["LocalAet"] = ae_title(value["LocalAet"], f"{where}LocalAet")
    both = _flags(value, ("AllowStorageCommitment",), where)
    if both:
        fields["AllowNAction"] = fields["AllowEventReport"] = both["AllowStorageCommitment"]
    fields |= _flags(value, FLAGS, where)
    return msgspec.convert(fields, Modality)


def to_json(modality: Modality) -> dict[str, Any]:
    """The object that `GET /modalities/{name}/configuration` answers with."""
    result: dict[str, Any] = msgspec.to_builtins(modality)
    return result


def ae_title(value: Any, where: str) -> str:
    """`value`, when it is an AE title (PS3.5 6.2: 16 characters, no backslash), or `BadRequest`."""
    if not isinstance(value, str) or AE_TITLE.fullmatch(value) is None or not value.strip():
        raise BadRequest(f"{where}: expected 1 to 16 characters without backslash, got {value!r}")
    return value.strip()


def port_number(value: Any, where: str) -> int:
    """`value`, a number or its text, when it is a port; else `BadRequest`."""
    wrong = BadRequest(f"{where}: expected a number from 1 to {LARGEST_PORT}, got {value!r}")
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise wrong
    try:
        port = int(value)
    except ValueError:
        raise wrong from None
    if not 1 <= port <= LARGEST_PORT:
        raise wrong
    return port


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
    changed: ConfigKeys[Modality] = ConfigKeys(bus, FAMILY, Modality)
    modalities = Modalities(FAMILY, "/modalities", settings.modalities, parse_modality, changed)
    async with changed.following():
        yield modalities


def _comparable(aet: str, strict: bool) -> str:
    return aet.strip() if strict else aet.strip().upper()


def _host(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadRequest(f"{where}Host: expected a host name or address, got {value!r}")
    return value.strip()


def _timeout(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BadRequest(f"{where}Timeout: expected whole seconds, 0 or more, got {value!r}")
    return value


def _manufacturer(value: Any, where: str) -> str:
    known = OLD_MANUFACTURERS.get(value, value) if isinstance(value, str) else value
    return _choice("Manufacturer", Manufacturer, {"Manufacturer": known}, "Generic", where)


def _choice(key: str, choices: Any, value: Mapping[str, Any], default: str, where: str) -> str:
    chosen = value.get(key, default)
    if chosen not in get_args(choices):
        expected = ", ".join(get_args(choices))
        raise BadRequest(f"{where}{key}: expected one of {expected}, got {chosen!r}")
    return str(chosen)


def _flags(value: Mapping[str, Any], keys: tuple[str, ...], where: str) -> dict[str, bool]:
    flags = {key: value[key] for key in keys if key in value}
    for key, flag in flags.items():
        if not isinstance(flag, bool):
            raise BadRequest(f"{where}{key}: expected true or false, got {flag!r}")
    return flags

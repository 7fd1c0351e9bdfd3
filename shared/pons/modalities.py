# SPDX-License-Identifier: Apache-2.0
"""The DICOM peers that a store knows, and what each may ask of it."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal, get_args

import msgspec
from msgspec import field

from pons.bus import Bus
from pons.config_keys import ConfigKeys
from pons.errors import BadRequest
from pons.registry import Registry
from pons.settings import Settings

Manufacturer = Literal[
    "Generic",
    "GenericNoWildcardInDates",
    "GenericNoUniversalWildcard",
    "Vitrea",
    "GE",
    "SiemensSyngoCT",
]
RetrieveMethod = Literal["SystemDefault", "C-MOVE", "C-GET"]

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


class Modality(msgspec.Struct, frozen=True, rename="pascal"):
    """A DICOM peer, with Orthanc's names on the wire; the `allow_*` say what it may ask of us."""

    aet: str = field(name="AET")
    host: str
    port: int
    manufacturer: Manufacturer = "Generic"
    allow_echo: bool = True
    allow_store: bool = True
    allow_find: bool = True
    allow_find_worklist: bool = True
    allow_get: bool = True
    allow_move: bool = True
    allow_n_action: bool = True
    allow_event_report: bool = True
    allow_transcoding: bool = True
    use_dicom_tls: bool = False
    local_aet: str = ""
    timeout: int = 0
    """Seconds; 0 means the store's own setting."""
    retrieve_method: RetrieveMethod = "SystemDefault"


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

# SPDX-License-Identifier: Apache-2.0
"""The DICOM peers that a store knows: from its settings, changed over REST, the same everywhere.

A change is one key `modality.<name>` in the configuration bucket, and wins over the settings; a
deleted modality leaves a `null` there. Each service follows the bucket, so that `list`, `get` and
`find_by_aet` are look-ups in memory that survive NATS being away.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal, get_args

import msgspec
import nats.errors
import nats.js.errors
import structlog
from msgspec import field

from pons.bus import Bus
from pons.errors import BadRequest, NotFound, Unavailable
from pons.settings import Settings
from pons.watch import Entry, watch_keys

log = structlog.get_logger()

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

NAME = re.compile(r"[A-Za-z0-9_-]+")
AE_TITLE = re.compile(r"[ -\[\]-~]{1,16}")
LARGEST_PORT = 65534
PREFIX = "modality."


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


def check_name(name: str) -> str:
    """`name`, when it may name a modality; else `BadRequest`."""
    if NAME.fullmatch(name) is None:
        raise BadRequest(
            f"The name of a modality is letters, digits, '-' and '_' only, not {name!r}"
        )
    return name


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


class Modalities:
    """The known peers, by name. Open it with `open_modalities`, which keeps it fresh."""

    def __init__(self, bus: Bus, configured: Mapping[str, Any]) -> None:
        self._bus = bus
        self._configured = {
            check_name(name): parse_modality(value, name) for name, value in configured.items()
        }
        self._changed: dict[str, tuple[Modality | None, int]] = {}
        self.ready = asyncio.Event()

    def list(self) -> dict[str, Modality]:
        """All of them, sorted by name."""
        known: dict[str, Modality] = dict(self._configured)
        for name, (modality, _) in self._changed.items():
            if modality is None:
                known.pop(name, None)
            else:
                known[name] = modality
        return dict(sorted(known.items()))

    def get(self, name: str) -> Modality:
        """The modality called `name`; raises `NotFound`."""
        configured = (self._configured.get(name), 0)
        modality, _ = self._changed.get(name, configured)
        if modality is None:
            raise _unknown(name)
        return modality

    async def read(self, name: str) -> Modality:
        """As `get`, but what the bucket holds at this moment: for acting on a change just made.

        While NATS is away, what was known last.
        """
        check_name(name)
        try:
            bucket = await self._bus.bucket(self._bus.names.config_bucket)
            entry = await bucket.get(f"{PREFIX}{name}")
        except nats.js.errors.KeyNotFoundError:
            self._changed.pop(name, None)
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
            log.warning("modality read from memory", modality=name, error=repr(error))
        else:
            self._take(Entry(entry.key or "", entry.value, entry.revision or 0))
        return self.get(name)

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

    async def put(self, name: str, modality: Modality) -> None:
        """Create or replace; seen here at once and by every service shortly after."""
        await self._write(check_name(name), modality)

    async def delete(self, name: str) -> None:
        """Forget it, also when the settings name it; raises `NotFound`."""
        await self.read(name)
        await self._write(name, None)

    async def follow(self) -> None:
        """Keep what is known fresh, for ever."""
        async for item in watch_keys(self._bus, self._bus.names.config_bucket, f"{PREFIX}*"):
            if isinstance(item, Entry):
                self._take(item)
                continue
            for name in [n for n in self._changed if f"{PREFIX}{n}" not in item.entries]:
                del self._changed[name]
            for entry in item.entries.values():
                self._take(entry)
            self.ready.set()

    async def _write(self, name: str, modality: Modality | None) -> None:
        try:
            bucket = await self._bus.bucket(self._bus.names.config_bucket)
            revision = await bucket.put(f"{PREFIX}{name}", msgspec.json.encode(modality))
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
            raise Unavailable("The configuration cannot be changed now", repr(error)) from error
        self._changed[name] = (modality, revision)

    def _take(self, entry: Entry) -> None:
        name = entry.key.removeprefix(PREFIX)
        if entry.revision < self._changed.get(name, (None, 0))[1]:
            return  # our own later write is known already
        if entry.value is None:
            self._changed.pop(name, None)
            return
        try:
            modality = msgspec.json.decode(entry.value, type=Modality | None)
        except msgspec.DecodeError:
            log.exception("modality cannot be read", modality=name)
            return
        self._changed[name] = (modality, entry.revision)


@asynccontextmanager
async def open_modalities(bus: Bus, settings: Settings) -> AsyncIterator[Modalities]:
    """The store's modalities, known and fresh as long as the block runs.

    Raises `BadRequest` when the settings name one that cannot be.
    """
    modalities = Modalities(bus, settings.modalities)
    async with asyncio.TaskGroup() as group:
        following = group.create_task(modalities.follow())
        await modalities.ready.wait()
        yield modalities
        following.cancel()


def _unknown(name: str) -> NotFound:
    return NotFound(f"There is no modality {name!r}", "GET /modalities lists those that are known")


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

# SPDX-License-Identifier: Apache-2.0
"""Lets scripts change what a C-FIND asks for, before it is looked for."""

from collections.abc import Mapping
from typing import Any

import msgspec

from pons.dicom.orthanc_json import GROUPS, element_text
from pons.dicom.vocabulary import attribute
from pons.lua.queries import filtered_query
from pons.lua.scripts import Scripts
from pons.worklists.matching import ONE_TEXT
from pons_ingress.admission import KnownModalities, Peer

Elements = Mapping[str, Mapping[str, Any]]


class FindFilter:
    """Asks one function; where scripts do not define it, queries pass as they are."""

    def __init__(self, scripts: Scripts, function: str, modalities: KnownModalities) -> None:
        self._scripts = scripts
        self._function = function
        self._modalities = modalities

    async def filtered(self, identifier: bytes, peer: Peer) -> bytes:
        """The identifier that is to be answered, as DICOM JSON. Raises `Unavailable`."""
        if not self._scripts.defines(self._function):
            return identifier
        asked: Elements = msgspec.json.decode(identifier)
        known = next(iter(self._modalities.find_by_aet(peer.calling_aet).values()), None)
        origin = {
            "RemoteIp": peer.remote_ip,
            "RemoteAet": peer.calling_aet,
            "CalledAet": peer.called_aet,
            "Manufacturer": known.manufacturer if known else "Generic",
        }
        wanted = await filtered_query(self._scripts, self._function, _texts(asked), origin)
        return msgspec.json.encode(_elements(wanted, asked))


def _texts(elements: Elements) -> dict[str, Any]:
    """Tags to texts, or to items of such."""
    return {
        tag: [_texts(item) for item in one.get("Value", ())]
        if one["vr"] == "SQ"
        else element_text(tag, one) or ""
        for tag, one in elements.items()
    }


def _elements(wanted: Mapping[str, Any], asked: Elements) -> dict[str, Any]:
    """Elements of texts; one that was `asked` and is still the same stays as it came."""
    before = _texts(asked)
    return {
        tag: asked[tag] if tag in asked and before[tag] == value else _element(tag, value, asked)
        for tag, value in sorted(wanted.items())
    }


def _element(tag: str, value: Any, asked: Elements) -> dict[str, Any]:
    known = attribute(int(tag, 16))
    vr = asked[tag]["vr"] if tag in asked else str(known[0])[:2] if known else "LO"
    if isinstance(value, list):
        # Of an item that is changed, or new, nobody knows which one it was.
        return {"vr": "SQ", "Value": [_elements(item, {}) for item in value]}
    if not value:
        return {"vr": vr}
    parts = [value] if vr in ONE_TEXT else value.split("\\")
    if vr == "PN":
        names = [dict(zip(GROUPS, one.split("="), strict=False)) for one in parts]
        return {"vr": vr, "Value": names}
    return {"vr": vr, "Value": parts}

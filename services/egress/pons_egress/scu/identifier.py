# SPDX-License-Identifier: Apache-2.0
"""The identifier of a request: its keys, encoded as the association wants them (PS3.5 7).

Values are those of a caller: text such as `20240101-` or `A*`, which the VR's own rules would not
allow. So the store's own writer encodes them, and pydicom passes them on as they are.
"""

from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom.dsutils import decode

from pons.dicom.orthanc_json import reserving_tag
from pons.dicom.tag_names import display_tag, parse_tag
from pons.dicom.transfer_syntaxes import EXPLICIT_VR, IMPLICIT_VR
from pons.dicom.vocabulary import attribute, private_attribute
from pons.errors import BadRequest
from pons.header.repertoire import UTF_8, Repertoire, term_of
from pons.header.write import CHARACTER_SET, NUMBERS, TEXT, write_dataset

ASCII = frozenset(("AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UN", "UR"))
"""VRs whose values are written in the default repertoire."""
Keys = Mapping[str, Any]
"""Tag ("GGGGEEEE") to a text, or to a list of keys for a sequence."""


def identifier(keys: Keys, default_codec: str, *, implicit: bool) -> Dataset:
    """The data set of the keys.

    With the character set that the keys name; else with the store's default, a Python codec, or
    UTF-8 where that has not all of their characters. Raises `BadRequest` for a value that its VR
    cannot have.
    """
    syntax = IMPLICIT_VR if implicit else EXPLICIT_VR
    repertoire = _repertoire(keys, default_codec)
    written = write_dataset(_elements(keys), syntax, repertoire)
    return decode(BytesIO(written), implicit, True)


def _repertoire(keys: Keys, default_codec: str) -> Repertoire:
    given = str(keys.get(CHARACTER_SET) or "")
    repertoire = Repertoire(given or term_of(default_codec))
    for tag, text in _texts(keys):
        if not repertoire.has(text):
            if given:
                raise BadRequest(f"{display_tag(tag)} has characters that {given!r:.100} lacks")
            return Repertoire(UTF_8)
    return repertoire


def _texts(keys: Keys) -> Iterator[tuple[str, str]]:
    """Every text, also those inside of sequences, with its tag."""
    for tag, value in keys.items():
        if isinstance(value, str):
            yield tag, value
        for item in value if isinstance(value, list) else ():
            yield from _texts(item if isinstance(item, Mapping) else {})


def _elements(keys: Keys) -> dict[str, dict[str, Any]]:
    """The keys as DICOM JSON."""
    return {tag: _element(tag, _vr(tag, keys), value) for tag, value in keys.items()}


def _vr(tag: str, keys: Keys) -> str:
    """The VR that a dictionary knows, the first of several that are possible."""
    reserving = reserving_tag(tag)
    if reserving == tag:
        return "LO"
    number = int(tag, 16)
    known: Any = attribute(number)
    if reserving is not None:
        known = private_attribute(number, str(keys.get(reserving, "")))
    return str(known[0])[:2] if known else "UN"


def _element(tag: str, vr: str, value: Any) -> dict[str, Any]:
    if vr == "SQ" and isinstance(value, list):
        return {"vr": vr, "Value": [_item(item) for item in value]}
    if not isinstance(value, str):
        raise BadRequest(f"The value of {display_tag(tag)} must be a text, not {value!r:.100}")
    if not value:
        return {"vr": vr}
    if vr in NUMBERS:
        return {"vr": vr, "Value": value.split("\\")}
    if vr == "AT":
        return {"vr": vr, "Value": [parse_tag(one) for one in value.split("\\")]}
    if vr in ASCII and not value.isascii():
        raise BadRequest(f"The value of {display_tag(tag)} ({vr}) must be ASCII: {value!r:.100}")
    if vr not in ASCII | TEXT:
        raise BadRequest(f"{display_tag(tag)} ({vr}) cannot have a text as its value")
    if vr == "UN":
        value += " " * (len(value) % 2)  # it is a text to whoever knows the attribute
    return {"vr": vr, "Value": [{"Alphabetic": value} if vr == "PN" else value]}


def _item(keys: Any) -> dict[str, dict[str, Any]]:
    if not isinstance(keys, Mapping):
        raise BadRequest(f"An item of a sequence must be an object, not {keys!r:.100}")
    return _elements(keys)

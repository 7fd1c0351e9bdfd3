# SPDX-License-Identifier: Apache-2.0
"""The identifier of one answer to a C-FIND: the attributes asked for, whatever a resource lacks."""

import struct
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from pons.catalog import Resource
from pons.dicom.orthanc_json import GROUPS, element_text, reserving_tag
from pons.header.repertoire import UTF_8, Repertoire
from pons.header.write import CHARACTER_SET, NUMBERS, ElementWriter
from pons_ingress.find_query import (
    AVAILABILITY,
    INSTANCE_AVAILABILITY,
    QUERY_RETRIEVE_LEVEL,
    RETRIEVE_AET,
    Key,
    Query,
)

Element = dict[str, Any]
NOT_TEXT = frozenset((*NUMBERS, "AT"))
"""VRs whose values are not written as the index has them."""


class AnswerWriter:
    """Writes the answers to one query.

    Each has the attributes that the query names, empty where a resource has none, and says who
    holds it, at which level it is, and its character set.
    """

    def __init__(
        self, query: Query, transfer_syntax: str, repertoire: Repertoire, retrieve_aet: str
    ) -> None:
        said: dict[str, Element] = {
            CHARACTER_SET: {"vr": "CS", "Value": repertoire.term.split("\\")},
            QUERY_RETRIEVE_LEVEL: {"vr": "CS", "Value": [query.level]},
            RETRIEVE_AET: {"vr": "AE", "Value": [retrieve_aet]},
        }
        if INSTANCE_AVAILABILITY in query.ours:
            said[INSTANCE_AVAILABILITY] = {"vr": "CS", "Value": [AVAILABILITY]}
        self._writer = ElementWriter(transfer_syntax, repertoire)
        parts: dict[str, Key | bytes] = {key.tag: key for key in query.keys}
        parts |= {tag: self._writer.element(tag, one) for tag, one in said.items()}
        self._parts = [parts[tag] for tag in sorted(parts)]
        """Ascending: what every answer says as it is written, and what it has of its resource."""
        creators = {reserving_tag(key.tag) or key.tag for key in query.keys}
        self.tags = tuple(sorted({key.tag for key in query.keys} | creators))
        """What is to be read of each resource."""

    def write(self, resource: Resource) -> bytes:
        """The answer that is this resource."""
        return self._writer.finished(
            b"".join(
                part if isinstance(part, bytes) else self._written(part, resource)
                for part in self._parts
            )
        )

    def _written(self, key: Key, resource: Resource) -> bytes:
        text = resource.requested.get(key.tag)
        if (
            text is None
            or key.vr in NOT_TEXT
            or (key.vr == "PN" and text.count("=") >= len(GROUPS))
        ):
            return self._writer.element(key.tag, _element(key, resource))
        return self._writer.text(key.tag, key.vr, text)


class CompleteWriter:
    """As `AnswerWriter`, but what has characters that the repertoire lacks is written in UTF-8."""

    def __init__(
        self, query: Query, transfer_syntax: str, repertoire: Repertoire, retrieve_aet: str
    ) -> None:
        self._repertoire = repertoire
        self._usual = AnswerWriter(query, transfer_syntax, repertoire, retrieve_aet)
        self._other = AnswerWriter(query, transfer_syntax, Repertoire(UTF_8), retrieve_aet)
        self.tags = self._usual.tags

    def write(self, resource: Resource) -> bytes:
        """The answer that is this resource."""
        fits = all(map(self._repertoire.has, self._texts(resource)))
        return (self._usual if fits else self._other).write(resource)

    def _texts(self, resource: Resource) -> Iterator[str]:
        """What the answer is made of, where there is more than ASCII in it."""
        for tag in self.tags:
            text = resource.requested.get(tag)
            if text is None:
                text = resource.elements.get(tag, b"").decode()
            if not text.isascii():
                yield text


def _element(key: Key, resource: Resource) -> Element:
    text = resource.requested.get(key.tag)
    if text is not None:
        return {"vr": key.vr, "Value": _values(key.vr, text)}
    reserving = reserving_tag(key.tag)
    if reserving == key.tag and key.creator:
        return {"vr": "LO", "Value": [key.creator]}
    found = _in_header(resource, key.tag)
    if found is None or (key.creator and _creator(resource, reserving) != key.creator):
        return {"vr": key.vr}
    return _without_long(found)


def _values(vr: str, text: str) -> list[Any]:
    """A text of the index as the values of DICOM JSON; none where they are no numbers."""
    if not text:
        return []
    values = text.split("\\")
    if vr == "PN":
        return [dict(zip(GROUPS, one.split("="), strict=False)) for one in values]
    if vr == "AT":
        values = [one.replace(",", "") for one in values]
    if vr != "AT" and vr not in NUMBERS:
        return values
    return values if all(_is_number(vr, one) for one in values) else []


def _is_number(vr: str, text: str) -> bool:
    """Whether a text is a number that a value of this VR can hold."""
    try:
        if vr == "AT":
            return 0 <= int(text, 16) <= 0xFFFFFFFF
        struct.pack(f"<{NUMBERS[vr]}", float(text) if vr in ("FL", "FD") else int(text))
    except (ValueError, OverflowError, struct.error):
        return False
    return True


def _without_long(element: Mapping[str, Any]) -> Element:
    """An element, empty wherever it has a value that stayed in the file."""
    if element["vr"] != "SQ":
        return {"vr": element["vr"]} if "BulkDataURI" in element else dict(element)
    items = element.get("Value") or ()
    shown = [{tag: _without_long(one) for tag, one in (item or {}).items()} for item in items]
    return {"vr": "SQ", "Value": shown}


def _in_header(resource: Resource, tag: str) -> Element | None:
    found = resource.elements.get(tag)
    return None if found is None else msgspec.json.decode(found, type=dict[str, Any])


def _creator(resource: Resource, reserving: str | None) -> str:
    """Whose block of private attributes it is in a header."""
    element = _in_header(resource, reserving) if reserving else None
    return (element_text(reserving or "", element) or "").strip() if element else ""

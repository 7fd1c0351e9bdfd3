# SPDX-License-Identifier: Apache-2.0
"""A header as a tree for people: each element with its name and representation, long values cut."""

from base64 import b64decode
from collections.abc import Iterable, Iterator
from typing import Any

from orjson import loads

from pons.dicom.orthanc_json import element_text, reserving_tag
from pons.dicom.vocabulary import UIDS, attribute, private_attribute
from pons.header.json_elements import elements
from pons_gateway.models.tag_tree import USUAL_LENGTH

ROOM = 8 << 20
"""Characters of all values together; those beyond are cut to the usual length."""
MOST = 20_000
"""Elements of a tree, those of items included."""
LARGEST = 1 << 20
"""Bytes of a sequence as JSON beyond which its items are not shown."""

Element = dict[str, Any]


class TagTree:
    """The elements of one header, as many as are shown."""

    def __init__(self, longest: int = USUAL_LENGTH) -> None:
        self.left = MOST
        self._longest = longest
        self._room = ROOM

    def read(self, header: bytes) -> list[Element]:
        """What is shown of a data set in DICOM JSON."""
        return self._shown(_decoded(header), "")

    def _shown(self, dataset: Iterable[tuple[str, Element]], above: str) -> list[Element]:
        shown = []
        creators: dict[str, str] = {}
        for tag, element in dataset:
            if self.left == 0:
                break
            self.left -= 1
            reserving = reserving_tag(tag)
            if reserving == tag:
                creators[tag] = str((element.get("Value") or [""])[0] or "")
            creator = creators.get(reserving, "") if reserving else ""
            shown.append(self._element(tag, element, creator, above))
        return shown

    def _element(self, tag: str, element: Element, creator: str, above: str) -> Element:
        path = f"{above}{tag[:4]}-{tag[4:]}".lower()
        told: Element = {"tag": tag, "path": path, "vr": element["vr"], **_named(tag, creator)}
        if element["vr"] == "SQ":
            items = element.get("Value", [])
            told["items"] = [
                self._shown((item or {}).items(), f"{path}/{number}/")
                for number, item in enumerate(items)
                if self.left
            ]
            told["count"] = len(items) if "cut" not in element else None
            told["cut"] = "cut" in element or len(told["items"]) < len(items)
            return told
        return told | self._value(tag, element)

    def _value(self, tag: str, element: Element) -> Element:
        """The value as text, as far as it is shown; of a binary one how many bytes it has."""
        text = element_text(tag, element)
        if text is None:
            return {"value": None, "bytes": _bytes(element), "cut": _bytes(element) > 0}
        longest = self._longest if len(text) <= self._room else USUAL_LENGTH
        told: Element = {"value": text[:longest], "cut": len(text) > longest}
        self._room -= len(told["value"])
        if told["cut"]:
            told["length"] = len(text)
        if "BulkDataURI" in element:
            told |= {"bytes": _bytes(element), "cut": True}
        if element["vr"] == "UI" and text in UIDS:
            told["meaning"] = UIDS[text][0]
        return told


def _decoded(header: bytes) -> Iterator[tuple[str, Element]]:
    """Each element by itself, so that a large header takes no more than its largest element."""
    for tag, text in elements(header):
        if len(text) > LARGEST and text.startswith(b'{"vr":"SQ"'):
            yield tag, {"vr": "SQ", "cut": True}
        else:
            yield tag, loads(text)


def _named(tag: str, creator: str) -> Element:
    """Name, keyword, and the creator of a private element."""
    if (reserving := reserving_tag(tag)) is None:
        known = attribute(int(tag, 16))
        if known is None:
            return {"name": "Group Length" if tag.endswith("0000") else "", "keyword": ""}
        return {"name": known.name, "keyword": known.keyword}
    if reserving == tag:
        return {"name": "Private Creator", "keyword": ""}
    private = private_attribute(int(tag, 16), creator) if creator else None
    return {"name": private[2] if private else "", "keyword": "", "creator": creator}


def _bytes(element: Element) -> int:
    if "BulkDataURI" in element:
        return int(element["BulkDataURI"].rpartition("/")[2])
    return len(b64decode(element.get("InlineBinary", "")))

# SPDX-License-Identifier: Apache-2.0
"""What a C-MOVE or C-GET asks for: from its identifier to resources (PS3.4 C.4.2, C.4.3)."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from pons.catalog import Search
from pons.catalog.search import has_wildcard
from pons.dicom.levels import LEVELS, Level
from pons.dicom.orthanc_json import element_text
from pons.dicom.tag_names import tag_name
from pons.errors import BadRequest, InvalidInstance, NotFound
from pons.header.json_elements import elements
from pons_ingress.conversation import Conversation
from pons_ingress.find_query import LEVELS_BY_NAME, QUERY_RETRIEVE_LEVEL
from pons_ingress.identifier import ReceivedIdentifier
from pons_ingress.service_classes import PATIENT_STUDY_ONLY_GET, PATIENT_STUDY_ONLY_MOVE

ACCESSION_NUMBER = "00080050"
UNIQUE_KEYS: Mapping[Level, tuple[str, ...]] = {
    "Patient": ("00100020",),
    "Study": (ACCESSION_NUMBER, "0020000D"),
    "Series": ("0020000E",),
    "Instance": ("00080018",),
}
"""Level to the attributes that say which resources are meant: each that has a value."""


class Searcher(Protocol):
    """The part of `pons.catalog.Catalog` that finds them."""

    def search_ids(self, search: Search) -> AsyncIterator[list[str]]:
        """Identifiers in pages. Raises `BadRequest` for what cannot be asked, `Unavailable`."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which resources a peer wants: those of a level that have a value of each attribute."""

    level: Level
    named: tuple[tuple[str, str], ...]
    """Tags, each with its values, parted by backslashes."""

    async def find(self, catalog: Searcher) -> list[str]:
        """Their identifiers. Raises `NotFound` where there are none."""
        search = Search(self.level, self.named, case_sensitive=True)
        found = [one async for page in catalog.search_ids(search) for one in page]
        if not found:
            raise NotFound(f"There is no such {self.level.lower()}")
        return found


def read_wanted(conversation: Conversation, charset: str, *, level_needed: bool) -> Wanted:
    """What the request asks for; text without SpecificCharacterSet is in Python's `charset`.

    As in Orthanc, of the unique keys that of the level alone counts, and a study may be named by
    its AccessionNumber. Where it is named by both, both have to fit: of Orthanc the number alone
    counts, which another patient's study may have as well.
    Without a level the lowest that is named is meant, unless `level_needed`.
    Raises `BadRequest` for what names nothing, or too much: a wildcard would move whole stores.
    """
    context, identifier = conversation.message.context, conversation.message.dataset
    if not isinstance(identifier, ReceivedIdentifier):
        raise InvalidInstance("The request has no identifier")
    json = identifier.read(context.transfer_syntax, charset)
    named = {tag: _text(tag, element) for tag, element in elements(json) if tag in NAMING}
    level = _level(named, level_needed=level_needed)
    only_two = context.abstract_syntax in (PATIENT_STUDY_ONLY_GET, PATIENT_STUDY_ONLY_MOVE)
    if only_two and level not in ("Patient", "Study"):
        raise BadRequest(f"The patient/study only model has no level {level.lower()}")
    keys = tuple((key, named[key]) for key in UNIQUE_KEYS[level] if named.get(key))
    if not keys:
        raise BadRequest(f"{tag_name(UNIQUE_KEYS[level][-1])} is missing, which says what to send")
    for tag, values in keys:
        if has_wildcard(values):
            raise BadRequest(f"Wildcards cannot be used in {tag_name(tag)} of what to send")
    return Wanted(level, keys)


NAMING = {QUERY_RETRIEVE_LEVEL}.union(*UNIQUE_KEYS.values())
"""What is read of an identifier."""


def _level(named: Mapping[str, str], *, level_needed: bool) -> Level:
    name = named.get(QUERY_RETRIEVE_LEVEL, "")
    if name:
        level = LEVELS_BY_NAME.get(name.upper())
        if level is None:
            raise BadRequest(f"QueryRetrieveLevel (0008,0052) cannot be {name[:16]!r}")
        return level
    if not level_needed:
        for level in reversed(LEVELS):
            if any(named.get(key) for key in UNIQUE_KEYS[level]):
                return level
    raise BadRequest("QueryRetrieveLevel (0008,0052) is missing")


def _text(tag: str, element: bytes) -> str:
    """Its values, parted by backslashes; an empty one among them would name all that have none."""
    decoded: dict[str, Any] = msgspec.json.decode(element)
    values = (element_text(tag, decoded) or "").split("\\")
    return "\\".join(filter(None, map(str.strip, values)))

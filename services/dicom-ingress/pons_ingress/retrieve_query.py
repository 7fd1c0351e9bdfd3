# SPDX-License-Identifier: Apache-2.0
"""What a C-MOVE or C-GET asks for: from its identifier to resources (PS3.4 C.4.2, C.4.3)."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from pons.catalog import InstanceToSend, Search
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
VALUE_OF: Mapping[str, Callable[[InstanceToSend], str]] = {
    "00100020": lambda instance: instance.patient_id,
    "0020000D": lambda instance: instance.study_uid,
    "0020000E": lambda instance: instance.series_uid,
    "00080018": lambda instance: instance.sop_instance_uid,
}
"""What an instance has of a unique key."""
ANYTHING = "*"
"""What some peers say of levels above: no value (PS3.4 C.2.2.2.4)."""


class Searcher(Protocol):
    """The part of `pons.catalog.Catalog` that finds them."""

    def search_ids(self, search: Search) -> AsyncIterator[list[str]]:
        """Identifiers in pages. Raises `BadRequest` for what cannot be asked, `Unavailable`."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which resources a peer wants: those of a level that have a value of each attribute."""

    level: Level
    named: tuple[tuple[str, str], ...]
    """Tags of this level, each with its values, parted by backslashes."""
    above: tuple[tuple[str, str], ...] = ()
    """The same of the levels above."""

    async def find(self, catalog: Searcher) -> list[str]:
        """Their identifiers. Raises `NotFound` where there are none."""
        search = Search(self.level, (*self.above, *self.named), case_sensitive=True)
        found = [one async for page in catalog.search_ids(search) for one in page]
        if not found:
            within = " that fits the keys of the levels above" if self.above else ""
            raise NotFound(f"There is no such {self.level.lower()}{within}")
        return found

    def lacking(self, found: Iterable[InstanceToSend]) -> list[str]:
        """What a list of values names and nothing was found by, given all that was found.

        PS3.4 C.4.2.3.1 has the sub-operations of what matches counted, and says nothing of what
        does not. Who names an instance expects it, so it counts as one that failed: Success means
        "no failures". Orthanc and DCMTK say nothing of it. Lists of AccessionNumbers are no unique
        keys, and find what they find.
        """
        lacking: list[str] = []
        for tag, text in self.named:
            values = dict.fromkeys(text.split("\\"))
            if tag in VALUE_OF and len(values) > 1:
                there = {VALUE_OF[tag](one).strip() for one in found}
                lacking += [value for value in values if value not in there]
        return lacking


def read_wanted(conversation: Conversation, charset: str, *, level_needed: bool) -> Wanted:
    """What the request asks for; text without SpecificCharacterSet is in Python's `charset`.

    The key of the level says what is sent, and those of the levels above have to fit where they
    have a value (PS3.4 C.4.2.2.1 demands them; peers that leave them out are served all the same).
    Orthanc passes over those above: but what contradicts the request may be another patient's.
    As in Orthanc a study may be named by its AccessionNumber; by both, both have to fit.
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
    above = tuple(
        (key, named[key])
        for higher in LEVELS[: LEVELS.index(level)]
        for key in UNIQUE_KEYS[higher]
        if named.get(key, ANYTHING) not in ("", ANYTHING)
    )
    return Wanted(level, keys, above)


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

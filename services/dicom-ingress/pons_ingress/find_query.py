# SPDX-License-Identifier: Apache-2.0
"""What a C-FIND asks: from its identifier to a search of the catalog (PS3.4 C.2.2, C.4.1)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from pons.catalog.schema import ALL_COMPUTED, MODALITIES_IN_STUDY, SOP_CLASSES_IN_STUDY
from pons.catalog.search import WILDCARDS, Search, vr_of
from pons.dicom.levels import Level
from pons.dicom.orthanc_json import element_text, reserving_tag
from pons.dicom.vocabulary import private_attribute
from pons.errors import BadRequest
from pons.header.json_elements import elements
from pons_ingress.service_classes import PATIENT_STUDY_ONLY_FIND

CHARACTER_SET = "00080005"
QUERY_RETRIEVE_LEVEL = "00080052"
RETRIEVE_AET = "00080054"
INSTANCE_AVAILABILITY = "00080056"
TIMEZONE = "00080201"

LEVELS_BY_NAME: dict[str, Level] = {
    "PATIENT": "Patient",
    "STUDY": "Study",
    "SERIES": "Series",
    "IMAGE": "Instance",
    "INSTANCE": "Instance",
    "PATIENTS": "Patient",
    "STUDIES": "Study",
    "IMAGES": "Instance",
    "INSTANCES": "Instance",
}
"""The standard's names of the levels, and others that Orthanc understands."""
CANNOT_MATCH = ALL_COMPUTED - {MODALITIES_IN_STUDY, SOP_CLASSES_IN_STUDY}
"""Computed attributes that are returned, and by which nothing is found."""
NOT_TEXT = frozenset(("InlineBinary", "BulkDataURI"))
"""Members of an element whose value is bytes, by which nothing is found."""
AVAILABILITY = "ONLINE"
"""InstanceAvailability of whatever is found."""
OURS = frozenset((CHARACTER_SET, QUERY_RETRIEVE_LEVEL, RETRIEVE_AET, INSTANCE_AVAILABILITY))
"""What an answer says of itself."""


@dataclass(frozen=True, slots=True)
class Key:
    """One attribute that a query names, and that its answers have."""

    tag: str
    vr: str
    creator: str = ""
    """Of a private attribute, whose it is; of a private creator, itself."""


@dataclass(frozen=True, slots=True)
class Query:
    """A C-FIND request."""

    search: Search
    level: str
    """As the peer calls it."""
    keys: tuple[Key, ...]
    """In the order of their tags, without those that an answer says of itself."""
    ours: frozenset[str]
    """Of those, the ones that are asked for."""
    all_matched: bool
    """Whether no key with a value was passed over."""


def read_query(
    identifier: bytes, sop_class_uid: str, any_case: frozenset[str], retrieve_aet: str
) -> Query:
    """The query of an identifier, as DICOM JSON. Raises `BadRequest` for what cannot be asked.

    `any_case` are the VRs that are compared without case. A value of RetrieveAETitle or
    InstanceAvailability that is not what every answer says, `retrieve_aet` and `ONLINE`, is passed
    over: many a peer names an AE title there that only it knows this store by.
    """
    said = {RETRIEVE_AET: retrieve_aet, INSTANCE_AVAILABILITY: AVAILABILITY}
    dataset: dict[str, dict[str, Any]] = {
        tag: msgspec.json.decode(one) for tag, one in elements(identifier) if _is_key(tag)
    }
    level_name = _text(dataset, QUERY_RETRIEVE_LEVEL)
    level = _level(level_name, sop_class_uid)
    keys, matched, all_matched = [], [], True
    for tag, element in dataset.items():
        if tag in OURS:
            asked = _text(dataset, tag).split("\\")
            all_matched &= tag not in said or not {"", "*", said[tag]}.isdisjoint(asked)
            continue
        key = _key(tag, element, dataset)
        keys.append(key)
        if not NOT_TEXT.isdisjoint(element):
            all_matched = False
        text = "" if key.vr == "SQ" else (element_text(tag, element) or "").strip()
        if not text or (key.creator and reserving_tag(tag) == tag):
            continue
        if tag in CANNOT_MATCH or tag == TIMEZONE:
            all_matched = False
        elif text == "*" and vr_of(tag) == "UI":
            raise BadRequest(f"Wildcards cannot be used with tag {tag}", "its VR is UI: '*'")
        elif text != "*" or vr_of(tag) in WILDCARDS:
            matched += [(tag, text), *_creator_match(key)]
    return Query(
        Search(level, tuple(matched), case_sensitive=True, any_case=any_case),
        level_name,
        tuple(keys),
        OURS & dataset.keys(),
        all_matched,
    )


def _is_key(tag: str) -> bool:
    """Whether a tag is neither a group length nor of a file's meta header."""
    return tag[4:] != "0000" and tag[:4] not in ("0000", "0002")


def _level(name: str, sop_class_uid: str) -> Level:
    if not name:
        raise BadRequest("QueryRetrieveLevel (0008,0052) is missing")
    level = LEVELS_BY_NAME.get(name.upper())
    if level is None:
        raise BadRequest(f"QueryRetrieveLevel (0008,0052) cannot be {name[:16]!r}")
    if sop_class_uid == PATIENT_STUDY_ONLY_FIND and level in ("Series", "Instance"):
        raise BadRequest(f"The patient/study only model has no level {name[:16]}")
    return level


def _key(tag: str, element: dict[str, Any], dataset: dict[str, dict[str, Any]]) -> Key:
    reserving = reserving_tag(tag)
    if reserving is None:
        known = vr_of(tag)
        return Key(tag, element["vr"] if element["vr"] != "UN" or not known else known)
    creator = _text(dataset, reserving)
    private = private_attribute(int(tag, 16), creator) if reserving != tag else None
    return Key(tag, private[0][:2] if private else element["vr"], creator)


def _creator_match(key: Key) -> Iterator[tuple[str, str]]:
    """That a private attribute is of whom the query says."""
    reserving = reserving_tag(key.tag)
    if reserving is not None and key.creator:
        yield reserving, key.creator


def _text(dataset: dict[str, dict[str, Any]], tag: str) -> str:
    element = dataset.get(tag)
    return (element_text(tag, element) or "").strip() if element else ""

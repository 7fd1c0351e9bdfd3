# SPDX-License-Identifier: Apache-2.0
"""A worklist entry made: of named attributes, as REST describes it, or of a DICOM file."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID, uuid4

import msgspec

from pons.dicom.orthanc_json import reserving_tag
from pons.dicom.tag_names import display_tag, parse_tag
from pons.dicom.vocabulary import attribute, private_attribute
from pons.errors import BadRequest, TooLarge
from pons.header import TOP_SEPARATOR
from pons.header.file import read_file
from pons.header.model import MAX_DEPTH, MAX_UID
from pons.header.repertoire import Repertoire
from pons.messages.index import PutWorklist
from pons.worklists.matching import ONE_TEXT, START_DATE, STEPS, TIMES, Elements, texts
from pons.worklists.times import is_day, is_time

LARGEST_ENTRY = 256 * 1024
"""Bytes of an entry as DICOM JSON; most have some kilobytes."""
CHARACTER_SET, MODALITY, STUDY_UID = "00080005", "00080060", "0020000D"
META_GROUP, GROUP_LENGTH = "0002", "0000"
GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
WHOLE = frozenset(("US", "SS", "UL", "SL", "UV", "SV"))
REAL = frozenset(("FL", "FD"))
BINARY = frozenset(("OB", "OD", "OF", "OL", "OV", "OW"))


def from_tags(tags: Mapping[str, Any], depth: int = 0) -> Elements:
    """Attributes by name or tag, with texts, numbers or arrays of such objects as their values.

    Raises `UnknownTag`, and `BadRequest` for a value that an attribute cannot have.
    """
    if depth > MAX_DEPTH:
        raise BadRequest(f"There are more than {MAX_DEPTH} sequences inside of each other")
    by_tag: dict[str, Any] = {}
    for name, value in tags.items():
        tag = parse_tag(name)
        if tag in by_tag:
            raise BadRequest(f"{name!r} is there twice")
        by_tag[tag] = value
    elements = {
        tag: _element(tag, _vr(tag, by_tag), by_tag[tag], depth)
        for tag in sorted(by_tag)
        if tag[:4] != META_GROUP and tag[4:] != GROUP_LENGTH
    }
    for term in texts(CHARACTER_SET, elements.get(CHARACTER_SET)):
        Repertoire(term)
    return elements


def from_file(content: bytes, default_charset: str) -> Elements:
    """The attributes in a DICOM file, with or without meta header.

    Raises `InvalidInstance` for what is none, and `BadRequest` for an image, or for one with a long
    binary value.
    """
    header = read_file(content, default_charset=default_charset, whole=True)
    if header.pixel_data is not None:
        raise BadRequest("The file is an image, not a worklist entry")
    elements: dict[str, Any] = msgspec.json.decode(header.json)
    _refuse_bulk(elements)
    return {tag: one for tag, one in elements.items() if tag[4:] != GROUP_LENGTH}


def check_step(elements: Elements) -> None:
    """Raise `BadRequest` unless the first step says when it begins, and of which modality it is."""
    steps = elements.get(STEPS, {}).get("Value") or [{}]
    for tag, name in ((MODALITY, "Modality"), (START_DATE, "ScheduledProcedureStepStartDate")):
        if not texts(tag, steps[0].get(tag)):
            raise BadRequest(
                f"ScheduledProcedureStepSequence lacks {name}", "Force makes an entry without it"
            )


def study_uid(elements: Elements) -> str:
    """Its StudyInstanceUID; empty where it has none."""
    return next(iter(texts(STUDY_UID, elements.get(STUDY_UID))), "")


def with_study_uid(elements: Elements, known: str = "") -> Elements:
    """With a StudyInstanceUID: the `known` one where there is none, else a new one."""
    if study_uid(elements):
        return elements
    uid = {"vr": "UI", "Value": [known or f"2.25.{uuid4().int}"]}
    return dict(sorted({**elements, STUDY_UID: uid}.items()))


def writing(
    worklist_id: UUID, elements: Elements, *, replace: bool = False, revision: int | None = None
) -> PutWorklist:
    """The command that keeps an entry. Raises `TooLarge`, `BadRequest` for a UID that is none."""
    tags = as_json(elements)
    if len(tags) > LARGEST_ENTRY:
        raise TooLarge(f"The worklist entry has {len(tags)} bytes, more than {LARGEST_ENTRY}")
    uid = study_uid(elements)
    if len(uid) > MAX_UID:
        raise BadRequest(f"StudyInstanceUID has {len(uid)} characters, more than {MAX_UID}")
    steps = elements.get(STEPS, {}).get("Value") or []
    days = [day(step) for step in steps]
    known = bool(days) and all(days)
    return PutWorklist(
        worklist_id,
        tags,
        # Of several steps the first may be done and the others not.
        study_uid=uid if len(steps) == 1 else "",
        first_day=min(days) if known else "",
        last_day=max(days) if known else "",
        replace=replace,
        revision=revision,
    )


def as_json(elements: Elements) -> bytes:
    """The elements as the header scan writes them."""
    parts = (b'"%b":%b' % (tag.encode(), msgspec.json.encode(one)) for tag, one in elements.items())
    return b"{" + TOP_SEPARATOR.join(parts) + b"}"


def day(step: Elements) -> str:
    """The day on which a step begins, YYYYMMDD; empty where that is not known."""
    found = texts(START_DATE, step.get(START_DATE))
    text = found[0].replace(".", "") if len(found) == 1 else ""
    return text if is_day(text) else ""


def _vr(tag: str, tags: Mapping[str, Any]) -> str:
    """The VR that a dictionary knows, the first of several that are possible."""
    reserving = reserving_tag(tag)
    if reserving == tag:
        return "LO"
    known: Any = attribute(int(tag, 16))
    if reserving is not None:
        known = private_attribute(int(tag, 16), str(tags.get(reserving) or ""))
    return str(known[0])[:2] if known else "UN"


def _element(tag: str, vr: str, value: Any, depth: int) -> dict[str, Any]:
    if isinstance(value, list) or vr == "SQ":
        return _sequence(tag, vr, value, depth)
    if value is None or value == "":
        return {"vr": vr}
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BadRequest(f"The value of {display_tag(tag)} must be a text, not {value!r:.100}")
    text = str(value)
    if "\0" in text or vr in BINARY:
        raise BadRequest(f"{display_tag(tag)} ({vr}) cannot have a text as its value")
    if vr == "UN":
        if not text.isascii():
            raise BadRequest(f"The value of {display_tag(tag)} (UN) must be ASCII: {text!r:.100}")
        return {"vr": vr, "InlineBinary": b64encode(text.encode()).decode()}
    parts = [text] if vr in ONE_TEXT else [part.strip(" ") for part in text.split("\\")]
    return {"vr": vr, "Value": [_value(tag, vr, part) if part else None for part in parts]}


def _sequence(tag: str, vr: str, value: Any, depth: int) -> dict[str, Any]:
    items = [] if value is None or value == "" else value
    if vr not in ("SQ", "UN") or not isinstance(items, list):
        raise BadRequest(f"{display_tag(tag)} ({vr}) cannot be {value!r:.100}")
    if any(not isinstance(item, dict) for item in items):
        raise BadRequest(f"The items of {display_tag(tag)} must be objects")
    read = [from_tags(item, depth + 1) for item in items]
    return {"vr": "SQ", "Value": read} if read else {"vr": "SQ"}


def _value(tag: str, vr: str, text: str) -> Any:
    if vr == "PN":
        groups = zip(GROUPS, text.split("="), strict=False)
        return {name: group for name, group in groups if group}
    try:
        if vr in WHOLE:
            return int(text)
        if vr in REAL:
            return float(text)
        if vr == "AT":
            return parse_tag(text)
    except ValueError:
        raise BadRequest(f"The value of {display_tag(tag)} ({vr}) is no number: {text!r}") from None
    if vr in TIMES and not is_time(vr, text):
        forms = {"DA": "YYYYMMDD", "TM": "HHMMSS", "DT": "YYYYMMDDHHMMSS"}
        raise BadRequest(f"{display_tag(tag)} must be {forms[vr]}, not {text!r:.100}")
    return text


def _refuse_bulk(elements: Elements) -> None:
    for tag, element in _all_elements(elements):
        if "BulkDataURI" in element:
            raise BadRequest(f"The value of {display_tag(tag)} is too long for a worklist entry")


def _all_elements(elements: Elements) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for tag, element in elements.items():
        yield tag, element
        if element["vr"] == "SQ":
            for item in element.get("Value", ()):
                yield from _all_elements(item)


def all_tags(elements: Elements) -> frozenset[str]:
    """Every tag in it, also in items."""
    return frozenset(tag for tag, _ in _all_elements(elements))

# SPDX-License-Identifier: Apache-2.0
"""A whole file as DICOM JSON (PS3.18 F) or as XML (PS3.19 A.1), with binary values inside."""

import struct
from base64 import b64decode, b64encode
from collections.abc import Iterator
from math import isfinite
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import orjson

from pons.dicom.numbers import read_integer, swapped
from pons.dicom.orthanc_json import GROUPS
from pons.dicom.transfer_syntaxes import BIG_ENDIAN
from pons.dicom.vocabulary import attribute
from pons.errors import TooLarge
from pons.header import Header
from pons.header.convert import BINARY_VRS
from pons.objects.stored_dataset import OpenDataset, open_dataset
from pons_gateway.backends import Backends
from pons_gateway.datasets.whole_file import whole_header
from pons_gateway.errors import known
from pons_gateway.responses.xml import NOT_IN_XML

MAX_BINARY = 32 * 1024 * 1024
"""Bytes of all binary values in one answer."""

MAX_HEADER = 16 * 1024 * 1024
"""Bytes of a header as JSON; decoded, small elements take ten times as much."""

MAX_NUMBERS = 1024 * 1024
"""Bytes of a value that is shown as numbers; a longer one stays binary."""

NUMBERS = {"OF": "f", "OD": "d", "OL": "I", "OV": "Q"}
"""Binary VRs whose values are shown as numbers, as Orthanc does."""

_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}

COMPONENTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
NAMESPACE = "http://dicom.nema.org/PS3.19/models/NativeDICOM"

Model = dict[str, dict[str, Any]]


async def native_model(instance_id: str, backends: Backends) -> Model:
    """Every element of the file but encapsulated pixel data, which this form has no place for.

    Raises `NotFound`, and `TooLarge` for values that are too long to be in one answer.
    """
    model, transfer_syntax = await whole_header(instance_id, backends, _read_model)
    stored = known(await backends.catalog.find_object(instance_id))
    _refuse_large(model)
    async with open_dataset(backends.objects, stored) as dataset:
        for element in _elements(model):
            await _fill(element, dataset, transfer_syntax)
    return model


def _read_model(header: Header) -> tuple[Model, str]:
    """The header with a place for the pixel data, and the transfer syntax."""
    if len(header.json) > MAX_HEADER:
        raise TooLarge(
            f"The header has {len(header.json)} bytes as JSON, more than {MAX_HEADER}",
            "ask for its /tags, or for the DICOM file",
        )
    model: Model = orjson.loads(header.json)
    pixels = header.pixel_data
    if pixels is not None and pixels.length is not None:
        prefix = "z" if pixels.deflated else ""
        place = f"{prefix}{pixels.offset}/{pixels.length}"
        model[f"{pixels.tag:08X}"] = {"vr": pixels.vr, "BulkDataURI": place}
        model = dict(sorted(model.items()))
    return model, header.transfer_syntax


def to_json(model: Model) -> bytes:
    return orjson.dumps(model)


def to_xml(model: Model) -> bytes:
    """The Native DICOM Model of PS3.19 A.1.5."""
    parts = ['<?xml version="1.0" encoding="utf-8"?>\n<NativeDicomModel xmlns="', NAMESPACE, '">']
    parts.extend(_attributes(model))
    parts.append("</NativeDicomModel>\n")
    return "".join(parts).encode()


def _elements(model: Model) -> Iterator[dict[str, Any]]:
    for element in model.values():
        if element["vr"] == "SQ":
            for item in element.get("Value", ()):
                yield from _elements(item)
        else:
            yield element


def _refuse_large(model: Model) -> None:
    total = 0
    for element in _elements(model):
        if place := element.get("BulkDataURI"):
            total += int(place.partition("/")[2])
            if element["vr"] not in BINARY_VRS:
                raise TooLarge("A text is too long for this form; ask for its /content")
    if total > MAX_BINARY:
        raise TooLarge(
            f"The binary values have {total} bytes, more than {MAX_BINARY}; ask for the DICOM file"
        )


async def _fill(element: dict[str, Any], dataset: OpenDataset, transfer_syntax: str) -> None:
    """Give an element its binary value, and numbers their kind."""
    vr = element["vr"]
    if vr == "IS" and "Value" in element:
        element["Value"] = [_integer(value) for value in element["Value"]]
    if vr == "PN" and "Value" in element:
        element["Value"] = [_without_empty_groups(name) for name in element["Value"]]
    if vr not in BINARY_VRS:
        return
    if place := element.pop("BulkDataURI", None):
        start, _, length = place.removeprefix("z").partition("/")
        value = await dataset.read_range(int(start), int(length))
    elif "InlineBinary" in element:
        value = b64decode(element["InlineBinary"])
        if vr not in NUMBERS:
            return
    else:
        return
    big_endian = place and transfer_syntax == BIG_ENDIAN
    size = BINARY_VRS[vr]
    value = swapped(value, size) if big_endian else value
    if vr in NUMBERS and len(value) % size == 0 and len(value) <= MAX_NUMBERS:
        element.pop("InlineBinary", None)
        element["Value"] = [_finite(n) for (n,) in struct.iter_unpack(f"<{NUMBERS[vr]}", value)]
        return
    element["InlineBinary"] = b64encode(value).decode()


def _finite(number: float) -> float | str:
    """JSON has no infinities and no NaN, so they become text."""
    return number if isfinite(number) else _NOT_FINITE[str(number)]


def _integer(value: Any) -> Any:
    """A number where the text is one (PS3.18 F.2.3)."""
    number = read_integer(value)
    return value if number is None else number


def _without_empty_groups(name: dict[str, str] | None) -> dict[str, str] | None:
    """A person's name with the groups that it has (PS3.18 F.2.2)."""
    return name and {group: text for group, text in name.items() if text}


def _attributes(model: Model) -> Iterator[str]:
    for tag, element in model.items():
        known = attribute(int(tag, 16))
        named = f" keyword={quoteattr(known.keyword)}" if known and known.keyword else ""
        yield f'<DicomAttribute tag="{tag}" vr="{element["vr"]}"{named}>'
        yield from _value(element)
        yield "</DicomAttribute>"


def _value(element: dict[str, Any]) -> Iterator[str]:
    if "InlineBinary" in element:
        yield f"<InlineBinary>{element['InlineBinary']}</InlineBinary>"
    for number, value in enumerate(element.get("Value", ()), 1):
        if element["vr"] == "SQ":
            yield f'<Item number="{number}">'
            yield from _attributes(value)
            yield "</Item>"
        elif element["vr"] == "PN":
            yield f'<PersonName number="{number}">'
            yield from _name(value or {})
            yield "</PersonName>"
        elif value is not None:
            yield f'<Value number="{number}">{_text(value)}</Value>'


def _name(value: dict[str, str]) -> Iterator[str]:
    for group in GROUPS:
        if group in value:
            yield f"<{group}>"
            for component, text in zip(COMPONENTS, value[group].split("^"), strict=False):
                if text:
                    yield f"<{component}>{_text(text)}</{component}>"
            yield f"</{group}>"


def _text(value: Any) -> str:
    """A value without the characters that XML cannot hold."""
    return escape(NOT_IN_XML.sub("", str(value)))

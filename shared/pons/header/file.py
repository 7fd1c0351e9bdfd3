# SPDX-License-Identifier: Apache-2.0
"""From a file to its header: preamble, meta header, transfer syntax, data set (PS3.10 7.1)."""

from __future__ import annotations

from dataclasses import dataclass

from pons.dicom.transfer_syntaxes import (
    BIG_ENDIAN,
    DECODED,
    DEFLATED,
    EXPLICIT_VR,
    IMPLICIT_VR,
)
from pons.errors import InvalidInstance
from pons.header import syntax as s
from pons.header.charset import Escapes, charset_of, until_nul
from pons.header.compression import is_native, name_of_fragments
from pons.header.elements import Scan
from pons.header.encoding import JUDGED, is_plain, real_syntax
from pons.header.meta import dataset_start, meta_end, meta_start, meta_syntax
from pons.header.model import MAX_PATIENT_ID, MAX_UID, Buffer, Correction, Header
from pons.header.syntax import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, Syntax
from pons.header.windows import read_deflated, read_plain
from pons.limits.unpacking import UnpackLimit

_ENCODED = {IMPLICIT_VR: IMPLICIT_LITTLE, BIG_ENDIAN: EXPLICIT_BIG}
"""All others are explicit VR little endian (PS3.5 annex A)."""
_NAMES = {IMPLICIT_LITTLE: IMPLICIT_VR, EXPLICIT_LITTLE: EXPLICIT_VR, EXPLICIT_BIG: BIG_ENDIAN}
_NATIVE = DEFLATED.union(_NAMES.values())
"""Whose pixel data is not compressed."""

MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"


@dataclass(frozen=True, slots=True)
class Preface:
    """What comes before the data set, which starts at `end`."""

    end: int
    transfer_syntax: str
    json: bytes = b"{}"
    sop_class_uid: str = ""


def scan(
    source: Buffer,
    *,
    default_charset: str = "latin1",
    whole: bool = False,
    unpacking: UnpackLimit | None = None,
) -> Header:
    """Give the header of a DICOM file, with or without preamble and meta header.

    Parameters
    ----------
    source
        The complete file. Bytes and memory maps are read in place; hand large files in as maps.
    default_charset
        For text of files without SpecificCharacterSet: DICOM's or Python's name.
    whole
        Also read the elements after the pixel data that belong there.
    unpacking
        How far a deflated data set may unpack, beside the limits of `model`.

    Raises
    ------
    InvalidInstance
        Not DICOM, damaged, cut short, without identifiers, or beyond the limits of `model`.
    """
    return _identified(
        read_file(source, default_charset=default_charset, whole=whole, unpacking=unpacking)
    )


def scan_dataset(
    source: Buffer,
    transfer_syntax: str,
    *,
    base_offset: int = 0,
    default_charset: str = "latin1",
    whole: bool = False,
) -> Header:
    """Give the header of a data set without meta header, as an association transfers it.

    `base_offset` is added to all offsets: the length of what will precede the data set in its
    file. Raises as `scan`; `meta_json` is empty.
    """
    preface = Preface(0, transfer_syntax)
    return _identified(
        _read_dataset(
            source, preface, default_charset, whole, UnpackLimit(), base_offset=base_offset
        )
    )


def read_identifier(
    source: Buffer, transfer_syntax: str, *, default_charset: str = "latin1"
) -> Header:
    """As `scan_dataset`, for a data set that is no instance, such as an answer to a query.

    A list that is too long for the length that its VR has in explicit VR, and so comes as UN
    (PS3.5 6.2.2), is read as what it is: as bytes, it would be no condition.
    """
    preface = Preface(0, transfer_syntax)
    return _read_dataset(source, preface, default_charset, True, UnpackLimit(), reveal=True)


def read_file(
    source: Buffer,
    *,
    default_charset: str,
    whole: bool,
    unpacking: UnpackLimit | None = None,
) -> Header:
    """As `scan`, for a file that may lack identifiers: those are empty."""
    preface = read_preface(source, default_charset=default_charset)
    return _read_dataset(source, preface, default_charset, whole, unpacking or UnpackLimit())


def read_preface(source: Buffer, *, default_charset: str = "latin1") -> Preface:
    """Read what comes before the data set: within the first `PREFACE` bytes of a file."""
    start, end = meta_start(source), meta_end(source)
    meta_bytes = bytes(source[start:end])
    meta = Scan(meta_bytes, meta_syntax(meta_bytes), default_charset=default_charset)
    meta_json = meta.read(meta_bytes, 0)
    transfer_syntax = meta.text(s.META_TRANSFER_SYNTAX)
    if not transfer_syntax:
        dataset = dataset_start(source, end)
        transfer_syntax = _guess(bytes(source[dataset : dataset + 6]), sure=end > 0)
    return Preface(end, transfer_syntax, meta_json, meta.text(s.META_SOP_CLASS))


def syntax_of(transfer_syntax: str, head: bytes, size: int) -> Syntax:
    """Say how a data set of `size` bytes is encoded that begins with `head`, of `JUDGED` bytes."""
    return real_syntax(_ENCODED.get(transfer_syntax, EXPLICIT_LITTLE), head, size)


def _read_dataset(
    source: Buffer,
    preface: Preface,
    default_charset: str,
    whole: bool,
    unpacking: UnpackLimit,
    base_offset: int = 0,
    reveal: bool = False,
) -> Header:
    """Read the data set that follows its preface."""
    start, declared = preface.end, preface.transfer_syntax
    deflated = declared in DEFLATED and not is_plain(
        bytes(source[start : start + JUDGED]), len(source) - start
    )
    found = Scan(
        source,
        _ENCODED.get(declared, EXPLICIT_LITTLE),
        default_charset=default_charset,
        base_offset=base_offset,
        deflated=deflated,
        whole=whole,
        reveal=reveal,
    )
    if deflated:
        json = read_deflated(found, start, unpacking)
    else:
        begin = dataset_start(source, start)
        json = read_plain(found, begin)
        if begin > start:
            found.misplaced.insert(0, (start, begin))
    correction = _correction(start, declared, found)
    charset = charset_of(found.kept.get(s.CHARACTER_SET, b""), default_charset, Escapes())
    patient_id = charset.decode(until_nul(found.kept.get(s.PATIENT_ID, b""))).strip(" ")
    return Header(
        sop_class_uid=found.text(s.SOP_CLASS) or preface.sop_class_uid,
        sop_instance_uid=found.text(s.SOP_INSTANCE),
        study_uid=found.text(s.STUDY),
        series_uid=found.text(s.SERIES),
        patient_id=patient_id,
        specific_character_set=found.text(s.CHARACTER_SET),
        transfer_syntax=correction.transfer_syntax if correction else declared,
        json=json,
        meta_json=preface.json,
        pixel_data=found.pixel_data,
        correction=correction,
    )


def _identified(header: Header) -> Header:
    """Give the header back if it is that of an instance."""
    if header.sop_class_uid == MEDIA_STORAGE_DIRECTORY:
        raise InvalidInstance("A DICOMDIR is a directory of instances, not an instance")
    identifiers = {
        s.STUDY: header.study_uid,
        s.SERIES: header.series_uid,
        s.SOP_INSTANCE: header.sop_instance_uid,
    }
    for tag, uid in identifiers.items():
        if not uid:
            raise InvalidInstance(f"{s.name(tag)} is missing or empty")
    bounded = identifiers | {s.SOP_CLASS: header.sop_class_uid, s.PATIENT_ID: header.patient_id}
    for tag, text in bounded.items():
        limit = MAX_PATIENT_ID if tag == s.PATIENT_ID else MAX_UID
        if len(text) > limit:
            raise InvalidInstance(f"{s.name(tag)} is longer than {limit} characters")
    return header


def _correction(start: int, declared: str, found: Scan) -> Correction | None:
    """Give what is wrong with a file that may be another than its meta header says."""
    misplaced = () if found.deflated else tuple(found.misplaced)
    named, impossible = _name(declared, found)
    if named == declared and not impossible and not misplaced:
        return None
    return Correction(start, named, misplaced, impossible)


def _name(declared: str, found: Scan) -> tuple[str, str]:
    """Give the transfer syntax of a data set that is encoded as was found; if there is none, the
    declared one and why.

    Of a private transfer syntax nobody knows which encoding it has.
    """
    real, pixels = found.syntax, found.pixel_data
    standard = declared == IMPLICIT_VR or declared.startswith(f"{IMPLICIT_VR}.")
    if not standard:
        return declared, ""
    compressed = declared not in _NATIVE
    start = 0 if pixels is None else pixels.offset - found.base_offset
    fragments = pixels is not None and pixels.encapsulated
    if fragments and real is EXPLICIT_LITTLE and not compressed and not found.deflated:
        named = name_of_fragments(start, found.peek)
        if named:
            return named, ""
    native = declared in DECODED and is_native(pixels, start, found.peek)
    plain = declared in DEFLATED and not found.deflated
    if real is _ENCODED.get(declared, EXPLICIT_LITTLE) and not plain and not native:
        return declared, ""
    if compressed and real is IMPLICIT_LITTLE and fragments:
        return declared, ""  # no name is better: how its fragments are compressed, this one says
    named = _NAMES[real]
    if found.deflated:
        return declared, f"the deflated data set is encoded as {named} says"
    if fragments or (pixels is not None and compressed and not native):
        return declared, f"it is encoded as {named} says, and how its pixel data is, is unknown"
    return named, ""


def _guess(head: bytes, sure: bool) -> str:
    """Guess the transfer syntax of a data set that comes without one, as pydicom does.

    Not `sure` that it is DICOM at all, also ask that the first group is one that comes first.
    """
    little, big = int.from_bytes(head[:2], "little"), int.from_bytes(head[:2], "big")
    explicit = s.is_vr(head[4:6])
    big_endian = explicit and little >= 0x0400
    group = big if big_endian else little
    if not sure and not 0x0002 < group <= 0x00FF:
        raise InvalidInstance(
            "Not a DICOM file: it has no DICM prefix at offset 128 and does not start with "
            "elements of a data set"
        )
    return BIG_ENDIAN if big_endian else EXPLICIT_VR if explicit else IMPLICIT_VR

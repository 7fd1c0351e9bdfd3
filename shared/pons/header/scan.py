# SPDX-License-Identifier: Apache-2.0
"""The two questions that the way in asks: what is this file, what is this data set."""

from __future__ import annotations

from pons.errors import InvalidInstance
from pons.header import syntax as s
from pons.header.file import read_dataset, read_file
from pons.header.fragments import Buffer
from pons.header.model import MAX_PATIENT_ID, MAX_UID, Header, Parsed
from pons.limits.unpacking import UnpackLimit

MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"
_LONGEST = dict.fromkeys((s.STUDY, s.SERIES, s.SOP_INSTANCE, s.SOP_CLASS), MAX_UID) | {
    s.PATIENT_ID: MAX_PATIENT_ID
}


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
    return _identify(
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
    parsed = read_dataset(
        source,
        transfer_syntax,
        base_offset=base_offset,
        default_charset=default_charset,
        whole=whole,
    )
    return _identify(parsed)


def _identify(parsed: Parsed) -> Header:
    texts = parsed.texts
    sop_class_uid = texts.get(s.SOP_CLASS) or parsed.meta_texts.get(s.META_SOP_CLASS, "")
    if sop_class_uid == MEDIA_STORAGE_DIRECTORY:
        raise InvalidInstance("A DICOMDIR is a directory of instances, not an instance")
    for tag in (s.STUDY, s.SERIES, s.SOP_INSTANCE):
        if not texts.get(tag):
            raise InvalidInstance(f"{s.name(tag)} is missing or empty")
    for tag, limit in _LONGEST.items():
        if len(texts.get(tag, "")) > limit:
            raise InvalidInstance(f"{s.name(tag)} is longer than {limit} characters")
    return Header(
        sop_class_uid=sop_class_uid,
        sop_instance_uid=texts[s.SOP_INSTANCE],
        study_uid=texts[s.STUDY],
        series_uid=texts[s.SERIES],
        patient_id=texts.get(s.PATIENT_ID, ""),
        specific_character_set=texts.get(s.CHARACTER_SET, ""),
        transfer_syntax=parsed.transfer_syntax,
        json=parsed.json,
        meta_json=parsed.meta_json,
        pixel_data=parsed.pixel_data,
        correction=parsed.correction,
    )

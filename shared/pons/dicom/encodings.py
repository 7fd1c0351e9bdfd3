# SPDX-License-Identifier: Apache-2.0
"""Encodings by the names that Orthanc gives them, as DICOM and Python call them."""

import codecs

from pons.errors import BadRequest

SPECIFIC_CHARACTER_SET = {
    "Ascii": "ISO_IR 6",
    "Utf8": "ISO_IR 192",
    "Latin1": "ISO_IR 100",
    "Latin2": "ISO_IR 101",
    "Latin3": "ISO_IR 109",
    "Latin4": "ISO_IR 110",
    "Latin5": "ISO_IR 148",
    "Cyrillic": "ISO_IR 144",
    "Arabic": "ISO_IR 127",
    "Greek": "ISO_IR 126",
    "Hebrew": "ISO_IR 138",
    "Thai": "ISO_IR 166",
    "Japanese": "ISO_IR 13",
    "Chinese": "GB18030",
    "JapaneseKanji": "ISO 2022 IR 87",
    "Korean": "ISO 2022 IR 149",
    "SimplifiedChinese": "ISO 2022 IR 58",
}
"""Name to the value of SpecificCharacterSet (PS3.3 C.12.1.1.2); Windows1251 has none."""

CODECS = {
    "Ascii": "ascii",
    "Utf8": "utf8",
    "Latin1": "latin1",
    "Latin2": "iso8859_2",
    "Latin3": "iso8859_3",
    "Latin4": "iso8859_4",
    "Latin5": "iso8859_9",
    "Cyrillic": "iso8859_5",
    "Windows1251": "cp1251",
    "Arabic": "iso8859_6",
    "Greek": "iso8859_7",
    "Hebrew": "iso8859_8",
    "Thai": "tis_620",
    "Japanese": "shift_jis",
    "Chinese": "gb18030",
    "JapaneseKanji": "iso2022_jp_2",
    "Korean": "euc_kr",
    "SimplifiedChinese": "gb2312",
}
"""Name to Python's codec of the same characters."""

_NAMES = {codecs.lookup(codec).name: name for name, codec in reversed(CODECS.items())}


def codec_of(name: str) -> str:
    """Python's codec for the encoding `name`. Raises `BadRequest` for a name that is none."""
    if name not in CODECS:
        raise BadRequest(f"Unknown encoding {name!r}", f"expected one of {', '.join(CODECS)}")
    return CODECS[name]


def name_of(codec: str) -> str:
    """Orthanc's name for a codec; the codec itself where Orthanc has none."""
    return _NAMES.get(codecs.lookup(codec).name, codec)

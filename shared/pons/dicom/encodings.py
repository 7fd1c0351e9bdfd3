# SPDX-License-Identifier: Apache-2.0
"""Encodings by the names that Orthanc gives them, as Python calls them."""

import codecs

from pons.errors import BadRequest

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
"""Name to Python's codec."""

_NAMES = {codecs.lookup(codec).name: name for name, codec in reversed(CODECS.items())}


def codec_of(name: str) -> str:
    """Python's codec for the encoding `name`. Raises `BadRequest` for a name that is none."""
    if name not in CODECS:
        raise BadRequest(f"Unknown encoding {name!r}", f"expected one of {', '.join(CODECS)}")
    return CODECS[name]


def name_of(codec: str) -> str:
    """Orthanc's name for a codec; the codec itself where Orthanc has none."""
    return _NAMES.get(codecs.lookup(codec).name, codec)

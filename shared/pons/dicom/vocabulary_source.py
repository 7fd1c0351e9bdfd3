# SPDX-License-Identifier: Apache-2.0
"""Writes what `vocabulary.py` reads, from pydicom: `python -m pons.dicom.vocabulary_source`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import zstandard
from pydicom import datadict, uid

FOLDER = Path(__file__).parent
LISTS: dict[str, Mapping[Any, Any]] = {
    "attributes": datadict.DicomDictionary,  # type: ignore[attr-defined]
    "repeating_attributes": datadict.RepeatersDictionary,  # type: ignore[attr-defined]
    "private_attributes": datadict.private_dictionaries,  # type: ignore[attr-defined]
    "uids": uid.UID_dictionary,  # type: ignore[attr-defined]
}
"""File to what it has."""

if __name__ == "__main__":
    for name, content in LISTS.items():
        packed = zstandard.compress(msgspec.msgpack.encode(content), level=19)
        (FOLDER / f"{name}.msgpack.zst").write_bytes(packed)

# SPDX-License-Identifier: Apache-2.0
"""DICOM's vocabulary is pydicom's, and no service loads pydicom to look a name up."""

import subprocess
import sys
from pathlib import Path

import pydicom.datadict
import pytest
import zstandard
from pydicom.datadict import RepeatersDictionary, private_dictionaries

from pons.dicom import vocabulary_source
from pons.dicom.vocabulary import UIDS, attribute, private_attribute, tag_of
from pons.header import tables_source

TABLES = Path(tables_source.__file__).with_name("tables.py")
WRITE_LIST = """
import sys, msgspec
from pons.dicom.vocabulary_source import LISTS
sys.stdout.buffer.write(msgspec.msgpack.encode(LISTS[sys.argv[1]]))
"""
HEAVY = ("pydicom", "numpy", "PIL", "gdcm", "requests", "minio")


def test_every_attribute_is_as_pydicom_says() -> None:
    """An attribute has another VR or keyword here than in pydicom."""
    repeating = [int(tag.replace("x", "2"), 16) for tag in RepeatersDictionary]
    for tag in (*pydicom.datadict.DicomDictionary, *repeating):
        assert attribute(tag) == pydicom.datadict.get_entry(tag), f"{tag:08X}"


@pytest.mark.parametrize("tag", [0x00091001, 0x60010010, 0x00100000, 0x7FE10010])
def test_what_pydicom_lacks_is_unknown(tag: int) -> None:
    """A private tag or a group length is taken for a standard attribute."""
    assert attribute(tag) is None


def test_every_private_attribute_is_as_pydicom_says() -> None:
    """A private element gets another VR here than from pydicom."""
    for creator, entries in private_dictionaries.items():
        for key in entries:
            tag = int(key.replace("xx", "10"), 16)
            assert private_attribute(tag, creator) == _of_pydicom(tag, creator), (creator, key)


def _of_pydicom(tag: int, creator: str) -> tuple[str, str, str, str] | None:
    """None where pydicom does not find what it lists itself: some of its tags are misspelled."""
    try:
        return pydicom.datadict.get_private_entry(tag, creator)
    except KeyError:
        return None


def test_names_lead_to_tags_and_uids_to_names() -> None:
    """A keyword is not found, or a UID has no name."""
    assert tag_of("PatientID") == 0x00100020
    assert tag_of("NoSuchKeyword") is None
    assert UIDS["1.2.840.10008.1.2"][0] == "Implicit VR Little Endian"


@pytest.mark.parametrize("name", vocabulary_source.LISTS)
def test_lists_are_those_of_pydicom(name: str) -> None:
    """pydicom was updated and `python -m pons.dicom.vocabulary_source` was not run."""
    packed = Path(vocabulary_source.FOLDER / f"{name}.msgpack.zst").read_bytes()
    # In a process of its own: what else is imported here adds UIDs to pydicom's.
    written = subprocess.run([sys.executable, "-c", WRITE_LIST, name], capture_output=True)
    assert zstandard.decompress(packed) == written.stdout, written.stderr


def test_tables_are_those_of_pydicom() -> None:
    """pydicom was updated and `python -m pons.header.tables_source --write` was not run."""
    assert TABLES.read_text(encoding="utf-8") == tables_source.tables()


@pytest.mark.parametrize(
    "module",
    ["pons_index.service", "pons_gateway.service", "pons_render.service", "pons_embedded.up"],
)
def test_no_codec_is_loaded_where_no_pixel_is_read(module: str) -> None:
    """A process that reads no pixels loads the codecs, numpy or a client that it does not use."""
    code = f"import sys, {module}; print(*sorted(sys.modules.keys() & {set(HEAVY)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == []

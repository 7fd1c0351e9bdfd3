# SPDX-License-Identifier: Apache-2.0
"""The bytes of an answer: what the index has as text is what a peer reads."""

import msgspec
import pydicom
import pytest
from pydicom.filebase import DicomBytesIO
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from pons.catalog import Resource, Search
from pons.header.repertoire import Repertoire
from pons_ingress.find_answer import AnswerWriter, CompleteWriter
from pons_ingress.find_query import Key, Query

TEXTS = {
    "00080005": ("CS", "ISO_IR 100", "ISO_IR 192"),  # what the answer has, not the resource
    "00080020": ("DA", "20240102", "20240102"),
    "00080050": ("SH", "", ""),
    "00080061": ("CS", "CT\\MR", ["CT", "MR"]),
    "00081030": ("LO", "Schädel", "Schädel"),
    "00100010": ("PN", "Müller^Eva=山田", "Müller^Eva=山田"),
    "00101001": ("PN", "A^B\\C=D=E", ["A^B", "C=D=E"]),
    "00104000": ("LT", "one", "one"),
    "0020000D": ("UI", "1.2.345", "1.2.345"),
    "00201206": ("IS", "12", 12),
    "00280010": ("US", "512", 512),
    "00280106": ("US", "no number", None),
}
"""Tag to its VR, what the index has, and what is read."""


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_texts_of_the_index_are_read_as_they_are(syntax: pydicom.uid.UID) -> None:
    """In each encoding, whatever their VR, names of persons and numbers included."""
    keys = tuple(Key(tag, vr) for tag, (vr, _, _) in reversed(TEXTS.items()))
    query = Query(Search("Study"), "STUDY", keys, frozenset(), True)
    writer = AnswerWriter(query, str(syntax), Repertoire("ISO_IR 192"), "PONS")
    requested = {tag: text for tag, (_, text, _) in TEXTS.items()}
    answer = writer.write(Resource("Study", "", 1, requested=requested))
    ds = pydicom.dcmread(_file(answer, syntax), force=True)
    found = {f"{one.tag:08X}": one.value for one in ds if f"{one.tag:08X}" in TEXTS}
    assert found == {tag: value for tag, (_, _, value) in TEXTS.items()}
    assert (ds.QueryRetrieveLevel, ds.RetrieveAETitle) == ("STUDY", "PONS")
    assert [one.tag for one in ds] == sorted(one.tag for one in ds)


def test_a_name_has_three_groups() -> None:
    """What follows a third one is no part of a name (PS3.5 6.2)."""
    query = Query(Search("Study"), "STUDY", (Key("00100010", "PN"),), frozenset(), True)
    writer = AnswerWriter(query, ExplicitVRLittleEndian, Repertoire("ISO_IR 6"), "PONS")
    answer = writer.write(Resource("Study", "", 1, requested={"00100010": "A=B=C=D"}))
    assert b"PN\x06\0A=B=C " in answer


@pytest.mark.parametrize(
    ("name", "term"), [("Müller^Eva", "ISO_IR 100"), ("Yamada^Tarou=山田^太郎", "ISO_IR 192")]
)
@pytest.mark.parametrize("in_header", [False, True])
def test_no_character_is_lost(name: str, term: str, in_header: bool) -> None:
    """An answer that the store's set cannot hold is in UTF-8; the others are in that set."""
    tag = "00101001"
    query = Query(Search("Study"), "STUDY", (Key(tag, "PN"),), frozenset(), True)
    syntax = ExplicitVRLittleEndian
    writer = CompleteWriter(query, syntax, Repertoire("ISO_IR 100"), "PONS")
    groups = dict(zip(("Alphabetic", "Ideographic"), name.split("="), strict=False))
    element = msgspec.json.encode({"vr": "PN", "Value": [groups]})
    resource = (
        Resource("Study", "", 1, elements={tag: element})
        if in_header
        else Resource("Study", "", 1, requested={tag: name})
    )
    ds = pydicom.dcmread(_file(writer.write(resource), syntax), force=True)
    assert (ds.SpecificCharacterSet, str(ds[tag].value)) == (term, name)


def _file(dataset: bytes, syntax: pydicom.uid.UID) -> DicomBytesIO:
    meta = pydicom.dataset.FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    file = DicomBytesIO()
    pydicom.filewriter.write_file_meta_info(file, meta, enforce_standard=False)
    return DicomBytesIO(bytes(128) + b"DICM" + file.getvalue() + dataset)

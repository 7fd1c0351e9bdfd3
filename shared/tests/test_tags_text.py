# SPDX-License-Identifier: Apache-2.0
"""Headers as JSON text: the same as the formats say, however often and in whatever order."""

from pathlib import Path

import msgspec
import orjson
import pydicom.data
import pytest

import pons.header.tags_text
from pons.dicom.orthanc_json import Style
from pons.errors import InvalidInstance
from pons.header import scan
from pons.header.tags_text import TagsText
from pons_testing.orthanc_json import format_header

FOLDER = Path(pydicom.data.get_testdata_file("CT_small.dcm") or "").parent


def headers() -> list[tuple[bytes, str | None]]:
    """The headers of pydicom's test files."""
    found = []
    for file in sorted(FOLDER.glob("*.dcm")):
        try:
            header = scan(file.read_bytes())
        except InvalidInstance:
            continue
        found.append((header.json, header.pixel_data.vr if header.pixel_data else None))
    return found


@pytest.mark.parametrize("style", Style)
def test_text_is_what_the_format_says(style: Style) -> None:
    """All of pydicom's files one after the other, twice, through one memory."""
    known, texts = headers(), TagsText()
    assert len(known) > 50
    for json, vr in known * 2:
        written = orjson.loads(texts.write(json, style, pixel_vr=vr))
        expected = format_header(json, style, pixel_vr=vr)
        assert list(written.items()) == list(expected.items())


def test_private_elements_depend_on_who_reserved_their_block() -> None:
    """The same element under another creator has another name: it is not taken from memory."""
    texts = TagsText()
    element = '"00191003":{"vr":"UN","InlineBinary":"MTA="}'
    names = []
    for creator in ("GEMS_ACQU_01", "SIEMENS MR HEADER", "GEMS_ACQU_01"):
        header = f'{{"00190010":{{"vr":"LO","Value":["{creator}"]}},{element}}}'.encode()
        assert orjson.loads(texts.write(header, Style.FULL)) == format_header(header, Style.FULL)
        names.append(format_header(header, Style.FULL)["0019,1003"]["Name"])
    assert names[0] == names[2] != names[1]


def test_of_private_tags_without_a_name_the_last_one_stays() -> None:
    """As a simplified header has one key for all of them."""
    header = (
        b'{"00190010":{"vr":"LO","Value":["NOBODY"]},"00191001":{"vr":"LO","Value":["first"]},'
        b'"00191002":{"vr":"LO","Value":["second"]}}'
    )
    written = orjson.loads(TagsText().write(header, Style.SIMPLIFIED))
    assert written == {"PrivateCreator": "NOBODY", "Unknown Tag & Data": "second"}


def test_long_values_are_shown_when_asked_for_and_then_hidden_again() -> None:
    """What `ignore_length` lets through is never remembered for those who did not ask."""
    texts, long = TagsText(), "x" * 300
    header = msgspec.json.encode({"00181020": {"vr": "LO", "Value": [long]}})
    shown = texts.write(header, Style.SHORT, ignore_length=frozenset(["00181020"]))
    assert orjson.loads(shown) == {"0018,1020": long}
    assert orjson.loads(texts.write(header, Style.SHORT)) == {"0018,1020": None}


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ever new values do not pile up, and long ones are not kept at all."""
    monkeypatch.setattr(pons.header.tags_text, "REMEMBERED", 10)
    texts = TagsText()
    for number in range(100):
        header = msgspec.json.encode({"00181020": {"vr": "LO", "Value": [f"{number}"]}})
        assert orjson.loads(texts.write(header, Style.SHORT)) == {"0018,1020": f"{number}"}
    assert texts._memories[Style.SHORT].count <= 10
    texts.write(b'{"00104000":{"vr":"LT","Value":["' + b"x" * 2000 + b'"]}}', Style.FULL)
    assert texts._memories[Style.FULL].count == 0


@pytest.mark.parametrize("style", Style)
def test_length_of_a_private_group(style: Style) -> None:
    """The length of a private group is no creator, and changes nothing for those that follow."""
    header = (
        b'{"00E10000":{"vr":"UL","Value":[64]},\n"00E10010":{"vr":"LO","Value":["ELSCINT1"]},\n'
        b'"00E11001":{"vr":"US","Value":[7]}}'
    )
    texts = TagsText()
    for _ in range(2):
        shown = orjson.loads(texts.write(header, style))
        assert list(shown.items()) == list(format_header(header, style).items())
    assert shown.get("PrivateCreator", "ELSCINT1") == "ELSCINT1"
    assert len(shown) == 3

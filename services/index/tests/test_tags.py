# SPDX-License-Identifier: Apache-2.0
"""What the index reads from headers."""

from typing import Any

import msgspec
import pytest
import zstandard

from pons.dicom.attributes import MAIN_TAGS
from pons.dicom.levels import LEVELS
from pons.dicom.main_tags import main_tags
from pons_index.pixel_vr import has_odd_pixel_vr
from pons_index.tags import MainTags, TagReader, Unindexable, tag_reader
from pons_testing.events import received

READER = TagReader(MAIN_TAGS)


def tags_of(header: dict[str, Any], *, ancestors: bool = True) -> MainTags:
    return READER.read(zstandard.compress(msgspec.json.encode(header)), ancestors=ancestors)


def test_values_become_orthancs_text() -> None:
    """Several values are joined by backslashes, numbers are text, names keep their groups."""
    tags = tags_of(
        {
            "00100010": {
                "vr": "PN",
                "Value": [{"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎"}],
            },
            "00200037": {"vr": "DS", "Value": ["1.50", "0", None]},
            "00280008": {"vr": "IS", "Value": [12]},
            "00540081": {"vr": "US", "Value": [3]},
            "00181030": {"vr": "FD", "Value": [2.0]},
        }
    )
    assert tags.texts == {
        "00100010": "Yamada^Tarou=山田^太郎",
        "00200037": "1.50\\0\\",
        "00280008": "12",
        "00540081": "3",
        "00181030": "2",
    }


def test_an_empty_attribute_is_not_an_absent_one() -> None:
    """An attribute without a value is kept as an empty text; one that is not there stays absent."""
    tags = tags_of({"00100010": {"vr": "PN"}})
    assert tags.of("Patient") == '{"00100010":""}'


def test_sequences_and_binary_values_are_no_main_tags() -> None:
    """A header that has a sequence or bytes where text belongs is indexed without them."""
    tags = tags_of(
        {
            "00100010": {"vr": "SQ", "Value": [{"00100020": {"vr": "LO", "Value": ["X"]}}]},
            "00100040": {"vr": "UN", "InlineBinary": "AAAA"},
            "00081030": {"vr": "OB", "BulkDataURI": "300/500"},
        }
    )
    assert tags.texts == {}


def test_characters_that_postgresql_refuses_are_dropped() -> None:
    """A NUL inside a value does not keep an instance out of the index."""
    assert tags_of({"00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe\0^Jane "}]}}).texts == {
        "00100010": "Doe^Jane"
    }


def test_only_the_instances_own_tags_are_read_when_its_ancestors_are_known() -> None:
    """The second instance of a series costs no decoding of its ancestors' tags."""
    header = {
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]},
        "00200013": {"vr": "IS", "Value": ["7"]},
    }
    assert tags_of(header, ancestors=False).texts == {"00200013": "7"}


@pytest.mark.parametrize(
    ("texts", "place"),
    [
        ({"00200013": "7"}, 7),
        ({"00200013": "-1"}, -1),
        ({"00541330": "4"}, 4),
        ({"00200013": "", "00541330": "4"}, 4),
        ({"00200013": "7", "00541330": "4"}, 7),
        ({"00200013": "7.0"}, None),
        ({"00200013": "99999999999"}, None),
        ({"00200013": "2147483648"}, None),
        ({}, None),
    ],
)
def test_the_place_in_the_series_is_an_integer_or_unknown(
    texts: dict[str, str], place: int | None
) -> None:
    """InstanceNumber, else ImageIndex; anything that is no 32-bit integer counts as unknown."""
    assert MainTags(texts, MAIN_TAGS).index_in_series == place


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({"00201002": "10", "00200105": "3", "00181090": "7"}, 30),
        ({"00201002": "10", "00540081": "4", "00540101": "5"}, 20),
        ({"00201002": "10"}, None),
        ({"00181090": "7"}, 7),
        ({"00181090": "seven"}, None),
        ({"00181090": "0"}, None),
        ({"00201002": "100000", "00200105": "100000"}, None),
    ],
)
def test_the_expected_number_of_instances_follows_orthancs_rules(
    texts: dict[str, str], expected: int | None
) -> None:
    """Temporal positions come before slices, slices before cardiac images; both factors count."""
    assert MainTags(texts, MAIN_TAGS).expected_instances == expected


@pytest.mark.parametrize(
    "packed",
    [
        b"no zstd",
        zstandard.compress(b"no json"),
        zstandard.compress(b'{"00100010": {"vr": "LO", "Value": 5}}'),
        zstandard.compress(b'{"00100010": {"vr": "LO", "Value": ["\xff"]}}'),
    ],
)
def test_a_broken_header_is_unindexable(packed: bytes) -> None:
    """A header that cannot be read is told apart from a bug."""
    with pytest.raises(Unindexable, match="header cannot be read"):
        READER.read(packed, ancestors=True)


REQUEST = {"vr": "SQ", "Value": [{"00400007": {"vr": "LO", "Value": ["CT\0 HEAD"]}}]}


def test_extra_tags_are_read_where_they_are_listed() -> None:
    """A store keeps further attributes at the levels for which it was told so."""
    reader = TagReader(
        main_tags({"Series": ["InstitutionName", "0018,0022"], "Instance": ["Rows"]})
    )
    header = {
        "00080080": {"vr": "LO", "Value": ["ACME"]},
        "00180022": {"vr": "CS", "Value": ["A", "B"]},
        "00280010": {"vr": "US", "Value": [512]},
    }
    packed = zstandard.compress(msgspec.json.encode(header))
    tags = reader.read(packed, ancestors=True)
    assert tags.of("Study") == '{"00080080":"ACME"}'
    assert tags.of("Series") == '{"00080080":"ACME","00180022":"A\\\\B"}'
    assert reader.read(packed, ancestors=False).of("Instance") == '{"00280010":"512"}'


def test_a_series_keeps_its_request() -> None:
    """The request attributes of a series stay DICOM JSON, in characters that PostgreSQL takes."""
    tags = tags_of({"00400275": REQUEST, "00080060": {"vr": "CS", "Value": ["CT"]}})
    assert tags.sequences_of("Series") == (
        '{"00400275":{"vr":"SQ","Value":[{"00400007":{"vr":"LO","Value":["CT HEAD"]}}]}}'
    )
    assert tags.of("Series") == '{"00080060":"CT"}'
    assert tags.sequences_of("Study") is None
    assert tags_of({"00400275": REQUEST}, ancestors=False).sequences_of("Series") is None


def test_each_level_keeps_its_sequences() -> None:
    """Those that a store names besides, the instance's also where nothing else is read."""
    extra = {
        "Patient": ["OtherPatientIDsSequence"],
        "Study": ["0008,1032", "RequestAttributesSequence", "InstitutionName"],
        "Series": ["RequestAttributesSequence"],
        "Instance": ["ReferencedImageSequence"],
    }
    reader = tag_reader(extra)  # type: ignore[arg-type]
    header = dict.fromkeys(("00081032", "00081140", "00101002", "00400275"), REQUEST)
    packed = zstandard.compress(msgspec.json.encode(header))
    tags = reader.read(packed, ancestors=True)
    kept = {level: msgspec.json.decode(tags.sequences_of(level) or "{}") for level in LEVELS}
    assert {level: sorted(sequences) for level, sequences in kept.items()} == {
        "Patient": ["00101002"],
        "Study": ["00081032", "00400275"],
        "Series": ["00400275"],
        "Instance": ["00081140"],
    }
    alone = reader.read(packed, ancestors=False)
    assert alone.sequences_of("Instance") == tags.sequences_of("Instance")
    assert reader.listed["Study"]["00081032"] == "ProcedureCodeSequence"
    assert "00400275" in reader.listed["Study"]
    assert "00400275" not in reader.listed["Series"]
    assert tag_reader({"Series": ["RequestAttributesSequence"]}).listed == MAIN_TAGS


@pytest.mark.parametrize(
    "element",
    [
        {"vr": "SQ"},
        {"vr": "LO", "Value": ["X"]},
        {"vr": "SQ", "Value": [{"00400007": {"vr": "LO", "Value": ["x" * 300_000]}}]},
    ],
)
def test_what_is_no_request_is_not_kept(element: dict[str, Any]) -> None:
    """An empty, wrong or enormous sequence is left to the header."""
    assert tags_of({"00400275": element}).sequences_of("Series") is None


@pytest.mark.parametrize(
    ("syntax", "bits", "odd"),
    [
        ("1.2.840.10008.1.2", 8, {"OB"}),
        ("1.2.840.10008.1.2.1", 8, {"OW"}),
        ("1.2.840.10008.1.2.1", 16, {"OB"}),
        ("1.2.840.10008.1.2.2", 16, {"OB"}),
        ("1.2.840.10008.1.2.1", None, {"OW"}),
        ("1.2.840.10008.1.2.4.90", 16, set()),
    ],
)
def test_an_odd_vr_of_pixel_data(syntax: str, bits: int | None, odd: set[str]) -> None:
    """Native pixel data is OW in an implicit syntax or when it is deep, else OB."""
    header = {} if bits is None else {"00280100": {"vr": "US", "Value": [bits]}}
    tags = tags_of(header, ancestors=False)
    event = msgspec.structs.replace(received("1.1"), transfer_syntax=syntax)
    found = {
        vr
        for vr in ("OW", "OB", "OF", "")
        if has_odd_pixel_vr(msgspec.structs.replace(event, pixel_vr=vr), tags)
    }
    assert found == odd

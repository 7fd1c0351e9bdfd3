# SPDX-License-Identifier: Apache-2.0
"""Data sets re-encoded for a peer: the heads of elements change, the bytes of values do not.

Expected bytes are written out by PS3.5 7.1, 7.3 and annex A, not by pydicom, which decodes text
and so loses what does not fit its character set.
"""

import struct
from collections.abc import Sequence
from pathlib import Path

import pytest

from pons.catalog import InstanceToSend
from pons.errors import InvalidInstance
from pons.objects import FileObjects, new_key
from pons.sending.contexts import proposals_for
from pons.sending.dataset import Dataset

from .converting import (
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    Convert,
    Element,
    end_of_sequence,
    explicit,
    file_in,
    implicit,
    item,
    open_item,
    tag_bytes,
)

pytestmark = pytest.mark.anyio
BIG = "1.2.840.10008.1.2.2"


NOT_UTF8 = [
    (0x00080005, b"CS", b"ISO_IR 192"),
    (0x00100010, b"PN", b"M\xfcller^Anna "),
    (0x00104000, b"LT", b"\x1b$B\xff\x00 "),
    (0x00280030, b"DS", b" 0.50\\0.500 "),
    (0x00280106, b"US", b"\x07\x00"),
    (0x00291010, b"UN", b"\xff\xfe private"),
]
"""Text that is not in its character set, numbers that are not written the shortest way."""


async def test_text_is_never_decoded(convert: Convert) -> None:
    """Values arrive byte for byte, also text that its character set does not have."""
    as_implicit = implicit(*((tag, value) for tag, _vr, value in NOT_UTF8))
    assert await convert(EXPLICIT, explicit(*NOT_UTF8), IMPLICIT) == as_implicit
    assert await convert(IMPLICIT, as_implicit, EXPLICIT) == explicit(*NOT_UTF8)
    assert await convert(DEFLATED, explicit(*NOT_UTF8), IMPLICIT) == as_implicit
    assert await convert(DEFLATED, explicit(*NOT_UTF8), EXPLICIT) == explicit(*NOT_UTF8)


BIG_VALUES = [
    (0x00080005, b"CS", b"ISO_IR 192", b"ISO_IR 192"),
    (0x00100010, b"PN", b"M\xfcller^Anna ", b"M\xfcller^Anna "),
    (0x00189241, b"US", b"\x12\x34\x56\x78", b"\x34\x12\x78\x56"),
    (0x00189219, b"SS", b"\xff\xfe", b"\xfe\xff"),
    (0x0018605A, b"SL", b"\x00\x00\x00\x01", b"\x01\x00\x00\x00"),
    (0x0018602C, b"FD", b"\x01\x02\x03\x04\x05\x06\x07\x08", b"\x08\x07\x06\x05\x04\x03\x02\x01"),
    (0x00189073, b"FL", b"\x01\x02\x03\x04", b"\x04\x03\x02\x01"),
    (0x00209165, b"AT", b"\x00\x20\x91\x28", b"\x20\x00\x28\x91"),
    (0x00281201, b"OW", b"\x01\x02\x03\x04", b"\x02\x01\x04\x03"),
    (0x00420011, b"OB", b"\x01\x02\x03\x04", b"\x01\x02\x03\x04"),
    (0x00660016, b"OF", b"\x01\x02\x03\x04", b"\x04\x03\x02\x01"),
    (0x00660022, b"OD", b"12345678", b"87654321"),
    (0x00660040, b"OL", b"\x01\x02\x03\x04", b"\x04\x03\x02\x01"),
    (0x00720082, b"SV", b"12345678", b"87654321"),
    (0x00720083, b"UV", b"12345678", b"87654321"),
    (0x7FE00001, b"OV", b"12345678", b"87654321"),
    (0x7FE00010, b"OW", b"\x00\x01\x00\x02", b"\x01\x00\x02\x00"),
]
"""Tag, VR, big endian value, little endian value (PS3.5 7.3)."""


async def test_big_endian_words_are_turned_round_by_their_vr(convert: Convert) -> None:
    """Numbers and binary words change their order; text and bytes do not; an AT is two words."""
    source = explicit(*((tag, vr, big) for tag, vr, big, _ in BIG_VALUES), order=">")
    as_explicit = explicit(*((tag, vr, little) for tag, vr, _, little in BIG_VALUES))
    assert await convert(BIG, source, EXPLICIT) == as_explicit
    as_implicit = implicit(*((tag, little) for tag, _, _, little in BIG_VALUES))
    assert await convert(BIG, source, IMPLICIT) == as_implicit


@pytest.mark.parametrize(
    ("allocated", "big", "little"),
    [
        (b"\x00\x08", b"\x02\x01\x04\x03\x06\x05\x08\x07", b"\1\2\3\4\5\6\7\x08"),
        (b"\x00\x10", b"\x02\x01\x04\x03\x06\x05\x08\x07", b"\1\2\3\4\5\6\7\x08"),
        (b"\x00\x20", b"\x04\x03\x02\x01\x08\x07\x06\x05", b"\1\2\3\4\5\6\7\x08"),
        (b"\x00\x40", b"\x08\x07\x06\x05\x04\x03\x02\x01", b"\1\2\3\4\5\6\7\x08"),
    ],
)
async def test_large_pixels_are_numbers(
    convert: Convert, allocated: bytes, big: bytes, little: bytes
) -> None:
    """A dose of 32 bits is one number, as pictures of it here show it. PS3.5 8.1.1 has two words of
    16 bits, which few writers of big endian follow; 8 bits in OW are two pixels in a word."""
    source = explicit((0x00280100, b"US", allocated), (0x7FE00010, b"OW", big), order=">")
    expected = explicit((0x00280100, b"US", allocated[::-1]), (0x7FE00010, b"OW", little))
    assert await convert(BIG, source, EXPLICIT) == expected


async def test_nested_sequences_of_big_endian(convert: Convert) -> None:
    """Items at any depth, with and without lengths, keep whether they have one."""

    def nested(order: str, number: bytes) -> bytes:
        inner = explicit((0x00280010, b"US", number), order=order)
        middle = explicit((0x0040A168, b"SQ", item(inner, order) + item(b"", order)), order=order)
        last = open_item(middle, order) + end_of_sequence(order)
        return explicit((0x00081140, b"SQ", last), order=order, undefined=True) + explicit(
            (0x00200013, b"IS", b"1 "), order=order
        )

    assert await convert(BIG, nested(">", b"\x02\x00"), EXPLICIT) == nested("<", b"\x00\x02")


async def test_un_is_little_endian_everywhere(convert: Convert) -> None:
    """PS3.5 6.2.2: a value of UN is not turned round, and a sequence in UN stays implicit."""
    inside = open_item(implicit((0x00280010, b"\x00\x02"))) + end_of_sequence()
    source = explicit((0x00291010, b"UN", b"\x01\x02"), order=">") + explicit(
        (0x00291011, b"UN", inside), order=">", undefined=True
    )
    expected = explicit((0x00291010, b"UN", b"\x01\x02")) + explicit(
        (0x00291011, b"UN", inside), undefined=True
    )
    assert await convert(BIG, source, EXPLICIT) == expected


@pytest.mark.parametrize(
    "element",
    [(0x00280010, b"US", b"\x01\x02\x03"), (0x00291010, b"ZZ", b"\x00\x00\x01\x02")],
)
async def test_big_endian_values_that_cannot_be_right(convert: Convert, element: Element) -> None:
    """A value that is no whole number of words, or of a VR that nobody knows, is refused."""
    source = explicit(element, order=">")
    if element[1] == b"ZZ":
        source = tag_bytes(element[0], ">") + b"ZZ" + struct.pack(">HI", 0, 4) + element[2]
    with pytest.raises(InvalidInstance, match="Instance one cannot be re-encoded for this peer"):
        await convert(BIG, source, EXPLICIT)


@pytest.mark.parametrize(
    ("elements", "vrs"),
    [
        ([(0x00080018, b"1.2\0"), (0x00100010, b"A^B ")], [b"UI", b"PN"]),
        ([(0x00091001, b"what"), (0x0008FFF0, b"this")], [b"UN", b"UN"]),
        ([(0x00280103, b"\x01\x00"), (0x00280106, b"\xff\xff")], [b"US", b"SS"]),
        ([(0x00280106, b"\xff\xff"), (0x00280103, b"\x01\x00")], [b"SS", b"US"]),
        ([(0x00280103, b"\x00\x00"), (0x00280106, b"\xff\xff")], [b"US", b"US"]),
        ([(0x00283006, b"\x01\x02")], [b"OW"]),
        ([(0x00283002, b"\x01\0\0\0\x10\0"), (0x00283006, b"\x01\x02")], [b"US", b"US"]),
        ([(0x00189087, b"\x01\x02\x03\x04\x05\x06")], [b"UN"]),
        ([(0x60003000, b"\x01\x02"), (0x7FE00010, b"\x01\x02")], [b"OW", b"OW"]),
        ([(0x7FE00008, b"\x01\x02\x03\x04")], [b"OF"]),
        ([(0x00190010, b"GEMS_ACQU_01"), (0x00191002, b"\x01\0\0\0")], [b"LO", b"SL"]),
    ],
)
async def test_vrs_come_from_the_dictionary(
    convert: Convert, elements: Sequence[tuple[int, bytes]], vrs: Sequence[bytes]
) -> None:
    """UN where it does not know the attribute, or the value cannot have its VR (PS3.5 6.2.2)."""
    expected = [(tag, vr, value) for (tag, value), vr in zip(elements, vrs, strict=True)]
    assert await convert(IMPLICIT, implicit(*elements), EXPLICIT) == explicit(*expected)


async def test_a_value_too_long_for_its_vr_is_un(convert: Convert) -> None:
    """PS3.5 6.2.2: a length of two bytes cannot tell 64 KiB, one of UN can."""
    fits, long = b"x" * 0xFFFE, b"x" * 0x10000
    odd = b"x" * 0xFFFF  # which its padding makes too long
    source = implicit((0x00081030, fits), (0x0008103E, long), (0x00104000, odd), (0x0040A160, long))
    expected = explicit(
        (0x00081030, b"LO", fits),
        (0x0008103E, b"UN", long),
        (0x00104000, b"UN", odd + b"\0"),
        (0x0040A160, b"UT", long),
    )
    assert await convert(IMPLICIT, source, EXPLICIT) == expected


async def test_group_lengths_are_left_out(convert: Convert) -> None:
    """They are retired, and would be wrong (PS3.5 7.2); so is a group 0002 in a data set."""
    sequence = item(explicit((0x00080000, b"UL", bytes(4)), (0x00080100, b"SH", b"A ")))
    source = explicit(
        (0x00080000, b"UL", b"\x0c\0\0\0"),
        (0x00080005, b"CS", b"GBK "),
        (0x0040A168, b"SQ", sequence),
    )
    expected = implicit((0x00080005, b"GBK "), (0x0040A168, item(implicit((0x00080100, b"A ")))))
    assert await convert(EXPLICIT, source, IMPLICIT) == expected


ODD = [
    (0x00080018, b"UI", b"1.2.3", b"\0"),
    (0x00100010, b"PN", b"M\xfcller^Anna", b" "),
    (0x00104000, b"LT", b"text\0", b" "),
    (0x00200013, b"IS", b"007", b" "),
    (0x00280010, b"UN", b"\x01\x02\x03", b"\0"),
    (0x00420011, b"OB", b"%PDF-", b"\0"),
]
"""Tag, VR, a value, and what gives it an even length (PS3.5 6.2)."""


async def test_values_of_odd_length_are_padded(convert: Convert) -> None:
    """PS3.5 7.1.1: a length is even. Many peers abort at a data set of which one is not."""
    source = explicit(*((tag, vr, value) for tag, vr, value, _ in ODD))
    inside = [(tag, value + pad) for tag, _, value, pad in ODD]
    expected = implicit(*inside, (0x0040A168, item(implicit(*inside))))
    source += explicit((0x0040A168, b"SQ", item(source)))
    assert await convert(EXPLICIT, source, IMPLICIT) == expected
    source = implicit(*((tag, value) for tag, _, value, _ in ODD))
    expected = explicit(*((tag, vr, value + pad) for tag, vr, value, pad in ODD))
    assert await convert(IMPLICIT, source, EXPLICIT) == expected


def instance_in(syntax: str) -> InstanceToSend:
    return InstanceToSend(
        "one", ("p", "s", "r"), new_key(), 1, 1, "", syntax, "CT", "1.2", "1.3", "1.4", "P"
    )


def test_what_is_proposed() -> None:
    """As it is stored first; then the encodings into which it can be brought."""
    proposed = {
        syntax: [way for _, way in proposals_for(instance_in(syntax))]
        for syntax in (
            *(IMPLICIT, EXPLICIT, BIG, DEFLATED),
            *("1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.103"),
        )
    }
    assert proposed == {
        IMPLICIT: [IMPLICIT, EXPLICIT],
        EXPLICIT: [EXPLICIT, IMPLICIT],
        BIG: [BIG, EXPLICIT, IMPLICIT],
        DEFLATED: [DEFLATED, EXPLICIT, IMPLICIT],
        "1.2.840.10008.1.2.4.70": ["1.2.840.10008.1.2.4.70", EXPLICIT, IMPLICIT],
        "1.2.840.10008.1.2.4.103": ["1.2.840.10008.1.2.4.103"],
    }


@pytest.mark.parametrize(
    ("syntax", "dataset", "way", "as_it_is"),
    [
        (EXPLICIT, explicit(*NOT_UTF8), EXPLICIT, True),
        (EXPLICIT, explicit(*NOT_UTF8), IMPLICIT, False),
        (EXPLICIT, explicit((0x00100010, b"PN", b"odd")), EXPLICIT, False),
        (IMPLICIT, explicit(*NOT_UTF8), IMPLICIT, False),
        (EXPLICIT, implicit((0x00080005, b"GBK ")), EXPLICIT, False),
        (BIG, explicit(*NOT_UTF8, order=">"), BIG, True),
        (BIG, explicit((0x00100010, b"PN", b"odd"), order=">"), BIG, True),
        (JPEG, explicit(*NOT_UTF8), JPEG, True),
        (JPEG, explicit((0x00100010, b"PN", b"odd")), JPEG, False),
    ],
)
async def test_bytes_go_as_they_are_only_where_they_are_what_the_context_says(
    tmp_path: Path, syntax: str, dataset: bytes, way: str, as_it_is: bool
) -> None:
    """A data set in the other VR encoding than its transfer syntax says is re-encoded, so is one of
    odd length: there are peers that abort at it."""
    objects = FileObjects(tmp_path, "main", fsync=False)
    file, key = file_in(syntax, dataset), new_key()
    await objects.put(key, file)
    instance = InstanceToSend(
        "one", ("p", "s", "r"), key, len(file), len(file), "", syntax,
        "1.2.3", "1.2", "1.3", "1.4", "P",
    )  # fmt: skip
    prepared = Dataset(objects, instance)
    await prepared.prepare()
    assert prepared.is_as(way) == as_it_is

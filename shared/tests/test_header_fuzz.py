# SPDX-License-Identifier: Apache-2.0
"""Files that are cut, mutated or made up break nothing."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pons.errors import InvalidInstance
from pons.header import scan, scan_dataset

from .hostile import (
    BIG,
    DEFLATED,
    EXPLICIT,
    IDENTIFIERS,
    IMPLICIT,
    ITEM,
    ITEM_END,
    SEQUENCE_END,
    SQ,
    UNDEFINED,
    deflate,
    read,
)


def test_a_file_cut_anywhere_in_its_pixel_data_is_refused() -> None:
    """An image whose transfer broke off is never stored as if it were complete."""
    for file_name in ("MR_small.dcm", "MR_small_RLE.dcm", "MR_small_bigendian.dcm"):
        data = read(file_name)
        pixels = scan(data).pixel_data
        assert pixels is not None
        stop = pixels.offset + (pixels.length or data[pixels.offset :].index(SEQUENCE_END) + 8)
        for end in (pixels.offset, pixels.offset + 9, stop - 1):
            with pytest.raises(InvalidInstance):
                scan(data[:end])


def check(data: bytes, transfer_syntax: str = "") -> None:
    """Scan without any exception but InvalidInstance; what is accepted must be sound."""
    try:
        header = scan_dataset(data, transfer_syntax) if transfer_syntax else scan(data)
    except InvalidInstance:
        return
    members = json.loads(header.json)
    assert list(members) == sorted(members)
    assert header.study_uid
    assert header.series_uid
    assert header.sop_instance_uid
    json.loads(header.meta_json)


def test_a_file_cut_anywhere_in_its_header_breaks_nothing() -> None:
    """Each beginning of a file is refused, or read as the data set that it happens to be."""
    for file_name in ("CT_small.dcm", "MR_small_implicit.dcm", "image_dfl.dcm"):
        data = read(file_name)
        for end in range(0, min(len(data), 3000), 7):
            check(data[:end])


SEEDS = [
    read(file_name)
    for file_name in (
        "CT_small.dcm",
        "MR_small_implicit.dcm",
        "MR_small_bigendian.dcm",
        "image_dfl.dcm",
        "MR_small_RLE.dcm",
        "nested_priv_SQ.dcm",
        "UN_sequence.dcm",
        "reportsi.dcm",
        "rtplan.dcm",
        "chrH32.dcm",
        "ExplVR_BigEndNoMeta.dcm",
    )
]
FUZZ = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=400,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@FUZZ
@example(b"")
@example(b"DICM")
@example(bytes(132))
@example(bytes(128) + b"DICM")
@given(st.binary(max_size=400))
def test_random_bytes_break_nothing(data: bytes) -> None:
    """Random bytes are no instance, whichever way they are looked at."""
    check(data)
    check(bytes(128) + b"DICM" + data)
    for transfer_syntax in (IMPLICIT, EXPLICIT, BIG, DEFLATED):
        check(data, transfer_syntax)
    check(deflate(data), DEFLATED)


@FUZZ
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 4000), st.binary(min_size=1, max_size=6)), max_size=8),
    st.tuples(st.integers(0, 3000), st.integers(0, 3000), st.integers(0, 200)),
)
def test_mutated_files_break_nothing(
    seed: bytes, changes: list[tuple[int, bytes]], move: tuple[int, int, int]
) -> None:
    """Real files with bytes overwritten and pieces moved are refused, or read without harm."""
    data = bytearray(seed[:8000])
    for place, new in changes:
        at = 128 + place % max(len(data) - 128, 1)
        data[at : at + len(new)] = new
    source, target, length = move
    data[target : target + length] = data[source : source + length]
    check(bytes(data))


@FUZZ
@given(
    st.sampled_from([IMPLICIT, EXPLICIT, BIG]),
    st.lists(
        st.sampled_from(
            [
                IDENTIFIERS,
                SQ + UNDEFINED,
                SQ + b"\x20\0\0\0",
                ITEM + UNDEFINED,
                ITEM + b"\x10\0\0\0",
                ITEM_END,
                SEQUENCE_END,
                b"\x08\x00\x05\x00CS\x0a\0ISO_IR 192",
                b"\x09\x00\x10\x00LO\x04\0PONS",
                b"\x09\x00\x01\x10UN\0\0" + UNDEFINED,
                b"\x28\x00\x06\x01\x02\0\0\0\xff\xff",
                b"\x28\x00\x03\x01US\x02\0\x01\0",
                b"\xe0\x7f\x10\x00OB\0\0" + UNDEFINED,
                b"\xe0\x7f\x10\x00OW\0\0\x04\0\0\0",
                b"\x08\x00\x20\x00DA\x08\x0020260101",
                b"\0" * 12,
            ]
        ),
        max_size=14,
    ),
)
def test_pieces_of_structure_in_any_order_break_nothing(
    transfer_syntax: str, pieces: list[bytes]
) -> None:
    """Delimiters, sequences and pixel data in senseless places are refused or read safely."""
    check(b"".join(pieces), transfer_syntax)

# SPDX-License-Identifier: Apache-2.0
"""Pixel data that is compressed otherwise than its transfer syntax says (PS3.5 A.4).

pydicom hands such frames to the decoder of the transfer syntax that the file names, which fails or
shows noise; DCMTK refuses native pixel data in a compressed transfer syntax.
"""

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import generate_frames

from pons.header import scan
from pons.header.meta import meta_end

EXPLICIT = "1.2.840.10008.1.2.1"
JPEG, LOSSLESS, RLE = (
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.5",
)
MPEG2 = "1.2.840.10008.1.2.4.100"


def content_of(name: str) -> bytes:
    with open(str(get_testdata_file(name)), "rb") as file:
        return file.read()


def said_to_be(content: bytes, transfer_syntax: str) -> bytes:
    """The same data set, whose meta header names another transfer syntax."""
    uid = transfer_syntax.encode() + b"\0" * (len(transfer_syntax) % 2)
    head = bytes(128) + b"DICM" + b"\x02\0\x10\0UI" + len(uid).to_bytes(2, "little")
    return head + uid + content[meta_end(content) :]


@pytest.mark.parametrize(
    ("name", "transfer_syntax"),
    [
        ("SC_rgb_jpeg_dcmtk.dcm", JPEG),
        ("JPEG-lossy.dcm", "1.2.840.10008.1.2.4.51"),
        ("SC_rgb_jpeg_gdcm.dcm", LOSSLESS),
        ("MR_small_jpeg_ls_lossless.dcm", "1.2.840.10008.1.2.4.80"),
        ("MR_small_jp2klossless.dcm", "1.2.840.10008.1.2.4.90"),
        ("JPEG2000.dcm", "1.2.840.10008.1.2.4.91"),
    ],
)
def test_a_code_stream_names_itself(name: str, transfer_syntax: str) -> None:
    """Sent as what the meta header says, it would be taken for samples."""
    header = scan(said_to_be(content_of(name), EXPLICIT))
    assert header.transfer_syntax == transfer_syntax
    assert header.correction is not None
    assert not header.correction.impossible


def test_run_lengths_have_no_name() -> None:
    """They have no mark that samples could not have; nothing is guessed."""
    header = scan(said_to_be(content_of("MR_small_RLE.dcm"), EXPLICIT))
    assert (header.transfer_syntax, header.correction) == (EXPLICIT, None)


@pytest.mark.parametrize("declared", [JPEG, LOSSLESS, RLE])
def test_samples_are_native_whatever_is_said(declared: str) -> None:
    """Compressed pixel data has no length; what has one is not compressed."""
    header = scan(said_to_be(content_of("CT_small.dcm"), declared))
    assert header.transfer_syntax == EXPLICIT
    assert header.correction is not None


@pytest.mark.parametrize("stream", ["SC_rgb_jpeg_dcmtk.dcm", "JPEG2000.dcm", "MR_small_RLE.dcm"])
def test_a_code_stream_without_fragments_is_not_samples(stream: str) -> None:
    """It keeps its name, and is refused by who shows it."""
    fragments = dcmread(str(get_testdata_file(stream))).PixelData
    ds = dcmread(str(get_testdata_file("CT_small.dcm")))
    content = content_of("CT_small.dcm")
    bare = next(generate_frames(fragments, number_of_frames=1))
    assert len(bare) < len(ds.PixelData)
    odd = content.replace(ds.PixelData, bare.ljust(len(ds.PixelData), b"\0"))
    assert scan(said_to_be(odd, JPEG)).transfer_syntax == JPEG


def test_a_video_with_a_length_stays_a_video() -> None:
    """Nobody knows what the beginning of each kind of stream looks like."""
    assert scan(said_to_be(content_of("CT_small.dcm"), MPEG2)).transfer_syntax == MPEG2


def test_a_cut_code_stream_keeps_what_is_said() -> None:
    content = content_of("SC_rgb_jpeg_dcmtk.dcm")
    start = content.index(b"\xff\xd8\xff")
    frame = content.index(b"\xff\xc0", start)
    odd = content[:frame] + b"\xff\xd9" + content[frame + 2 :]
    assert scan(said_to_be(odd, EXPLICIT)).transfer_syntax == EXPLICIT

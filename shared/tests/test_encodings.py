# SPDX-License-Identifier: Apache-2.0
"""Orthanc's names of encodings."""

import codecs

import pytest

from pons.dicom.encodings import CODECS, codec_of, name_of
from pons.errors import BadRequest


@pytest.mark.parametrize("name", CODECS)
def test_every_name_comes_back(name: str) -> None:
    """Each name has a codec of Python's, and that codec has this name."""
    assert codecs.lookup(codec_of(name))
    assert name_of(codec_of(name)) == name


def test_codecs_of_settings() -> None:
    """A codec is shown by Orthanc's name, however it is spelt; by its own without one."""
    assert name_of("utf8") == "Utf8"
    assert name_of("ISO-8859-1") == "Latin1"
    assert name_of("cp1252") == "cp1252"


def test_unknown_name() -> None:
    """A name that is none is refused with those that are."""
    with pytest.raises(BadRequest, match="Unknown encoding 'nope'"):
        codec_of("nope")

# SPDX-License-Identifier: Apache-2.0
"""Names in an archive, as Orthanc gives them since 1.13.0."""

import pytest

from pons_render.archive.names import Folder, Naming, numbers

ASCII, UTF8 = Naming(utf8=False), Naming(utf8=True)


@pytest.mark.parametrize(
    ("identifier", "name", "expected"),
    [
        ("887", "KNEE", "887 - KNEE"),
        ("887", "", "887"),
        ("", "KNEE", "- KNEE"),
        ("", "", "Unknown Patient"),
        ("^^", "", "Unknown Patient"),
        ("..", "", "Unknown Patient"),
        ("a/b\\c", "D\nE", "a b c - D E"),
        ("BUG7101", 'Müller: "a" <b>|c?*', "BUG7101 - Mller a b c"),
        ("a  b", "c\x7f\x01\x1fd", "a b - c d"),
        ("*", "|", "Unknown Patient"),
        ("1", "Dr. X. ..", "1 - Dr. X"),
        ("...", "", "Unknown Patient"),
        ("CON", "", "CON_"),
        ("nul.1", "", "nul.1_"),
        ("COM1", "PORT", "COM1 - PORT"),
        ("CONRAD", "", "CONRAD"),
        (" lpt9 ", "", "lpt9_"),
        ("1", "cérébrale", "1 - crbrale"),
        ("1", "東京", "1"),
    ],
)
def test_patient(identifier: str, name: str, expected: str) -> None:
    """Identifier and name; slashes lead nowhere, and what is empty has a name all the same."""
    assert ASCII.patient({"00100020": identifier, "00100010": name}) == expected


def test_utf8() -> None:
    """Other characters than ASCII's stay when they may."""
    tags = {"00080050": "0", "00081030": "IRM cérébrale, neuro-crâne"}
    assert UTF8.study(tags) == "0 - IRM cérébrale, neuro-crâne"
    assert ASCII.study(tags) == "0 - IRM crbrale, neuro-crne"
    tags = {"00100020": "1", "00100010": "東京\x85:\u200b「a」"}
    assert UTF8.patient(tags) == "1 - 東京 「a」"


def test_study_and_series() -> None:
    """Empty parts go with their separators."""
    assert ASCII.study({"00081030": "HELLO^SERIES"}) == "HELLO^SERIES"
    assert ASCII.study({}) == "Unknown Study"
    described = {"00081030": 'Thorax: AP/PA "old" <x>|?*'}
    assert ASCII.study(described) == "Thorax AP PA old x"
    assert UTF8.study(described) == "Thorax AP PA old x"
    assert ASCII.series({"00080060": "OT", "0008103E": "ser:1*?"}) == "OT - ser 1"
    series = {"00200011": "301", "00080060": "MR", "0008103E": "T1W_aTSE"}
    assert ASCII.series(series) == "301 - MR - T1W_aTSE"
    assert ASCII.series({"00080060": "MR"}) == "MR"
    assert ASCII.series({}) == "Unknown Series"


@pytest.mark.parametrize(
    ("modality", "number", "expected"),
    [
        ("ct", 1, "CT000001.dcm"),
        ("M", 12, "M0000012.dcm"),
        ("", 0, "00000000.dcm"),
        ("/../X", 3, "X0000003.dcm"),
        ("PT", 12345678, "PT12345678.dcm"),
    ],
)
def test_file(modality: str, number: int, expected: str) -> None:
    """Two letters of the modality, and eight characters as long as the number lets it."""
    assert ASCII.file({"00080060": modality}, number) == expected


def test_numbers() -> None:
    """Distinct indices are the numbers; one that lacks or comes twice makes them a count."""
    assert numbers([1, 3, 7]) == [1, 3, 7]
    assert numbers([1, 1, 2]) == [0, 1, 2]
    assert numbers([4, None]) == [0, 1]


def test_siblings() -> None:
    """Siblings of the same name are told apart, also from one that is really called so, and where
    they differ in case alone."""
    folder = Folder()
    names = [folder.folder(name).path for name in ("A", "A-2", "A", "A", "B")]
    assert names == ["A/", "A-2/", "A-3/", "A-4/", "B/"]
    assert folder.folder("A").folder("A").path == "A-5/A/"
    assert folder.folder("b").path == "b-2/"

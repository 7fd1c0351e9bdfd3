# SPDX-License-Identifier: Apache-2.0
"""Orthanc's identifiers, by value: scripts keep them in their own databases."""

import pytest

from pons.dicom.identity import ResourceIds, resource_ids, to_bytes, to_text


def test_identifiers_are_those_that_orthanc_gives() -> None:
    """The four levels hash PatientID and the UIDs joined by bars, with SHA-1."""
    assert resource_ids("P1", "1.2.3", "1.2.3.4", "1.2.3.4.5") == ResourceIds(
        patient="bdaf1eca-33d4619e-80e8ca68-9a1b74a4-febbbb29",
        study="ce42f924-f6020bea-aa810144-6941b6f0-88331094",
        series="626a5deb-273fd2f8-0801eb57-046b8592-d6992882",
        instance="7ec54ea4-03b563b4-f9817b30-214c8311-b67e0f83",
    )


def test_the_patient_of_orthancs_documentation_has_the_identifier_that_it_prints() -> None:
    """BRAINIX, the sample study of the Orthanc Book."""
    assert (
        resource_ids("5Yp0E", "", "", "").patient == "16738bc3-e47ed42a-43ce044c-a3414a45-cb069bd0"
    )


def test_identifiers_do_not_depend_on_padding() -> None:
    """Spaces around a value are padding, so they change no identifier."""
    padded = resource_ids(" P1 ", "1.2.3 ", " 1.2.3.4", "1.2.3.4.5 ")
    assert padded == resource_ids("P1", "1.2.3", "1.2.3.4", "1.2.3.4.5")


def test_a_missing_patient_id_counts_as_an_empty_one() -> None:
    """Instances without PatientID are all of one patient, as in Orthanc."""
    assert resource_ids("", "1", "1", "1").patient == "da39a3ee-5e6b4b0d-3255bfef-95601890-afd80709"


def test_a_patient_id_is_hashed_as_utf8() -> None:
    """A PatientID with an accent gives one identifier, in whatever character set it was sent."""
    assert (
        resource_ids("José", "1", "1", "1").patient
        == "8f72d20b-6370ad3d-02b63bbe-e52bfa7b-5d75aa15"
    )


def test_text_that_is_not_unicode_has_an_identifier_too() -> None:
    """A lone surrogate, which no UTF-8 has, ends in an identifier and not in a crash."""
    assert len(resource_ids("\ud800", "1", "1", "1").patient) == 44


def test_an_identifier_survives_the_way_to_the_database_and_back() -> None:
    """20 bytes in PostgreSQL are the 44 characters of the REST API."""
    digest = bytes(range(20))
    assert to_text(digest) == "00010203-04050607-08090a0b-0c0d0e0f-10111213"
    assert to_bytes("00010203-04050607-08090a0b-0c0d0e0f-10111213") == digest


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1.2.3",
        "00010203-04050607-08090a0b-0c0d0e0f",
        "00010203-04050607-08090a0b-0c0d0e0f-1011121",
        "00010203-04050607-08090a0b-0c0d0e0f-101112133",
        "00010203-04050607-08090A0B-0C0D0E0F-10111213",
        "000102030-4050607-08090a0b-0c0d0e0f-10111213",
        "00010203-04050607-08090a0b-0c0d0e0f-10111213\n",
        "0001020x-04050607-08090a0b-0c0d0e0f-10111213",
        "٠0010203-04050607-08090a0b-0c0d0e0f-10111213",
    ],
)
def test_a_text_that_is_no_identifier_is_refused(text: str) -> None:
    """Whatever else a client sends in place of an identifier never reaches the database."""
    assert to_bytes(text) is None

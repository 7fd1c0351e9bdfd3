# SPDX-License-Identifier: Apache-2.0
import pytest
from pydicom.uid import AllTransferSyntaxes
from pynetdicom import AllStoragePresentationContexts

from pons.dicom.transfer_syntaxes import TRANSFER_SYNTAXES
from pons_ingress.syntaxes import STORAGE_SOP_CLASSES, StorageClasses, is_storage

CT, CT_ENHANCED = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1"
MR, VERIFICATION = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.1.1"
PRIVATE = "1.2.840.113619.4.30"


def test_every_storage_class_of_pynetdicom() -> None:
    """Nothing that pynetdicom calls storage is missing."""
    assert len(AllStoragePresentationContexts) > 120
    for context in AllStoragePresentationContexts:
        assert context.abstract_syntax in STORAGE_SOP_CLASSES


@pytest.mark.parametrize(
    "uid",
    [
        "1.2.840.10008.5.1.4.1.1.6",  # Ultrasound Image Storage (retired)
        "1.2.840.10008.5.1.4.1.1.5",  # Nuclear Medicine Image Storage (retired)
        "1.2.840.10008.5.1.4.1.1.12.3",  # X-Ray Angiographic Bi-Plane (retired)
        "1.2.840.10008.5.1.1.30",  # Hardcopy Color Image Storage (retired)
        "1.2.840.10008.5.1.4.34.1",  # RT Beams Delivery Instruction Storage - Trial
        "1.2.840.10008.5.1.4.1.1.501.1",  # DICOS CT
        "1.2.840.10008.5.1.4.1.1.601.1",  # Eddy Current
    ],
)
def test_retired_and_neighbouring_classes(uid: str) -> None:
    """Retired classes are stored, and those of DICOS and DICONDE."""
    assert is_storage(uid, accept_unknown=False)


@pytest.mark.parametrize(
    ("uid", "with_setting"),
    [
        ("1.2.840.10008.1.1", False),  # Verification
        ("1.2.840.10008.1.3.10", False),  # Media Storage Directory
        ("1.2.840.10008.1.20.1", False),  # Storage Commitment
        ("1.2.840.10008.5.1.4.1.2.2.1", False),  # Study Root Find
        ("1.2.840.10008.5.1.4.38.1", True),  # Hanging Protocol: no patient
        ("1.2.840.113619.4.30", True),  # private
    ],
)
def test_what_is_not_storage(uid: str, with_setting: bool) -> None:
    """The setting opens what the standard does not give to another service, and no more."""
    assert not is_storage(uid, accept_unknown=False)
    assert is_storage(uid, accept_unknown=True) is with_setting


@pytest.mark.parametrize(
    ("accepted", "rejected", "received"),
    [
        (["*"], [], {CT, CT_ENHANCED, MR}),
        ([CT, MR], [], {CT, MR}),
        ([f"{CT}*"], [], {CT, CT_ENHANCED}),
        (["*"], [f"{CT}.?"], {CT, MR}),
        ([CT, MR], ["*.4"], {CT}),
        ([], [], set()),
        ([CT, VERIFICATION, PRIVATE], [], {CT}),
    ],
)
def test_which_classes_are_received(
    accepted: list[str], rejected: list[str], received: set[str]
) -> None:
    """What is accepted and not rejected; a pattern makes no other class one of storage."""
    classes = StorageClasses(accepted=accepted, rejected=rejected)
    uids = (CT, CT_ENHANCED, MR, VERIFICATION, PRIVATE)
    assert {uid for uid in uids if classes.has(uid)} == received


def test_unknown_classes_are_filtered_too() -> None:
    """The setting that opens them does not open what is rejected."""
    assert StorageClasses(accept_unknown=True).has(PRIVATE)
    assert not StorageClasses(accept_unknown=True, rejected=["1.2.840.113619.*"]).has(PRIVATE)


def test_transfer_syntaxes() -> None:
    """Every transfer syntax that pydicom has a UID for is accepted, retired ones too."""
    assert set(AllTransferSyntaxes) <= TRANSFER_SYNTAXES
    assert {
        "1.2.840.10008.1.2.2",  # big endian
        "1.2.840.10008.1.2.1.98",  # encapsulated uncompressed
        "1.2.840.10008.1.2.4.66",  # JPEG lossless, hierarchical
        "1.2.840.10008.1.2.4.110",  # JPEG XL lossless
        "1.2.840.10008.1.2.4.205",  # JPIP HTJ2K, deflated
        "1.2.840.10008.1.20",  # Papyrus 3
    } <= TRANSFER_SYNTAXES
    assert "1.2.840.10008.1.1" not in TRANSFER_SYNTAXES

# SPDX-License-Identifier: Apache-2.0
"""Names and numbers of metadata and of attachments, as Orthanc gives them."""

from collections.abc import Mapping
from dataclasses import dataclass

FIRST_USER_NUMBER = 1024
LAST_USER_NUMBER = 65535
"""What clients write has a number in between; below lies what the store itself knows."""

SYSTEM_METADATA: dict[str, int] = {
    "IndexInSeries": 1,
    "ReceptionDate": 2,
    "RemoteAET": 3,
    "ExpectedNumberOfInstances": 4,
    "ModifiedFrom": 5,
    "AnonymizedFrom": 6,
    "LastUpdate": 7,
    "Origin": 8,
    "TransferSyntax": 9,
    "SopClassUid": 10,
    "RemoteIP": 11,
    "CalledAET": 12,
    "HttpUsername": 13,
    "PixelDataOffset": 14,
    "MainDicomTagsSignature": 15,
    "MainDicomSequences": 16,
    "PixelDataVR": 17,
    "IsProtected": 18,
    "PatientRecyclingOrder": 19,
}
"""Orthanc's name to Orthanc's number. The last two it keeps to itself."""

SYSTEM_ATTACHMENTS: dict[str, int] = {
    "dicom": 1,
    "dicom-as-json": 2,
    "dicom-until-pixel-data": 3,
}
"""The DICOM file itself, and two that only other versions of Orthanc keep."""
DICOM_FILE = SYSTEM_ATTACHMENTS["dicom"]


def is_users(number: int) -> bool:
    """Whether clients may write what has this number."""
    return FIRST_USER_NUMBER <= number <= LAST_USER_NUMBER


@dataclass(frozen=True, slots=True)
class Names:
    """What the store and its users call metadata, or attachments."""

    numbers: Mapping[str, int]

    def number(self, name: str) -> int | None:
        """The number of a name, or of a number in digits; None when nothing is called so."""
        known = self.numbers.get(name)
        if known is not None:
            return known
        return int(name) if name.isascii() and name.isdecimal() and len(name) <= 9 else None

    def name(self, number: int) -> str:
        """The name of a number; the number itself where it has none."""
        for name, known in self.numbers.items():
            if known == number:
                return name
        return str(number)


def metadata_names(user_metadata: Mapping[str, int]) -> Names:
    """The names of metadata, with those of the setting `index.user_metadata`."""
    return Names({**SYSTEM_METADATA, **user_metadata})


def attachment_names(user_content_types: Mapping[str, int | tuple[int, str]]) -> Names:
    """The names of attachments, with those of the setting `index.user_content_types`."""
    own = {
        name: value if isinstance(value, int) else value[0]
        for name, value in user_content_types.items()
    }
    return Names({**SYSTEM_ATTACHMENTS, **own})


def media_type(number: int, user_content_types: Mapping[str, int | tuple[int, str]]) -> str:
    """What readers of an attachment are told that it is."""
    if number == DICOM_FILE:
        return "application/dicom"
    for value in user_content_types.values():
        if not isinstance(value, int) and value[0] == number:
            return value[1]
    return "application/octet-stream"

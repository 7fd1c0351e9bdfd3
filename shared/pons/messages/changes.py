# SPDX-License-Identifier: Apache-2.0
"""The kinds of changes in the change log, with the numbers that the database keeps."""

CHANGE_TYPES: dict[str, int] = {
    "CompletedSeries": 1,
    "NewInstance": 2,
    "NewPatient": 3,
    "NewSeries": 4,
    "NewStudy": 5,
    "AnonymizedStudy": 6,
    "AnonymizedSeries": 7,
    "ModifiedStudy": 8,
    "ModifiedSeries": 9,
    "AnonymizedPatient": 10,
    "ModifiedPatient": 11,
    "StablePatient": 12,
    "StableStudy": 13,
    "StableSeries": 14,
    "UpdatedAttachment": 15,
    "UpdatedMetadata": 16,
}
"""Orthanc's `ChangeType` to Orthanc's number."""

CHANGE_NAMES: dict[int, str] = {number: name for name, number in CHANGE_TYPES.items()}

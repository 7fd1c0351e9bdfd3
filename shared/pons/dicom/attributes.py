# SPDX-License-Identifier: Apache-2.0
"""Which attributes each level of the index keeps beside its identifiers: the main DICOM tags.

The lists are Orthanc's defaults, so that scripts find the same keys under `MainDicomTags`; a store
may have others besides (`index.extra_main_tags`).
"""

from collections.abc import Mapping

from pons.dicom.levels import Level

Tags = Mapping[Level, Mapping[str, str]]
"""Level to tag (as in DICOM JSON) to keyword, tags ascending."""

MAIN_TAGS: dict[Level, dict[str, str]] = {
    "Patient": {
        "00100010": "PatientName",
        "00100020": "PatientID",
        "00100030": "PatientBirthDate",
        "00100040": "PatientSex",
        "00101000": "OtherPatientIDs",
    },
    "Study": {
        "00080020": "StudyDate",
        "00080030": "StudyTime",
        "00080050": "AccessionNumber",
        "00080080": "InstitutionName",
        "00080090": "ReferringPhysicianName",
        "00080201": "TimezoneOffsetFromUTC",
        "00081030": "StudyDescription",
        "0020000D": "StudyInstanceUID",
        "00200010": "StudyID",
        "00321032": "RequestingPhysician",
        "00321060": "RequestedProcedureDescription",
    },
    "Series": {
        "00080021": "SeriesDate",
        "00080031": "SeriesTime",
        "00080060": "Modality",
        "00080070": "Manufacturer",
        "00080201": "TimezoneOffsetFromUTC",
        "00081010": "StationName",
        "0008103E": "SeriesDescription",
        "00081070": "OperatorsName",
        "00180010": "ContrastBolusAgent",
        "00180015": "BodyPartExamined",
        "00180024": "SequenceName",
        "00181030": "ProtocolName",
        "00181090": "CardiacNumberOfImages",
        "00181400": "AcquisitionDeviceProcessingDescription",
        "0020000E": "SeriesInstanceUID",
        "00200011": "SeriesNumber",
        "00200037": "ImageOrientationPatient",
        "00200105": "NumberOfTemporalPositions",
        "00201002": "ImagesInAcquisition",
        "00400244": "PerformedProcedureStepStartDate",
        "00400245": "PerformedProcedureStepStartTime",
        "00400254": "PerformedProcedureStepDescription",
        "00540081": "NumberOfSlices",
        "00540101": "NumberOfTimeSlices",
        "00541000": "SeriesType",
    },
    "Instance": {
        "00080012": "InstanceCreationDate",
        "00080013": "InstanceCreationTime",
        "00080018": "SOPInstanceUID",
        "00200012": "AcquisitionNumber",
        "00200013": "InstanceNumber",
        "00200032": "ImagePositionPatient",
        "00200037": "ImageOrientationPatient",
        "00200100": "TemporalPositionIdentifier",
        "00204000": "ImageComments",
        "00280008": "NumberOfFrames",
        "00541330": "ImageIndex",
    },
}
"""Level to tag (as in DICOM JSON) to keyword, tags ascending."""

MAIN_SEQUENCES: dict[Level, dict[str, str]] = {
    "Patient": {},
    "Study": {},
    "Series": {"00400275": "RequestAttributesSequence"},
    "Instance": {},
}
"""As `MAIN_TAGS`, those that are sequences: a level keeps them as DICOM JSON."""

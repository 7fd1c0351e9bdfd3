# SPDX-License-Identifier: Apache-2.0
"""Which attributes describe a patient, a study, a series or an instance: the modules of PS3.3."""

from functools import cache

from pons.dicom.levels import Level
from pons.dicom.vocabulary import tag_of

MODULES: dict[Level, str] = {
    # Patient (C.7.1.1)
    "Patient": """
        ReferencedPatientSequence PatientName PatientID IssuerOfPatientID
        IssuerOfPatientIDQualifiersSequence PatientBirthDate PatientBirthTime PatientSex
        OtherPatientIDs OtherPatientNames OtherPatientIDsSequence EthnicGroup
        PatientSpeciesDescription PatientSpeciesCodeSequence PatientBreedDescription
        PatientBreedCodeSequence BreedRegistrationSequence ResponsiblePerson ResponsiblePersonRole
        ResponsibleOrganization PatientComments PatientIdentityRemoved DeidentificationMethod
        DeidentificationMethodCodeSequence
    """,
    # General Study (C.7.2.1)
    "Study": """
        StudyDate StudyTime AccessionNumber IssuerOfAccessionNumberSequence ReferringPhysicianName
        ReferringPhysicianIdentificationSequence StudyDescription ProcedureCodeSequence
        PhysiciansOfRecord PhysiciansOfRecordIdentificationSequence NameOfPhysiciansReadingStudy
        PhysiciansReadingStudyIdentificationSequence ReferencedStudySequence StudyInstanceUID
        StudyID RequestingServiceCodeSequence ReasonForPerformedProcedureCodeSequence
    """,
    # General Series (C.7.3.1)
    "Series": """
        SeriesDate SeriesTime Modality SeriesDescription SeriesDescriptionCodeSequence
        PerformingPhysicianName PerformingPhysicianIdentificationSequence OperatorsName
        OperatorIdentificationSequence ReferencedPerformedProcedureStepSequence
        RelatedSeriesSequence AnatomicalOrientationType BodyPartExamined ProtocolName
        PatientPosition SeriesInstanceUID SeriesNumber Laterality SmallestPixelValueInSeries
        LargestPixelValueInSeries PerformedProcedureStepStartDate PerformedProcedureStepStartTime
        PerformedProcedureStepID PerformedProcedureStepDescription PerformedProtocolCodeSequence
        RequestAttributesSequence CommentsOnThePerformedProcedureStep
    """,
    # SOP Common (C.12.1)
    "Instance": """
        SpecificCharacterSet InstanceCreationDate InstanceCreationTime InstanceCreatorUID
        SOPClassUID SOPInstanceUID RelatedGeneralSOPClassUID OriginalSpecializedSOPClassUID
        CodingSchemeIdentificationSequence TimezoneOffsetFromUTC ContributingEquipmentSequence
        InstanceNumber LongitudinalTemporalInformationModified
        HL7StructuredDocumentReferenceSequence SOPInstanceStatus SOPAuthorizationDateTime
        SOPAuthorizationComment AuthorizationEquipmentCertificationNumber
        EncryptedAttributesSequence OriginalAttributesSequence MACParametersSequence
    """,
}
"""Level to the keywords of its attributes."""


@cache
def attributes_of(level: Level) -> frozenset[str]:
    """The tags ("GGGGEEEE") of the attributes of a level's module."""
    return frozenset(f"{tag_of(keyword):08X}" for keyword in MODULES[level].split())

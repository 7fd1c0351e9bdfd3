# SPDX-License-Identifier: Apache-2.0
"""Versions and settings of the store, as Orthanc tells them."""

from typing import Any

from pons.dicom.main_tags import main_sequences, main_tags
from pons.dicom.tag_names import display_tag
from pons.settings import Settings
from pons_gateway.models.system import Capabilities, Performance, System


def system_json(settings: Settings) -> dict[str, Any]:
    """The object of `/system`; the settings do not change while the process lives."""
    mode = settings.index.overwrite_instances
    return System(
        PonsStore=settings.store.name,
        Name=settings.store.title,
        DicomAet=settings.dicom.aet,
        DicomPort=settings.dicom.port,
        HttpPort=settings.http.port,
        IsHttpServerSecure=bool(settings.http.tls_certificate),
        DatabaseServerIdentifier=settings.store.name,
        CheckRevisions=settings.index.check_revisions,
        StorageCompression=settings.storage.compression,
        MaximumStorageSize=settings.storage.maximum_size_mb,
        MaximumPatientCount=settings.storage.maximum_patients,
        MaximumStorageMode=settings.storage.maximum_mode,
        OverwriteInstances=mode != "Never",
        OverwriteInstancesMode=mode,
        PatientLevelEnabled=settings.store.patient_level,
        ReadOnly=settings.store.read_only,
        UserMetadata=dict(settings.index.user_metadata),
        MainDicomTags=_shown_tags(settings),
        Capabilities=Capabilities(),
        Performance=Performance(ConcurrentJobs=settings.jobs.concurrent),
    ).model_dump()


def _shown_tags(settings: Settings) -> dict[str, str]:
    extra = settings.index.extra_main_tags
    sequences = main_sequences(extra)
    return {
        level: ";".join(map(display_tag, sorted([*tags, *sequences[level]])))
        for level, tags in main_tags(extra).items()
    }

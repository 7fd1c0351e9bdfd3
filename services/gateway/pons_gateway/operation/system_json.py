# SPDX-License-Identifier: Apache-2.0
"""Versions and settings of the store, as Orthanc tells them."""

from typing import Any

import pons
from pons.dicom.main_tags import main_sequences, main_tags
from pons.dicom.tag_names import display_tag
from pons.settings import Settings

ORTHANC_VERSION = "1.13.0"
ORTHANC_API = 31
"""The level of Orthanc's interface that clients may count on."""
SCHEMA_VERSION = 1


def system_json(settings: Settings) -> dict[str, Any]:
    """The object of `/system`; the settings do not change while the process lives."""
    mode = settings.index.overwrite_instances
    return {
        "ApiVersion": ORTHANC_API,
        "Version": ORTHANC_VERSION,
        "PonsVersion": pons.__version__,
        "PonsStore": settings.store.name,
        "Name": settings.store.title,
        "DicomAet": settings.dicom.aet,
        "DicomPort": settings.dicom.port,
        "HttpPort": settings.http.port,
        "IsHttpServerSecure": False,
        "DatabaseVersion": SCHEMA_VERSION,
        "DatabaseServerIdentifier": settings.store.name,
        "DatabaseBackendPlugin": None,
        "StorageAreaPlugin": None,
        "PluginsEnabled": False,
        "CheckRevisions": settings.index.check_revisions,
        "StoreMD5ForAttachments": False,
        "StorageCompression": settings.storage.compression,
        "MaximumStorageSize": settings.storage.maximum_size_mb,
        "MaximumPatientCount": settings.storage.maximum_patients,
        "MaximumStorageMode": settings.storage.maximum_mode,
        "DicomDefaultRetrieveMethod": "C-MOVE",
        "IngestTranscoding": "",
        "OverwriteInstances": mode != "Never",
        "OverwriteInstancesMode": mode,
        "PatientLevelEnabled": settings.store.patient_level,
        "ReadOnly": settings.store.read_only,
        "HasLabels": True,
        "UserMetadata": dict(settings.index.user_metadata),
        "MainDicomTags": _shown_tags(settings),
        "Capabilities": {
            "HasExtendedChanges": True,
            "HasExtendedFind": True,
            "HasKeyValueStores": False,
            "HasQueues": False,
            "HasReserveQueueValue": False,
        },
        "Performance": {"ConcurrentJobs": settings.jobs.concurrent},
        "ThirdPartyPatches": [],
        "ThirdPartyVersions": {},
    }


def _shown_tags(settings: Settings) -> dict[str, str]:
    extra = settings.index.extra_main_tags
    sequences = main_sequences(extra)
    return {
        level: ";".join(map(display_tag, sorted([*tags, *sequences[level]])))
        for level, tags in main_tags(extra).items()
    }

# SPDX-License-Identifier: Apache-2.0
"""What runs here, and how much it holds."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

import pons
from pons.dicom.attributes import main_sequences, main_tags
from pons.dicom.tag_names import display_tag
from pons.settings import Settings
from pons_gateway.answers import Answer, json_answer, json_bytes, json_text, silent
from pons_gateway.backends import Backends
from pons_gateway.legacy import Group
from pons_gateway.resource_json import totals_json

ORTHANC_VERSION = "1.13.0"
ORTHANC_API = 31
"""The level of Orthanc's interface that clients may count on."""
SCHEMA_VERSION = 1

PAGE = "explorer.js"
SCRIPT = "application/javascript"

GROUP = Group("System", "What runs here, and how much it holds.")


@GROUP.get(
    "/system",
    "Versions and settings of the store, as Orthanc tells them",
    example={
        "ApiVersion": ORTHANC_API,
        "Version": ORTHANC_VERSION,
        "PonsVersion": "0.1.0",
        "Name": "Pons",
        "DicomAet": "PONS",
        "DicomPort": 4242,
        "HttpPort": 8042,
    },
)
async def system(_request: Request, backends: Backends) -> Response:
    kept = backends.kept.get("/system")
    if kept is None:
        kept = backends.kept["/system"] = json_bytes(describe(backends.settings))
    return json_text(kept)


@GROUP.get(
    "/statistics",
    "Counts and sizes, at the same cost for any size of the store",
    example={
        "CountInstances": 120,
        "CountPatients": 1,
        "CountSeries": 2,
        "CountStudies": 1,
        "TotalDiskSize": "63037440",
        "TotalDiskSizeMB": 60,
        "TotalUncompressedSize": "63037440",
        "TotalUncompressedSizeMB": 60,
    },
)
async def statistics(_request: Request, backends: Backends) -> Response:
    return json_answer(totals_json(await backends.catalog.totals()))


@GROUP.get("/plugins", "List plugins: there is the page's own pseudo-plugin only", example=[PAGE])
async def plugins(_request: Request, _backends: Backends) -> Response:
    return json_answer([PAGE])


@GROUP.get(f"/plugins/{PAGE}", "Extensions of the page: none", gives=SCRIPT)
async def explorer_extensions(_request: Request, _backends: Backends) -> Response:
    return Answer(b"// No plugin extends the page\n", 200, (b"content-type", SCRIPT.encode()))


@GROUP.get("/plugins/{name}", "Show a plugin: there is none", example={})
async def plugin(_request: Request, _backends: Backends) -> Response:
    return silent(404)


def describe(settings: Settings) -> dict[str, Any]:
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

# SPDX-License-Identifier: Apache-2.0
"""`GetOrthancConfiguration`: settings by Orthanc's names, without secrets."""

from typing import Any

from pons.remotes.modalities import parse_modality
from pons.remotes.peers import parse_peer, told
from pons.settings import Settings

NAMES: dict[str, str] = {
    "Name": "store.title",
    "HttpPort": "http.port",
    "DicomPort": "dicom.port",
    "DicomAet": "dicom.aet",
    "StableAge": "index.stable_age",
    "StorageCompression": "storage.compression",
    "MaximumStorageSize": "storage.maximum_size_mb",
    "MaximumPatientCount": "storage.maximum_patients",
    "OverwriteInstances": "index.overwrite_instances",
    "LimitFindResults": "find.limit_results",
    "LimitFindInstances": "find.limit_instances",
    "LuaScripts": "lua.scripts",
}
"""Orthanc's name to the setting of the same meaning."""


async def configuration(settings: Settings) -> dict[str, Any]:
    """What scripts are told of the settings, as they were at the start."""
    told_settings: dict[str, Any] = {}
    for name, setting in NAMES.items():
        section, _, field = setting.partition(".")
        told_settings[name] = getattr(getattr(settings, section), field)
    modalities = {name: parse_modality(one, name) for name, one in settings.modalities.items()}
    told_settings["DicomModalities"] = {
        name: {"AET": one.aet, "Host": one.host, "Port": one.port}
        for name, one in modalities.items()
    }
    told_settings["OrthancPeers"] = {
        name: told(parse_peer(one, name)) for name, one in settings.peers.items()
    }
    return told_settings

# SPDX-License-Identifier: Apache-2.0
"""Resources, statistics and logs as Orthanc's JSON."""

from datetime import datetime
from typing import Any

from pons.catalog import LoggedChange, LoggedExport, Resource, Statistics, Totals, below
from pons.dicom_json import Style, format_tags
from pons.events import Level

FOLDERS: dict[Level, str] = {
    "Patient": "patients",
    "Study": "studies",
    "Series": "series",
    "Instance": "instances",
}
"""Level to the first segment of its paths."""

CHILDREN: dict[Level, str] = {"Patient": "Studies", "Study": "Series", "Series": "Instances"}
PARENT: dict[Level, str] = {
    "Study": "ParentPatient",
    "Series": "ParentStudy",
    "Instance": "ParentSeries",
}
MEGABYTE = 1024 * 1024


def path_of(level: Level, identifier: str) -> str:
    return f"/{FOLDERS[level]}/{identifier}"


def resource_json(resource: Resource, style: Style = Style.SIMPLIFIED) -> dict[str, Any]:
    """The expanded form of a resource."""
    level = resource.level
    shown: dict[str, Any] = {"ID": resource.id, "Type": level}
    if level in PARENT:
        shown[PARENT[level]] = resource.parent
    shown["MainDicomTags"] = format_tags(resource.tags, style)
    if level == "Study":
        shown["PatientMainDicomTags"] = format_tags(resource.patient_tags, style)
    if level == "Patient":
        shown["IsProtected"] = resource.protected
    if level == "Series":
        shown["Status"] = resource.status
        shown["ExpectedNumberOfInstances"] = resource.expected
    if level == "Instance":
        shown["FileSize"] = resource.size
        shown["FileUuid"] = str(resource.object_key)
        shown["IndexInSeries"] = resource.index_in_series
    else:
        shown[CHILDREN[level]] = resource.children
        shown["IsStable"] = resource.stable
        shown["LastUpdate"] = timestamp(resource.last_update)
    shown["Labels"] = []
    return shown


def statistics_json(level: Level, statistics: Statistics) -> dict[str, Any]:
    """What a resource takes; sizes in bytes are text."""
    sizes = {
        "DiskSize": statistics.stored_size,
        "DicomDiskSize": statistics.stored_size,
        "UncompressedSize": statistics.size,
        "DicomUncompressedSize": statistics.size,
    }
    counts = {"Studies": statistics.studies, "Series": statistics.series}
    counts["Instances"] = statistics.instances
    return {
        **{f"Count{name}": count for name, count in counts.items() if count is not None},
        **{name: str(size) for name, size in sizes.items()},
        **{f"{name}MB": size // MEGABYTE for name, size in sizes.items()},
    }


def totals_json(totals: Totals) -> dict[str, Any]:
    return {
        "CountInstances": totals.instances,
        "CountPatients": totals.patients,
        "CountSeries": totals.series,
        "CountStudies": totals.studies,
        "TotalDiskSize": str(totals.stored_size),
        "TotalDiskSizeMB": totals.stored_size // MEGABYTE,
        "TotalUncompressedSize": str(totals.size),
        "TotalUncompressedSizeMB": totals.size // MEGABYTE,
    }


def change_json(change: LoggedChange) -> dict[str, Any]:
    return {
        "ChangeType": change.change_type,
        "Date": timestamp(change.date),
        "ID": change.resource_id,
        "Path": path_of(change.level, change.resource_id),
        "ResourceType": change.level,
        "Seq": change.seq,
    }


def export_json(export: LoggedExport) -> dict[str, Any]:
    """An export, with the DICOM identifiers down to its level."""
    shown = {
        "Date": timestamp(export.date),
        "ID": export.resource_id,
        "Path": path_of(export.level, export.resource_id),
        "PatientID": export.patient_id,
        "RemoteModality": export.remote_modality,
        "ResourceType": export.level,
        "Seq": export.seq,
    }
    uids: dict[Level, tuple[str, str]] = {
        "Study": ("StudyInstanceUID", export.study_uid),
        "Series": ("SeriesInstanceUID", export.series_uid),
        "Instance": ("SOPInstanceUID", export.sop_instance_uid),
    }
    level: Level | None = "Patient"
    while level != export.level:
        assert level is not None
        level = below(level)
        if level is not None:
            name, uid = uids[level]
            shown[name] = uid
    return shown


def timestamp(moment: datetime | None) -> str:
    """`YYYYMMDDTHHMMSS`, in the UTC that the database gives."""
    if moment is None:
        return ""
    return (
        f"{moment.year:04}{moment.month:02}{moment.day:02}"
        f"T{moment.hour:02}{moment.minute:02}{moment.second:02}"
    )

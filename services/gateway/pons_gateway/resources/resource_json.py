# SPDX-License-Identifier: Apache-2.0
"""Resources, statistics and logs as Orthanc's JSON."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from orjson import loads

from pons.catalog import (
    ChangesPage,
    ExportsPage,
    LoggedChange,
    LoggedExport,
    Part,
    Resource,
    Statistics,
    Totals,
)
from pons.catalog.dead_letters import DeadLetter
from pons.dicom.levels import LEVELS, PLURAL, Level
from pons.dicom.metadata import Names
from pons.dicom.orthanc_json import format_elements, format_tags
from pons.limits import MEGABYTE
from pons.messages.index import Deleted
from pons_gateway.models.shape import PLAIN, Shape

LEVEL_OF: dict[str, Level] = {folder: level for level, folder in PLURAL.items()}

CHILDREN: dict[Level, str] = {"Patient": "Studies", "Study": "Series", "Series": "Instances"}
PARENT: dict[Level, str] = {
    "Study": "ParentPatient",
    "Series": "ParentStudy",
    "Instance": "ParentSeries",
}
SOURCES = {5: "ModifiedFrom", 6: "AnonymizedFrom"}
"""Metadata that objects show beside `Metadata`, too."""


def path_of(level: Level, identifier: str) -> str:
    return f"/{PLURAL[level]}/{identifier}"


def resource_json(resource: Resource, shape: Shape = PLAIN, names: Names | None = None) -> Any:
    """The object of a resource, with the parts that were wanted."""
    level, parts, style = resource.level, shape.fields.parts, shape.style
    shown: dict[str, Any] = {"ID": resource.id, "Type": level}
    if Part.PARENT in parts and level in PARENT:
        shown[PARENT[level]] = resource.parent
    if Part.MAIN_TAGS in parts:
        shown["MainDicomTags"] = format_tags(resource.tags, style)
        if resource.sequences:
            shown["MainDicomTags"] |= format_elements(resource.sequences, style)
        if level == "Study":
            shown["PatientMainDicomTags"] = format_tags(resource.patient_tags, style)
    if Part.PROTECTED in parts and level == "Patient":
        shown["IsProtected"] = resource.protected
    if Part.STATUS in parts and level == "Series":
        shown["Status"] = resource.status
        shown["ExpectedNumberOfInstances"] = resource.expected
    if Part.CHILDREN in parts and level in CHILDREN:
        shown[CHILDREN[level]] = resource.children
    if Part.STABLE in parts and level != "Instance":
        shown["IsStable"] = resource.stable
    if Part.DETAILS in parts:
        shown.update(_details(resource))
    if Part.LABELS in parts:
        shown["Labels"] = resource.labels
    if Part.METADATA in parts:
        shown["Metadata"] = {
            names.name(number) if names else str(number): text
            for number, text in sorted(resource.metadata.items())
        }
    if Part.ATTACHMENTS in parts:
        shown["Attachments"] = resource.attachments
    if shape.fields.tags:
        requested = format_tags(resource.requested, style)
        elements = {tag: loads(element) for tag, element in resource.elements.items()}
        shown["RequestedTags"] = requested | format_elements(elements, style)
    return shown


async def objects_of(
    pages: AsyncIterator[list[Resource]], shape: Shape, names: Names
) -> AsyncIterator[list[Any]]:
    """The objects of resources that come in pages."""
    async for page in pages:
        yield [resource_json(resource, shape, names) for resource in page]


def _details(resource: Resource) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if resource.level == "Instance":
        shown["FileSize"] = resource.size
        shown["FileUuid"] = str(resource.object_key)
        shown["IndexInSeries"] = resource.index_in_series
    else:
        shown["LastUpdate"] = timestamp(resource.last_update)
    for number, name in SOURCES.items():
        if number in resource.sources:
            shown[name] = resource.sources[number]
    return shown


def statistics_json(level: Level, statistics: Statistics) -> dict[str, Any]:
    """What a resource takes, DICOM files alone or with all attachments; bytes are text."""
    sizes = {
        "DiskSize": statistics.stored_size + statistics.attached_stored_size,
        "DicomDiskSize": statistics.stored_size,
        "UncompressedSize": statistics.size + statistics.attached_size,
        "DicomUncompressedSize": statistics.size,
    }
    counts = {"Studies": statistics.studies, "Series": statistics.series}
    counts["Instances"] = statistics.instances
    return {
        **{f"Count{name}": count for name, count in counts.items() if count is not None},
        **{name: str(size) for name, size in sizes.items()},
        **{f"{name}MB": size // MEGABYTE for name, size in sizes.items()},
    }


def deletion_json(deleted: Deleted) -> dict[str, Any]:
    """What a deletion has left: the nearest ancestor that has something else below it."""
    left = deleted.remaining
    ancestor = left and {
        "ID": left.resource_id,
        "Path": path_of(left.level, left.resource_id),
        "Type": left.level,
    }
    return {"RemainingAncestor": ancestor}


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


def changes_json(page: ChangesPage) -> dict[str, Any]:
    """A page of changes; without any, there is no number of the first."""
    shown: dict[str, Any] = {
        "Changes": [change_json(change) for change in page.changes],
        "Done": page.done,
    }
    if page.changes:
        shown["First"] = page.changes[0].seq
    return {**shown, "Last": page.last}


def change_json(change: LoggedChange) -> dict[str, Any]:
    return {
        "ChangeType": change.change_type,
        "Date": timestamp(change.date),
        "ID": change.resource_id,
        "Path": path_of(change.level, change.resource_id),
        "ResourceType": change.level,
        "Seq": change.seq,
    }


def exports_json(page: ExportsPage) -> dict[str, Any]:
    """A page of exports."""
    shown = [export_json(export) for export in page.exports]
    return {"Exports": shown, "Done": page.done, "Last": page.last}


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
    uids = (
        ("StudyInstanceUID", export.study_uid),
        ("SeriesInstanceUID", export.series_uid),
        ("SOPInstanceUID", export.sop_instance_uid),
    )
    return shown | dict(uids[: LEVELS.index(export.level)])


def letter_json(letter: DeadLetter) -> dict[str, Any]:
    """A dead letter, with the instances that it is about."""
    moments = {"LastRetry": letter.tried, "Dismissed": letter.dismissed}
    return {
        "ID": letter.number,
        "Reason": letter.reason,
        "Since": timestamp(letter.since),
        **{name: None if moment is None else timestamp(moment) for name, moment in moments.items()},
        "Object": None if letter.object_key is None else str(letter.object_key),
        "Instances": [
            {
                "Patient": instance.ids.patient,
                "Study": instance.ids.study,
                "Series": instance.ids.series,
                "Instance": instance.ids.instance,
                "StudyInstanceUID": instance.study_uid,
                "SeriesInstanceUID": instance.series_uid,
                "SOPInstanceUID": instance.sop_instance_uid,
                "Object": str(instance.object_key),
            }
            for instance in letter.instances
        ],
    }


def timestamp(moment: datetime | None) -> str:
    """`YYYYMMDDTHHMMSS`, in the UTC that the database gives."""
    if moment is None:
        return ""
    date = (moment.year, moment.month, moment.day)
    time = (moment.hour, moment.minute, moment.second)
    return "%04d%02d%02dT%02d%02d%02d" % (*date, *time)  # noqa: UP031 half an f-string's time

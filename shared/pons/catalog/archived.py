# SPDX-License-Identifier: Apache-2.0
"""Rows of what is to be archived as values."""

from typing import Any

from pons.catalog.records import ArchivedInstance, ArchivedSeries, StoredObject
from pons.catalog.resources import tags_of
from pons.dicom.identity import to_text


def to_archived_series(row: Any) -> ArchivedSeries:
    return ArchivedSeries(
        series_key=row["series_key"],
        whole=row["whole"],
        tags=tags_of(row["tags"]),
        study_key=row["study_key"],
        study_tags=tags_of(row["study_tags"]),
        patient_key=row["patient_key"],
        patient_tags=tags_of(row["patient_tags"]),
    )


def to_archived_instance(row: Any) -> ArchivedInstance:
    values = dict(row)
    instance_id = to_text(values.pop("id"))
    return ArchivedInstance(
        instance_id=instance_id,
        index_in_series=values.pop("index_in_series"),
        stored=StoredObject(**values, owner=instance_id),
    )

# SPDX-License-Identifier: Apache-2.0
"""Pages of the change log and of the exports log."""

from typing import Any

from pons.catalog.records import ChangesPage, ExportsPage, LoggedChange, LoggedExport
from pons.dicom.identity import to_text
from pons.dicom.levels import LEVELS
from pons.messages.changes import CHANGE_NAMES


def changes_page(rows: list[Any], limit: int, *, backwards: bool = False) -> ChangesPage:
    """The page of `limit` changes that ascending rows make; one row more means there are more.

    The statements give one row without a number when there is no change. Backwards, `done` has no
    meaning and is False.
    """
    found = [row for row in rows if row["seq"] is not None]
    changes = [_change(row) for row in found[:limit]]
    last = changes[-1].seq if changes else rows[0]["last_change"]
    return ChangesPage(changes, done=len(found) <= limit and not backwards, last=last)


def exports_page(rows: list[Any], since: int, limit: int) -> ExportsPage:
    """As `changes_page`; on an empty page, `last` is `since`."""
    exports = [_export(row) for row in rows[:limit]]
    last = exports[-1].seq if exports else since
    return ExportsPage(exports, done=len(rows) <= limit, last=last)


def _change(row: Any) -> LoggedChange:
    return LoggedChange(
        seq=row["seq"],
        change_type=CHANGE_NAMES[row["change_type"]],
        level=LEVELS[row["level"]],
        resource_id=to_text(row["resource_id"]),
        date=row["date"],
    )


def _export(row: Any) -> LoggedExport:
    return LoggedExport(
        seq=row["seq"],
        level=LEVELS[row["level"]],
        resource_id=to_text(row["resource_id"]),
        remote_modality=row["remote_modality"],
        patient_id=row["patient_id"],
        study_uid=row["study_uid"],
        series_uid=row["series_uid"],
        sop_instance_uid=row["sop_instance_uid"],
        date=row["date"],
    )

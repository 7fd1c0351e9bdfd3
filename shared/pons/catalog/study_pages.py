# SPDX-License-Identifier: Apache-2.0
"""One page of a list of studies: its statement, and its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pons.catalog.fields import LABELS, PIECES
from pons.catalog.list_order import Cursor, ListOrder
from pons.catalog.list_pages import Listing, next_of
from pons.catalog.resources import tags_of
from pons.catalog.schema import TABLES, at, joined
from pons.catalog.selection import Selection
from pons.catalog.sql import load_statements
from pons.dicom.identity import to_text

STATEMENTS = load_statements(Path(__file__).with_name("study_lists.sql"))
ROWS = (
    "studies s ON s.study_key = found.key JOIN study_sums u USING (study_key)"
    " JOIN patients p USING (patient_key)"
)
ROW = at(
    "Study",
    STATEMENTS["row"],
    labels=LABELS["Study"],
    modalities=PIECES["tag_00080061"],
    stable=at("Study", PIECES["stable"]),
)


@dataclass(frozen=True, slots=True)
class StudyRow:
    """What a list shows of a study."""

    id: str
    patient: str
    study_uid: str
    tags: Mapping[str, str]
    """Main tags of the study and of its patient, "GGGGEEEE" to text."""
    modalities: list[str]
    origins: list[str]
    labels: list[str]
    series: int
    instances: int
    size: int
    arriving: bool
    protected: bool
    last_update: datetime


@dataclass(frozen=True, slots=True)
class Page:
    rows: list[StudyRow]
    next: Cursor | None
    """Where the next page begins; None: there is none."""


def filled(name: str, **parts: str) -> str:
    """A statement of `study_lists.sql` with what is in braces."""
    statement = STATEMENTS[name]
    for part, text in parts.items():
        statement = statement.replace(f"{{{part}}}", text)
    return statement


def page_of(found: Sequence[Any], order: ListOrder, limit: int) -> Page:
    """The page of the rows of its statement, of which one more was asked for."""
    return Page([_row(one) for one in found[:limit]], next_of(found, order, limit))


def page_statement(
    selection: Selection, order: ListOrder, after: Cursor | None, limit: int
) -> tuple[str, list[Any]]:
    """The statement of a page, and its values."""
    table = order.sort.table
    tables, key = selection.tables, (table or TABLES["Study"]).key
    if table is not None and selection.of_keys:
        # What is compared is in there, and every study has its row: the studies are not read.
        tables = f"{table}, LATERAL (SELECT {key}) s"
    elif table is not None:
        tables = joined(tables, [table])
    listing = Listing(tables, key, selection.conditions, selection.values, ROWS, ROW)
    return listing.page(order, after, limit)


def _row(row: Any) -> StudyRow:
    return StudyRow(
        id=to_text(row["id"]),
        patient=to_text(row["patient"]),
        study_uid=row["study_uid"],
        tags=tags_of(row["patient_tags"]) | tags_of(row["tags"]),
        modalities=[word for word in row["modalities"].split("\\") if word],
        origins=row["origins"],
        labels=row["labels"],
        series=row["series"],
        instances=row["instances"],
        size=row["size"],
        arriving=bool(row["unstable"]),
        protected=row["protected"],
        last_update=row["last_update"],
    )

# SPDX-License-Identifier: Apache-2.0
"""One page of a list of studies: its statement, and its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pons.catalog.fields import LABELS, PIECES
from pons.catalog.resources import tags_of
from pons.catalog.schema import TABLES, at, joined
from pons.catalog.selection import Selection
from pons.catalog.sql import load_statements
from pons.catalog.study_order import Cursor, ListOrder
from pons.dicom.identity import to_text

STATEMENTS = load_statements(Path(__file__).with_name("study_lists.sql"))
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
    last = found[limit - 1] if len(found) > limit else None
    return Page([_row(one) for one in found[:limit]], last and _cursor(last, order))


def page_statement(
    selection: Selection, order: ListOrder, after: Cursor | None, limit: int
) -> tuple[str, list[Any]]:
    """The statement of a page, and its values."""
    values: list[Any] = list(selection.values)

    def bind(value: Any) -> str:
        values.append(value)
        return f"${len(values)}"

    sort, most = order.sort, bind(limit)
    tables, key = selection.tables, (sort.table or TABLES["Study"]).key
    if sort.table is not None and selection.of_keys:
        # What is compared is in there, and every study has its row: the studies are not read.
        tables = f"{sort.table}, LATERAL (SELECT {key}) s"
    elif sort.table is not None:
        tables = joined(tables, [sort.table])
    columns = [f"v{n}" for n in range(len(sort.values))]
    named = ", ".join([f"{key} AS key", *map("{} AS {}".format, sort.values, columns)])
    nothing = f"SELECT {named} FROM {tables} WHERE false"  # noqa: S608 composed

    def some(which: str, compared: tuple[str, ...], *, goes_on: bool) -> str:
        conditions = [*selection.conditions, *filter(None, [which])]
        if goes_on and after:
            conditions.append(order.behind(after, key, bind))
        return (
            f"SELECT {named} FROM {tables} WHERE {' AND '.join(conditions) or 'true'}"  # noqa: S608 composed
            f" ORDER BY {order.clause(compared, key)} LIMIT {most}"
        )

    past = after is not None and after.absent
    present = nothing if past else some(sort.present, sort.values, goes_on=True)
    absent = some(sort.absent, (), goes_on=past) if sort.absent else nothing
    # Where there is no value, nothing but the key is compared, however it is that there is none.
    statement = filled(
        "page",
        present=present,
        absent=absent,
        nothing=", NULL" * len(columns),
        limit=f"{most}::bigint",
        selected=ROW,
        order=order.clause(tuple(f"found.{column}" for column in columns), "found.key"),
    )
    return statement, values


def _cursor(row: Any, order: ListOrder) -> Cursor:
    values = () if row["absent"] else tuple(row[f"v{n}"] for n in range(len(order.sort.values)))
    return Cursor(str(order), row["key"], row["absent"], values)


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

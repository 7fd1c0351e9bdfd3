# SPDX-License-Identifier: Apache-2.0
"""The index as statements see it: its tables, how they hang together, where they have an attribute.

Every statement calls the tables `patients p`, `studies s`, `series r` and `instances i`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from pons.dicom.attributes import MAIN_SEQUENCES, Tags
from pons.dicom.levels import LEVELS, PLURAL, Level


class Table(NamedTuple):
    """A table, what statements call a row of it, and the column of its keys."""

    name: str
    row: str
    column: str

    @property
    def key(self) -> str:
        return f"{self.row}.{self.column}"

    def __str__(self) -> str:
        return f"{self.name} {self.row}"


TABLES: dict[Level, Table] = {
    level: Table(PLURAL[level], row, f"{level.lower()}_key")
    for level, row in zip(LEVELS, "psri", strict=True)
}
HEADERS = Table("headers", "h", "instance_key")
"""What is below an instance."""
SUMS = Table("study_sums", "u", "study_key")
"""What is below each study in numbers, and its last update again, with an index."""
WORDS = Table("study_words", "w", "study_key")
"""What people search each study by, without accents and case."""


def above(level: Level) -> tuple[Level, ...]:
    """The level and those above it, from itself to the patient."""
    return LEVELS[LEVELS.index(level) :: -1]


def below(level: Level) -> Level | None:
    """The level below, or None for an instance."""
    position = LEVELS.index(level) + 1
    return LEVELS[position] if position < len(LEVELS) else None


def path(start: Level, end: Level, source: str = "") -> str:
    """The tables from one level up or down to another: `series r JOIN studies s USING (study_key)`.

    With a `source`, which has an `id`, from the rows of `start` that it names.
    """
    first, last = LEVELS.index(start), LEVELS.index(end)
    levels = LEVELS[first : last + 1] if first <= last else LEVELS[last : first + 1][::-1]
    begun = f"{source} JOIN {TABLES[start]} USING (id)" if source else str(TABLES[start])
    return begun + "".join(
        f" JOIN {TABLES[other]} USING ({TABLES[min(one, other, key=LEVELS.index)].column})"
        for one, other in pairwise(levels)
    )


def joined(tables: str, more: Iterable[Table]) -> str:
    """The tables, and those of studies that are needed, too."""
    return tables + "".join(f" JOIN {table} USING ({table.column})" for table in sorted(more))


def related(level: Level, of: Level, source: str = "") -> tuple[str, str]:
    """The key of what a resource of level `of` is, belongs to or has below, and its `path`."""
    child = below(level)
    if child and of not in above(level):  # the row below has the key, too
        return f"{TABLES[child].row}.{TABLES[level].column}", path(of, child, source)
    return TABLES[level].key, path(of, level, source)


def any_level(
    level: Level,
    condition: str = "true",
    union: str = "UNION",
    of: Iterable[Level] = LEVELS,
    source: str = "",
    more: str = "",
) -> str:
    """The keys at `level`, and what is `more`, that are `related` to resources of any level.

    In the `condition`, `{row}` stands for such a resource, and `{number}` for that of its level.
    """
    parts = []
    for other in of:
        key, tables = related(level, other, source)
        which = at(other, condition, number=str(LEVELS.index(other)))
        parts.append(f"SELECT {key}{more} FROM {tables} WHERE {which}")  # noqa: S608 names of tables
    return f"\n{union}\n".join(parts)


def each_level(piece: str, union: str = "UNION ALL") -> str:
    """The rows of all levels; `{number}` stands for that of the level."""
    return f"\n{union}\n".join(
        at(level, piece, number=str(number)) for number, level in enumerate(LEVELS)
    )


@cache
def is_related(level: Level, of: Level) -> str:
    """The condition for resources of `level` above or below the one of level `of` with the id $1.

    It is about the key that the resource itself has, so that its index serves.
    """
    own = TABLES[level].column
    if of in above(level):
        parent = above(level)[1]
        key, tables = related(parent, of)
        own, operator = TABLES[parent].column, "=" if of == parent else "IN"
    else:
        (key, tables), operator = related(level, of), "="
    found = f"SELECT {key} FROM {tables} WHERE {TABLES[of].row}.id = $1"  # noqa: S608 as above
    return f"{TABLES[level].row}.{own} {operator} ({found})"


def at(level: Level, text: str, **parts: str) -> str:
    """A piece of SQL with the names of a level, and other `parts`, where it has them in braces.

    `{up}` is the row of the level above, `{down}` that of the one below.
    """
    table, child = TABLES[level], below(level)
    down = TABLES[child] if child else HEADERS
    names = {"level": level, "table": str(table), "row": table.row, "key": table.key}
    names |= {"column": table.column, "down": down.row, "down_table": str(down)}
    if level != "Patient":
        upper = TABLES[above(level)[1]]
        names |= {"up": upper.row, "up_table": str(upper), "up_column": upper.column}
    for name, value in {**parts, **names}.items():
        text = text.replace(f"{{{name}}}", value)
    return text


SOP_CLASS_UID = "00080016"
MODALITY = "00080060"
MODALITIES_IN_STUDY = "00080061"
SOP_CLASSES_IN_STUDY = "00080062"
STUDY_DATE = "00080020"

OWN_COLUMNS: dict[tuple[Level, str], str] = {
    ("Patient", "00100020"): "p.patient_id",
    ("Study", "0020000D"): "s.study_uid",
    ("Series", "0020000E"): "r.series_uid",
    ("Instance", "00080018"): "i.sop_instance_uid",
    ("Instance", SOP_CLASS_UID): "i.sop_class_uid",
}
COMPUTED: dict[Level, tuple[str, ...]] = {
    "Patient": ("00201200", "00201202", "00201204"),
    "Study": (MODALITIES_IN_STUDY, SOP_CLASSES_IN_STUDY, "00201206", "00201208"),
    "Series": ("00201209",),
    "Instance": ("00080056",),
}
"""Level to attributes that no file has: computed from what is below (PS3.4 C.3.4)."""
ALL_COMPUTED = frozenset(tag for tags in COMPUTED.values() for tag in tags)

# Indexes of texts of any length have their beginning (migration 0003_long_texts). A condition is
# about that, so that the index serves, and about the whole where a text that differs later could be
# taken for the same.
INDEXED = 200
"""Characters of a text, in capitals where it has a case, that its index has."""
SHORT = INDEXED // 3
"""A text of at most so many characters is in the index as a whole: capitals of one are up to 3."""
STARTS_INDEXED = frozenset(("00080050", MODALITY, "00100010", "00100020"))
"""Attributes whose index has the beginning of their capitals."""
DATES = frozenset((STUDY_DATE, "00100030"))
"""Attributes whose index has the beginning in the order of its bytes; they have no case."""
TELLING = frozenset(
    ("00080018", "00080050", "00081030", "00100010", "00100020", "0020000D", "0020000E")
)
"""Attributes with an index whose values or pieces of values belong to few resources."""


def start_of(text: str) -> str:
    """The beginning of a text, as its index has it."""
    return f"left({text}, {INDEXED})"


def is_whole(*texts: str) -> bool:
    """Whether an index has all there is of these values."""
    return all(len(text) <= SHORT for text in texts)


class Column(NamedTuple):
    """A text of a resource, and the level whose row has it."""

    level: Level
    sql: str


@dataclass(frozen=True, slots=True)
class Columns:
    """Where a store's index has which attribute."""

    main: Tags
    """The main tags in force that hold text."""
    sequences: Tags = field(default_factory=lambda: MAIN_SEQUENCES)
    """Those that are sequences."""

    def of(self, level: Level, tag: str) -> Column | None:
        """Where a resource of `level` finds a main tag of its own, or of what it belongs to.

        Tags of patients come from the study's own copy, so that no search joins patients.
        """
        owner = level if (level, tag) in OWN_COLUMNS else self.owner(level, tag)
        if owner is None:
            return None
        if owner == "Patient" and level != "Patient":
            return Column("Study", f"s.patient_tags ->> '{tag}'")
        text = f"{TABLES[owner].row}.tags ->> '{tag}'"
        return Column(owner, OWN_COLUMNS.get((owner, tag), text))

    def owner(self, level: Level, tag: str) -> Level | None:
        """The nearest level, from `level` upwards, of which a tag is a main one."""
        return next((owner for owner in above(level) if tag in self.main[owner]), None)

    def is_below(self, level: Level, tag: str) -> bool:
        """Whether a tag is a main one of levels below."""
        return any(tag in self.main[other] for other in LEVELS[LEVELS.index(level) + 1 :])

    def in_header(self, level: Level, tag: str) -> bool:
        """Whether only the header of an instance tells a resource's value of a tag."""
        return (
            tag not in ALL_COMPUTED
            and self.owner(level, tag) is None
            and not any(tag in self.sequences[owner] for owner in above(level))
        )

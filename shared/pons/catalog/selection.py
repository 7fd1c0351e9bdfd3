# SPDX-License-Identifier: Apache-2.0
"""From a search to SQL: its conditions and order, and the statements that are made of them.

Nothing that a caller sent becomes part of a statement's text: values are always parameters.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from pons.catalog import listed
from pons.catalog.fields import KNOWN_METADATA, metadata_text
from pons.catalog.schema import (
    ALL_COMPUTED,
    DATES,
    MODALITIES_IN_STUDY,
    MODALITY,
    SHORT,
    SOP_CLASS_UID,
    SOP_CLASSES_IN_STUDY,
    STARTS_INDEXED,
    STUDY_DATE,
    SUMS,
    TABLES,
    TELLING,
    Column,
    Columns,
    Table,
    above,
    is_related,
    is_whole,
    joined,
    path,
    start_of,
)
from pons.catalog.search import (
    Match,
    OneOf,
    Order,
    Present,
    Range,
    Search,
    like,
    literal_run,
    literal_start,
    parse_match,
    parse_words,
)
from pons.dicom.identity import to_bytes
from pons.dicom.levels import LEVELS, Level
from pons.dicom.metadata import SYSTEM_METADATA
from pons.errors import BadRequest

TELLING_PIECE = 3
"""Characters of a pattern from which on a trigram index finds it."""
BACKSLASH = "\\"
"""Parts the values of a list, in DICOM and in the texts that are bound."""
LAST_UPDATE = ("Study", SYSTEM_METADATA["LastUpdate"])
"""The metadata of studies that has an index: the order of Orthanc Explorer 2's first page."""
MAX_VALUES = 10_000
"""Values in one list of a query; PostgreSQL would take more, but nobody means so many."""

NUMBERS = {
    "integer": (r"^\s*[+-]?\d{1,18}\s*$", "bigint"),
    "float": (r"^\s*[+-]?(\d{1,250}\.?\d{0,250}|\.\d{1,250})([eE][+-]?\d{1,3})?\s*$", "numeric"),
}
"""Kind of an order to what a text must look like before it is read as that type."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The resources that a search is about, ready to stand in a statement."""

    level: Level
    tables: str
    conditions: tuple[str, ...]
    values: tuple[Any, ...]
    order: tuple[str, ...]
    any_order: bool
    """Whether that is all there is of an order: the same statement may give another one again."""
    telling: bool
    """Whether an index leads to few rows, so that walking all in order of arrival is the worst."""
    after: tuple[tuple[str, Match], ...]
    """What only the header of an instance can tell."""

    @property
    def plain(self) -> bool:
        """Whether it is all there is, in the order of arrival."""
        return not self.conditions and not self.order and not self.after

    @property
    def of_keys(self) -> bool:
        """Whether it asks of the studies nothing but their keys."""
        alone = self.tables == str(TABLES["Study"])
        return alone and all(map(listed.asks_of_key, self.conditions))

    def source(self, bounds: str, *more: str) -> str:
        """FROM, WHERE and ORDER BY of the resources; `bounds` is what follows."""
        conditions = " AND ".join((*self.conditions, *more)) or "true"
        key = TABLES[self.level].key + (" + 0" if self.telling else "")
        order = ", ".join(self.order if self.any_order else (*self.order, key))
        ordered = f"ORDER BY {order} {bounds}" if order else bounds
        return f"{self.tables} WHERE {conditions} {ordered}"

    @property
    def _bounds(self) -> str:
        place = len(self.values)
        return f"LIMIT ${place + 1} OFFSET ${place + 2}"

    def page(self, selected: str) -> str:
        """The statement of a page: the resources first, then what was asked of those alone.

        Its last parameters are how many, and how many to pass over.
        """
        return _of_each(self.level, selected, self.source(self._bounds))

    def page_after(self, selected: str) -> str:
        """As `page`, for what is `plain`: the resources behind the key $1."""
        after = f"{TABLES[self.level].key} > $1"
        return _of_each(self.level, selected, self.source("LIMIT $2 OFFSET $3", after))

    def keys(self) -> str:
        """The statement of the keys alone, 8 bytes each; its parameters are those of `page`.

        Those of any order come in that of arrival, in which their rows are read soonest.
        """
        order = " ORDER BY key" if self.any_order else ""
        found = replace(self, order=()) if self.any_order else self
        return (
            f"SELECT string_agg(int8send(key), ''::bytea{order}) AS keys FROM "  # noqa: S608 composed
            f"(SELECT {TABLES[self.level].key} AS key FROM {found.source(self._bounds)}) found"
        )

    def count(self) -> str:
        """The statement of how many there are."""
        return f"SELECT count(*) FROM {self.tables} WHERE {' AND '.join(self.conditions)}"  # noqa: S608 composed


def by_condition(level: Level, selected: str, condition: str) -> str:
    """The statement of the resources that a condition leaves."""
    return f"SELECT {selected} FROM {TABLES[level]} WHERE {condition}"  # noqa: S608 composed


def by_keys(level: Level, selected: str) -> str:
    """The statement of the resources with the keys $1, in their order."""
    table = TABLES[level]
    chosen = "unnest($1::bigint[]) WITH ORDINALITY AS chosen (key, place)"
    source = f"{chosen} JOIN {table} ON {table.key} = chosen.key ORDER BY place"
    return _of_each(level, selected, source)


def _of_each(level: Level, selected: str, source: str) -> str:
    row = TABLES[level].row
    return f"SELECT {selected} FROM (SELECT {row}.* FROM {source}) {row}"  # noqa: S608 composed


def select(search: Search, columns: Columns) -> Selection:
    """The selection of a search. Raises `BadRequest` for what cannot be asked."""
    draft = _Draft(search, columns)
    for tag, text in search.query:
        match = parse_match(tag, text)
        if match is not None:
            draft.match_tag(tag, match)
    for number, text in search.metadata:
        draft.match_metadata(number, text)
    draft.match_labels()
    draft.below_parent()
    dated = any(tag == STUDY_DATE for tag, _ in search.query)
    draft.conditions += listed.conditions(search.listed, draft.bind, dated=dated)
    order = tuple(filter(None, map(draft.order_by, search.order)))
    any_order = search.any_order and bool(draft.conditions)
    if any_order:
        order = draft.walks[:1]
    return Selection(
        search.level,
        joined(path(search.level, draft.top), draft.more),
        tuple(draft.conditions),
        tuple(draft.values),
        order,
        any_order,
        draft.telling,
        tuple(draft.after),
    )


@dataclass
class _Draft:
    search: Search
    columns: Columns
    conditions: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    after: list[tuple[str, Match]] = field(default_factory=list)
    telling: bool = False
    walks: tuple[str, ...] = ()
    """Orders in which an index has what it leads to, so that the first of many is soon found."""
    top: Level = field(init=False)
    """The uppermost level whose row is needed."""
    more: set[Table] = field(default_factory=set)
    """Tables of studies whose rows are needed, too."""

    def __post_init__(self) -> None:
        self.top = self.search.level

    def bind(self, value: str | int | bytes | list[str]) -> str:
        """The parameter that has this value."""
        texts = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        if any("\0" in text for text in texts):
            raise BadRequest("A search cannot be for the character NUL")
        self.values.append(value)
        return f"${len(self.values)}"

    def need(self, level: Level) -> None:
        self.top = min(self.top, level, key=LEVELS.index)

    def match_tag(self, tag: str, match: Match) -> None:
        level = self.search.level
        if tag == MODALITIES_IN_STUDY or (tag, level) == (MODALITY, "Study"):
            self._match_in_study("series c", "c.tags ->> '00080060'", match, MODALITY)
        elif tag == SOP_CLASSES_IN_STUDY or (tag, level) == (SOP_CLASS_UID, "Study"):
            source = "series c JOIN instances n USING (series_key)"
            self._match_in_study(source, "n.sop_class_uid", match)
        elif tag in ALL_COMPUTED:
            raise BadRequest("A computed tag cannot be searched", tag)
        elif (column := self.columns.of(level, tag)) is not None:
            self._match_column(tag, column, match)
        elif self.columns.is_below(level, tag):
            self.conditions.append("false")
        else:
            self.after.append((tag, match))

    def match_metadata(self, number: int, text: str) -> None:
        if not text:
            return
        level, match = self.search.level, parse_words(text)
        if number in KNOWN_METADATA[level]:
            self.conditions.append(self.condition(f"({metadata_text(level, number)})", match))
            return
        self.telling = True
        found = self.condition("m.text_value", match)
        start = _start(match)
        if start:
            # What the index has: as many characters as fit into it.
            found += f" AND {start_of('upper(m.text_value)')} LIKE upper({self.bind(start)})"
        self.conditions.append(
            f"EXISTS (SELECT FROM metadata m WHERE m.resource_key = {TABLES[level].key}"
            f" AND m.number = {self.bind(number)} AND {found})"
        )

    def match_labels(self) -> None:
        labels, key = list(dict.fromkeys(self.search.labels)), TABLES[self.search.level].key
        of = f"SELECT FROM labels l WHERE l.resource_key = {key}"
        match self.search.labels_constraint, labels:
            case "None", []:
                self.conditions.append(f"NOT EXISTS ({of})")
            case "None", _:
                self.conditions.append(f"NOT EXISTS ({of} AND l.label = ANY ({self.bind(labels)}))")
            case _, []:
                pass
            case "Any", _:
                self.conditions.append(f"EXISTS ({of} AND l.label = ANY ({self.bind(labels)}))")
                self.telling = True
            case _:
                for label in labels:
                    self.conditions.append(f"EXISTS ({of} AND l.label = {self.bind(label)})")
                self.telling = True

    def below_parent(self) -> None:
        if self.search.parent is None:
            return
        (of, identifier), level = self.search.parent, self.search.level
        if of not in above(level)[1:]:
            raise BadRequest(f"A {of.lower()} has no {level.lower()} below it")
        digest = self.bind(to_bytes(identifier) or b"")
        self.conditions.append(is_related(level, of).replace("$1", digest))
        self.telling = True

    def order_by(self, order: Order) -> str | None:
        level = self.search.level
        if order.tag:
            column = self.columns.of(level, order.tag)
            if column is None:
                return None
            self.need(column.level)
            text = start_of(column.sql) if order.tag in DATES else column.sql
        elif order.kind == "text" and (level, order.metadata) == LAST_UPDATE:
            self.more.add(SUMS)
            direction = "DESC" if order.descending else "ASC"
            return f"{SUMS.row}.last_update {direction}, {SUMS.key} {direction}"
        else:
            text = metadata_text(level, order.metadata)
        expression = f'({text}) COLLATE "C"'
        if order.kind in NUMBERS:
            pattern, kind = NUMBERS[order.kind]
            expression = f"(CASE WHEN ({text}) ~ '{pattern}' THEN ({text})::{kind} END)"
        return f"{expression} {'DESC' if order.descending else 'ASC'} NULLS LAST"

    def condition(self, text: str, match: Match, tag: str = "") -> str:
        """The condition that a text matches; `tag` says how its index has it."""
        match match:
            case Present():
                return f"{text} IS NOT NULL"
            case Range(lower, upper):
                return self._between(text, lower, upper, dates=tag in DATES)
            case OneOf(values, patterns) if len(values) + len(patterns) > MAX_VALUES:
                raise BadRequest(f"More than {MAX_VALUES} values in one list")
            case OneOf(values, ()) if tag in DATES:
                listed = f"ANY (string_to_array({self.bind(BACKSLASH.join(values))}, '\\'))"
                compared = start_of(text) if is_whole(*values) else text
                return f'({compared}) COLLATE "C" = {listed}'
            case OneOf(values, patterns):
                how = {"starts": tag in STARTS_INDEXED, "case": self.search.minds_case(tag)}
                found = [self._equal(text, values, **how)] if values else []
                found += [self._like(text, pattern, **how) for pattern in patterns]
                return found[0] if len(found) == 1 else f"({' OR '.join(found)})"

    def _between(self, text: str, lower: str, upper: str, *, dates: bool) -> str:
        """The condition of a range; bounds that are short say the same of a text and its start."""
        start = start_of(text) if dates and is_whole(lower, upper) else text
        start = f'({start}) COLLATE "C"'
        from_there = f"{start} >= {self.bind(lower)}" if lower else f"{start} > ''"
        return f"{from_there} AND {start} <= {self.bind(upper)}" if upper else from_there

    def _equal(self, text: str, values: tuple[str, ...], *, starts: bool, case: bool) -> str:
        capitals, long = f"upper({text})", starts and not is_whole(*values)
        start = start_of(capitals) if starts else capitals
        if len(values) == 1:
            value = self.bind(values[0])
            exact, wanted = f"({text}) = {value}", f"upper({value})"
            folded = f"{start} = {start_of(wanted) if long else wanted}"
            whole = f"{capitals} = {wanted}"
        else:
            # One text and not an array: upper() of it is a constant to the planner.
            value = self.bind(BACKSLASH.join(values))
            exact = f"({text}) = ANY (string_to_array({value}, '\\'))"
            wanted = f"string_to_array(upper({value}), '\\')"
            starting = f"ARRAY(SELECT {start_of('word')} FROM unnest({wanted}) word)"  # noqa: S608 composed
            folded = f"{start} = ANY ({starting if long else wanted})"
            whole = f"{capitals} = ANY ({wanted})"
        # The folded condition is for the index, which has no other form.
        if case:
            return f"({exact} AND {folded})"
        return f"({folded} AND {whole})" if long else folded

    def _like(self, text: str, pattern: str, *, starts: bool, case: bool) -> str:
        value = self.bind(like(pattern))
        folded = f"upper({text}) LIKE upper({value})"
        start = literal_start(pattern, SHORT) if starts else ""
        if start and pattern == f"{start}*":
            folded = f"{start_of(f'upper({text})')} LIKE upper({value})"
        elif start:
            begins = f"upper({self.bind(like(start) + '%')})"
            folded = f"({start_of(f'upper({text})')} LIKE {begins} AND {folded})"
        return f"(({text}) LIKE {value} AND {folded})" if case else folded

    def _match_column(self, tag: str, column: Column, match: Match) -> None:
        self.need(column.level)
        self.conditions.append(self.condition(column.sql, match, tag))
        walk = _walk(tag, column.sql, match)
        if walk:  # days before names: they have much to do with the order of arrival
            self.walks = (walk, *self.walks) if tag in DATES else (*self.walks, walk)
        if tag in TELLING and isinstance(match, OneOf):
            pieces = [literal_run(pattern) for pattern in match.patterns]
            self.telling |= all(piece >= TELLING_PIECE for piece in pieces)

    def _match_in_study(self, source: str, text: str, match: Match, tag: str = "") -> None:
        level = self.search.level
        if level == "Patient":
            self.conditions.append("false")
            return
        if level == "Instance":
            self.need("Series")
        study = "s.study_key" if level == "Study" else "r.study_key"
        self.conditions.append(
            f"EXISTS (SELECT FROM {source} WHERE c.study_key = {study}"
            f" AND {self.condition(text, match, tag)})"
        )


def _walk(tag: str, text: str, match: Match) -> str:
    """The order of the index that leads to a range or a beginning of a text, if there is one."""
    match match:
        case Range(lower, upper) if tag in DATES and is_whole(lower, upper):
            return f'({start_of(text)}) COLLATE "C"'
        case OneOf((), (pattern,)) if tag in STARTS_INDEXED and literal_start(pattern, SHORT):
            return f"{start_of(f'upper({text})')} USING ~<~"
        case _:
            return ""


def _start(match: Match) -> str:
    """The pattern of how a text must begin to match; empty where it may begin with anything."""
    match match:
        case OneOf((value,), ()):
            return like(value[:SHORT]) + "%"
        case OneOf((), (pattern,)):
            start = literal_start(pattern, SHORT)
            return like(start) + "%" if start else ""
        case _:
            return ""

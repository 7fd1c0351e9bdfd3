# SPDX-License-Identifier: Apache-2.0
"""Orders of lists that people look at, and where a page of one ended.

A page goes on behind the last row of the one before, by its value and its key, so that rows that
arrive or go meanwhile make none appear twice or be lost, and the thousandth page costs what the
first does.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import msgspec

from pons.catalog.schema import INDEXED, Table, start_of
from pons.errors import BadRequest

MOST_KEY, MOST_COUNTED = 2**63 - 1, 2**31 - 1
"""What the columns take: keys and sizes, and numbers of series or of instances."""
FIRST_TIME, LAST_TIME = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
"""A time of another zone may be outside of these, and then there is none in UTC."""
LONGEST_CURSOR = 8 * INDEXED
"""Characters; a value has at most `INDEXED`, of up to four bytes each."""


@dataclass(frozen=True, slots=True)
class Operators:
    """How values are compared: those of the index that has them."""

    less: str
    more: str
    ascending: str
    descending: str
    row: str
    """Comparison of several at once, or empty: each has to be by itself."""


PLAIN = Operators("<", ">", "ASC", "DESC", "(")
STARTS = Operators("~<~", "~>~", "USING ~<~", "USING ~>~", "")
"""Of the indexes that find beginnings."""


@dataclass(frozen=True, slots=True)
class Sort:
    """What a list is sorted by, the key of a row aside, which decides between equals."""

    values: tuple[str, ...]
    table: Table | None = None
    """Where it is, if not in what is listed."""
    operators: Operators = PLAIN
    absent: str = ""
    """The condition that a row has none: these come last in both directions."""
    present: str = ""
    kind: type = str
    """Of the values."""
    most: int = MOST_KEY
    """Of values that are numbers."""


def by_text(value: str, operators: Operators = PLAIN, table: Table | None = None) -> Sort:
    """Sorted by a text, which some rows do not have."""
    return Sort(
        (value,),
        table,
        operators,
        f"({value} IS NULL OR {value} = '')",
        f"{value} {operators.more} ''",
    )


def by_start(text: str) -> Sort:
    """Sorted by the capitals of a text, of which an index has the beginning."""
    return by_text(start_of(f"upper({text})"), STARTS)


@dataclass(frozen=True, slots=True)
class ListOrder:
    """An order of a list, and its direction."""

    by: str
    sort: Sort
    descending: bool = False

    @classmethod
    def parse(cls, text: str, sorts: Mapping[str, Sort]) -> Self:
        """`-date` is by the sort `date`, descending. Raises `BadRequest` for one that a list does
        not have."""
        by = text.removeprefix("-")
        if by not in sorts:
            raise BadRequest(
                f"A list cannot be sorted by {text[:40]!r}", f"known are {', '.join(sorts)}"
            )
        return cls(by, sorts[by], text.startswith("-"))

    def __str__(self) -> str:
        return "-" * self.descending + self.by

    def clause(self, values: tuple[str, ...], key: str) -> str:
        """ORDER BY of values, which may be columns that have them, and of the key."""
        operators = self.sort.operators
        direction = operators.descending if self.descending else operators.ascending
        of_key = "DESC" if self.descending else "ASC"
        return ", ".join([*(f"{value} {direction}" for value in values), f"{key} {of_key}"])

    def behind(self, cursor: "Cursor", key: str, bind: Callable[[Any], str]) -> str:
        """The condition for what comes behind a cursor; `bind` gives the parameter of a value."""
        operators, values = self.sort.operators, () if cursor.absent else self.sort.values
        further = operators.less if self.descending else operators.more
        of_key = "<" if self.descending else ">"
        if operators.row or not values:
            places = ", ".join([*map(bind, cursor.values[: len(values)]), bind(cursor.key)])
            return f"({', '.join([*values, key])}) {of_key} ({places})"
        (value,), place = values, bind(cursor.values[0])
        at_least = further.replace("<", "<=").replace(">", ">=")
        return (
            f"{value} {at_least} {place}"
            f" AND ({value} {further} {place} OR {key} {of_key} {bind(cursor.key)})"
        )


class Cursor(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The last row of a page."""

    order: str
    key: int
    absent: bool
    """Whether that row is one of those that have no value."""
    values: tuple[str | int | datetime, ...]

    def encode(self) -> str:
        return urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")


def read_cursor(text: str, order: ListOrder) -> Cursor:
    """Where a list in this order goes on. Raises `BadRequest` for what `encode` did not give."""
    wrong = BadRequest("This is not where a list in this order ended", "begin at its first page")
    if len(text) > LONGEST_CURSOR:
        raise wrong
    try:
        cursor = msgspec.json.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=_Sent)
        kind = order.sort.kind
        values: tuple[Any, ...] = tuple(msgspec.convert(value, kind) for value in cursor.values)
    except (ValueError, msgspec.MsgspecError):
        raise wrong from None
    sizes = (0,) if cursor.absent and order.sort.absent else (len(order.sort.values),)
    in_bounds = all(_in_bounds(value, order.sort.most) for value in values)
    in_bounds = in_bounds and 0 <= cursor.key <= MOST_KEY
    if cursor.order != str(order) or len(values) not in sizes or not in_bounds:
        raise wrong
    if cursor.absent and not order.sort.absent:
        raise wrong
    return Cursor(cursor.order, cursor.key, cursor.absent, values)


class _Sent(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A cursor as it comes back, before it is known of what its values are."""

    order: str
    key: int
    absent: bool
    values: list[str | int]


def _in_bounds(value: Any, most: int) -> bool:
    match value:
        case str():
            return len(value) <= INDEXED and "\0" not in value
        case int():
            return 0 <= value <= most
        case datetime():
            return value.tzinfo is not None and FIRST_TIME <= value <= LAST_TIME
    return False

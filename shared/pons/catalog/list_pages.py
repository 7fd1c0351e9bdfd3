# SPDX-License-Identifier: Apache-2.0
"""The statement of one page of a list, whatever it lists."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pons.catalog.list_order import Cursor, ListOrder

PAGE = """
WITH present AS MATERIALIZED (
    {present}
), absent AS MATERIALIZED (
    SELECT * FROM ({absent}) rest
    LIMIT (SELECT greatest(0, {limit} - count(*)) FROM present)
), found AS (
    SELECT false AS absent, * FROM present UNION ALL SELECT true, key{nothing} FROM absent
)
SELECT found.*, {selected}
  FROM found JOIN {rows}
 ORDER BY found.absent, {order}
"""
"""First what has a value of what the list is sorted by, then what has none, of which nothing is
looked at where the first is enough."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What is listed, and what is shown of each row."""

    tables: str
    key: str
    """Of a row, in the tables."""
    conditions: Sequence[str]
    values: Sequence[Any]
    """The parameters of the conditions."""
    rows: str
    """The tables of what is shown, the first of which has the key `found.key`."""
    selected: str

    def page(self, order: ListOrder, after: Cursor | None, limit: int) -> tuple[str, list[Any]]:
        """The statement of the rows behind a cursor, and its parameters."""
        values = list(self.values)

        def bind(value: Any) -> str:
            values.append(value)
            return f"${len(values)}"

        sort, most = order.sort, bind(limit)
        columns = [f"v{n}" for n in range(len(sort.values))]
        named = [f"{self.key} AS key", *map("{} AS {}".format, sort.values, columns)]
        source = f"SELECT {', '.join(named)} FROM {self.tables} WHERE "  # noqa: S608 composed

        def some(which: str, compared: tuple[str, ...], *, goes_on: bool) -> str:
            conditions = [*self.conditions, *filter(None, [which])]
            if goes_on and after:
                conditions.append(order.behind(after, self.key, bind))
            return (
                f"{source}{' AND '.join(conditions) or 'true'}"
                f" ORDER BY {order.clause(compared, self.key)} LIMIT {most}"
            )

        nothing, past = f"{source}false", after is not None and after.absent
        # Without a value nothing but the key is compared, however it is that there is none.
        parts = {
            "present": nothing if past else some(sort.present, sort.values, goes_on=True),
            "absent": some(sort.absent, (), goes_on=past) if sort.absent else nothing,
            "nothing": ", NULL" * len(columns),
            "limit": f"{most}::bigint",
            "selected": self.selected,
            "rows": self.rows,
            "order": order.clause(tuple(f"found.{column}" for column in columns), "found.key"),
        }
        statement = PAGE
        for part, text in parts.items():
            statement = statement.replace(f"{{{part}}}", text)
        return statement, values


def next_of(found: Sequence[Any], order: ListOrder, limit: int) -> Cursor | None:
    """Where the next page begins, of whose rows one was asked for more than `limit`."""
    if len(found) <= limit:
        return None
    row = found[limit - 1]
    values = () if row["absent"] else tuple(row[f"v{n}"] for n in range(len(order.sort.values)))
    return Cursor(str(order), row["key"], row["absent"], values)

# SPDX-License-Identifier: Apache-2.0
"""The statements of `catalog.sql`, with what they say of resources of any level filled in."""

from pathlib import Path

from pons.catalog.schema import TABLES, above, any_level, at, each_level, path
from pons.catalog.sql import load_statements
from pons.dicom.levels import LEVELS, Level

IDS = "{row}.id = ANY ($1)"
OWN_ID = "SELECT {row}.id FROM {table} WHERE {row}.id = ANY ($1)"
OWN_KEY = "SELECT {number} AS level, {key} AS key, place FROM asked JOIN {table} USING (id)"


STATEMENTS = load_statements(
    Path(__file__).with_name("catalog.sql"),
    instances_of_ids=any_level("Instance", IDS),
    series_of_ids=any_level("Series", IDS, of=above("Series")),
    instances_of_one=any_level("Instance", "$1 = {number} AND {row}.id = $2", "UNION ALL"),
    own_ids=each_level(OWN_ID),
    own_keys=each_level(OWN_KEY),
)


def _bulk(level: Level) -> str:
    found = any_level(level, union="UNION ALL", source="asked", more=", place")
    return STATEMENTS["bulk"].replace("{related}", found)


def _statistics(level: Level) -> str:
    levels = LEVELS[LEVELS.index(level) :]
    counts = [
        f"count(DISTINCT {TABLES[one].column}) AS {TABLES[one].name}," for one in levels[1:-1]
    ]
    counts += ["count(*) AS instances,"] if level != "Instance" else []
    return at(
        level,
        STATEMENTS["statistics"],
        keys=", ".join(TABLES[one].key for one in levels),
        path=path(level, "Instance"),
        each_key=" UNION ".join(f"SELECT {TABLES[one].column} FROM tree" for one in levels),  # noqa: S608 names of columns
        counts=" ".join(counts),
    )


BULK = {level: _bulk(level) for level in LEVELS}
"""Level to the statement of its resources that others are, belong to or have below."""
STATISTICS = {level: _statistics(level) for level in LEVELS}
"""Level to the statement of what a resource of it takes."""

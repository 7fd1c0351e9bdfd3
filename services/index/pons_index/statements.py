# SPDX-License-Identifier: Apache-2.0
"""Every statement of the index, by its name."""

from pathlib import Path

from pons.catalog.schema import any_level, at, each_level
from pons.catalog.sql import load_statements

ONE = "$1 = {number} AND {row}.id = $2"
"""A resource by its level and id."""
NAMED = "coalesce(level, {number}) = {number}"
"""Resources that `named` has, each with its id and a level, or NULL for any."""
BEFORE = "$1 = {number} AND {key} = $2 AND i.object_key < $3"
OWN_KEY = "SELECT {key} FROM {table} WHERE $1 = {number} AND {row}.id = $2"

PIECES = {
    "key_of_one": each_level(OWN_KEY),
    "patients_of_one": any_level("Patient", ONE, "UNION ALL"),
    "instances_of_one": any_level("Instance", ONE, "UNION ALL"),
    "patients_of_named": any_level("Patient", NAMED, source="named"),
    "instances_of_named": any_level("Instance", NAMED, source="named"),
    "instances_before": any_level("Instance", BEFORE, "UNION ALL"),
}
"""What statements say of resources of any level; they have these names in braces."""
SQL: dict[str, str] = {}
for _path in sorted(Path(__file__).parent.glob("*.sql")):
    _statements = load_statements(_path, **PIECES)
    if _twice := SQL.keys() & _statements:
        raise ValueError(f"{_path.name}: {', '.join(_twice)} is in another file as well")
    SQL |= _statements
DELETE_EMPTY = SQL.pop("delete_empty")
SQL["delete_studies"] = at("Study", DELETE_EMPTY, above="s.patient_key,")
SQL["delete_patients"] = at("Patient", DELETE_EMPTY, above="")

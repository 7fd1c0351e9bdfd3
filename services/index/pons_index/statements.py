# SPDX-License-Identifier: Apache-2.0
"""Every statement of the index, by its name."""

from pathlib import Path

from pons.catalog.sql import load_statements

_FOLDER = Path(__file__).parent
FILES = (
    "ingest.sql",
    "refusals.sql",
    "deletion.sql",
    "belongings.sql",
    "changes.sql",
    "recycling.sql",
    "reconstruct.sql",
    "garbage.sql",
    "findings.sql",
    "records.sql",
    "continuity.sql",
    "fence.sql",
)
SQL: dict[str, str] = {
    name: statement for file in FILES for name, statement in load_statements(_FOLDER / file).items()
}

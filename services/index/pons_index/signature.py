# SPDX-License-Identifier: Apache-2.0
"""The number of the list of main tags in force: rows keep it, so that each tells its own."""

from typing import Any

import msgspec

from pons.dicom.attributes import MAIN_TAGS, Tags
from pons_index.statements import SQL

BUILT_IN = 0


async def signature_of(connection: Any, listed: Tags) -> int:
    """The number of the list `listed`, given to it now if it is new; may be repeated."""
    if listed == MAIN_TAGS:
        return BUILT_IN
    tags = msgspec.json.encode({level: list(names) for level, names in listed.items()}).decode()
    found: int | None = await connection.fetchval(SQL["find_signature"], tags)
    if found is not None:
        return found
    async with connection.transaction():
        await connection.execute(SQL["lock_signatures"])
        found = await connection.fetchval(SQL["find_signature"], tags)
        added: int = found or await connection.fetchval(SQL["add_signature"], tags)
    return added

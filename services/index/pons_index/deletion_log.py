# SPDX-License-Identifier: Apache-2.0
"""The log of deletions: what is gone, when and by whom, for whoever follows a link to it."""

from collections.abc import Sequence
from typing import Any

from pons.messages.index import Deleter
from pons_index.statements import SQL

LONGEST_NAME = 256
"""Characters of a user, or of a rule."""


async def log_deletions(connection: Any, gone: Sequence[tuple[int, bytes]], by: Deleter) -> None:
    """Log resources, each a level and an id, of trees that the transaction holds.

    What the log has had for long enough goes, a little each time.
    """
    levels, ids = [level for level, _ in gone], [identifier for _, identifier in gone]
    values = (levels, ids, by.cause, by.name.replace("\0", "")[:LONGEST_NAME])
    await connection.execute(SQL["log_deletions"], *values)
    await connection.execute(SQL["forget_logged_deletions"], len(gone))

# SPDX-License-Identifier: Apache-2.0
"""Notes: small documents that lie beside a store's objects and, unlike them, may be replaced.

What has to survive the loss of database and streams is written here: whose objects these are, what
was deleted on purpose, what hangs on resources, where instances came from.
"""

import re
from collections.abc import AsyncIterator, Iterable
from typing import Protocol

NOTES_FOLDER = ".notes"
"""Inside the folder of a store; no shard is called so."""
OWNER = "owner"
"""The note that says whose objects these are (`pons.ownership`)."""

_NAME = re.compile(r"[a-z0-9-]+(/[a-z0-9-]+)*")


class Notes(Protocol):
    """Notes by name: lower-case letters, digits and `-`, in parts with `/` between them.

    Every method may raise `Unavailable`, and `put` `OutOfResources`.
    """

    async def put(self, name: str, body: bytes) -> None:
        """Keep `body` as `name`, in place of what was there; it is durable when this returns."""

    async def read(self, name: str) -> bytes:
        """The note. NotFound if there is none."""

    def names(self, folder: str) -> AsyncIterator[str]:
        """The names that begin with `folder/`, in no order."""

    async def delete(self, names: Iterable[str]) -> None:
        """Remove the notes; absent ones are fine."""


def check_note_name(name: str) -> str:
    """`name`, if a note may be called so; ValueError otherwise."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot be the name of a note")
    return name

# SPDX-License-Identifier: Apache-2.0
"""What takes the index long, asked part by part; who is cancelled ends it after a part."""

from collections.abc import Sequence
from typing import Any

import msgspec

from pons.messages.index import (
    DELETED_AT_ONCE,
    Deleter,
    DeleteResources,
    Reconstruct,
    Reconstructed,
    ResourceName,
    Retried,
    RetryDeadLetters,
)
from pons.messages.services import Done
from pons_gateway.backends import Ask

PATIENCE = 600.0
"""Seconds that one part may take: resources can have many instances, and files be large."""


async def delete_resources(names: Sequence[ResourceName], ask: Ask, by: Deleter) -> None:
    """Delete them with everything below; of a part all or none."""
    for start in range(0, len(names), DELETED_AT_ONCE):
        part = DeleteResources(list(names[start : start + DELETED_AT_ONCE]), by)
        await ask("index", part, Done, within=PATIENCE)


async def reconstruct(asked: Reconstruct, ask: Ask) -> None:
    """Read the files again that are asked for. Raises `NotFound` for an unknown resource."""
    following: int | None = 0
    while following is not None:
        part = msgspec.structs.replace(asked, after=following)
        answer: Reconstructed = await ask("index", part, Reconstructed, within=PATIENCE)
        following = answer.next


async def retry_letters(letters: list[int] | None, ask: Ask) -> dict[str, Any]:
    """What became of these dead letters, or of all that nobody has dismissed, tried again.

    Raises `NotFound` for an unknown one.
    """
    indexed: list[int] = []
    failed: dict[str, str] = {}
    following: int | None = 0
    while following is not None:
        part = RetryDeadLetters(letters, following)
        answer: Retried = await ask("index", part, Retried, within=PATIENCE)
        indexed += answer.indexed
        failed |= {str(number): why for number, why in answer.failed.items()}
        following = answer.next
    return {"Indexed": indexed, "Failed": failed}

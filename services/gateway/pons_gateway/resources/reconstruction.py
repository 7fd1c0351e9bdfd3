# SPDX-License-Identifier: Apache-2.0
"""Reading again what the store keeps, slice after slice."""

import msgspec

from pons.messages.index import Reconstruct, Reconstructed
from pons_gateway.backends import Ask

PATIENCE = 600.0
"""Seconds that one slice may take: files can be large."""


async def reconstruct(asked: Reconstruct, ask: Ask) -> None:
    """Read the files again that are asked for; who is cancelled ends it after a slice.

    Raises `NotFound` for an unknown resource.
    """
    following: int | None = 0
    while following is not None:
        part = msgspec.structs.replace(asked, after=following)
        answer: Reconstructed = await ask("index", part, Reconstructed, within=PATIENCE)
        following = answer.next

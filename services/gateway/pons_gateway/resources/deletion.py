# SPDX-License-Identifier: Apache-2.0
"""Deleting many resources."""

from collections.abc import Sequence

from pons.messages.index import DELETED_AT_ONCE, DeleteResources, ResourceName
from pons.messages.services import Done
from pons_gateway.backends import Ask

PATIENCE = 600.0
"""Seconds that one command may take: resources can have many instances."""


async def delete_resources(names: Sequence[ResourceName], ask: Ask) -> None:
    """Delete them with everything below, in parts that one command takes; each is all or none."""
    for start in range(0, len(names), DELETED_AT_ONCE):
        part = DeleteResources(list(names[start : start + DELETED_AT_ONCE]))
        await ask("index", part, Done, within=PATIENCE)

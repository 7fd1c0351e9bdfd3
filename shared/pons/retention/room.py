# SPDX-License-Identifier: Apache-2.0
"""Whether a store that has limits is so full that room is needed."""

from pons.catalog.records import Totals
from pons.limits import MEGABYTE
from pons.settings import Settings


def is_room_needed(settings: Settings, totals: Totals) -> bool:
    """Whether more is taken than `retention.room_percent` of a limit; never where none is set."""
    limits = (
        (totals.stored_size, settings.storage.maximum_size_mb * MEGABYTE),
        (totals.patients, settings.storage.maximum_patients),
    )
    share = settings.retention.room_percent / 100
    return any(limit and taken > share * limit for taken, limit in limits)

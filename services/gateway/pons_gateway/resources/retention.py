# SPDX-License-Identifier: Apache-2.0
"""What retention would let go."""

from typing import Any

from pons.retention.judgement import Verdict
from pons.retention.known import Retention, kept_for_room
from pons_gateway.models.retention import ExpiryRequest
from pons_gateway.resources.resource_json import path_of


async def expiring(retention: Retention, asked: ExpiryRequest) -> dict[str, Any]:
    """A page of studies that rules hold of. Raises `NotFound` for an unknown rule."""
    rules = retention.rules.applied()
    if asked.Rules is not None:
        every = retention.rules.all()
        for name in asked.Rules:
            retention.rules.get(name)
        rules = {name: every[name] for name in asked.Rules}
    verdicts, last = await retention.would(asked.Since, asked.Limit, rules)
    needed = await retention.is_room_needed()
    return {
        "Studies": [_shown(verdict, needed=needed) for verdict in verdicts],
        "RoomIsNeeded": needed,
        "Done": last is None,
        "Last": last or asked.Since,
    }


def _shown(verdict: Verdict, *, needed: bool) -> dict[str, Any]:
    kept = kept_for_room(verdict, needed=needed)
    return {
        "ID": verdict.study.id,
        "Path": path_of("Study", verdict.study.id),
        "Rule": verdict.rule,
        "LastUpdate": verdict.study.last_update.strftime("%Y%m%dT%H%M%S"),
        "Goes": not kept,
        "Kept": kept,
    }

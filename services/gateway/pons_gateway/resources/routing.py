# SPDX-License-Identifier: Apache-2.0
"""What rules would do: with a resource, and with the changes of the last days."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from pons.catalog import Catalog, Fields, LoggedChange
from pons.errors import NotFound
from pons.jobs import Jobs
from pons.jobs.board import read_documents
from pons.jobs.store import ROUTING
from pons.messages.changes import CHANGE_TYPES
from pons.routing.evaluation import Evaluator
from pons.routing.known import Routing
from pons.routing.rules import LEVEL_OF, Rule
from pons_gateway.models.routing import MOST, ReplayRequest
from pons_gateway.resources.resource_json import change_json, path_of

AT_ONCE = 16
"""Resources that rules are asked of at once."""
NOTHING = Fields(frozenset())


async def try_rule(
    catalog: Catalog, evaluator: Evaluator, name: str, rule: Rule, identifier: str
) -> dict[str, Any]:
    """What a rule would do with a resource, or with those of its level that belong to it.

    Raises `NotFound` for an unknown resource.
    """
    level, found = LEVEL_OF[rule.On], list[str]()
    async for page in catalog.bulk([identifier], level, NOTHING):
        found += [resource.id for resource in page]
        if len(found) > MOST:
            break
    if not found:
        raise NotFound(f"There is no resource {identifier}")
    shown = []
    for start in range(0, min(len(found), MOST), AT_ONCE):
        ids = found[start : min(start + AT_ONCE, MOST)]
        asked = await asyncio.gather(*(evaluator.ask(level, one, {name: rule}) for one in ids))
        for resource_id, told in zip(ids, asked, strict=True):
            holds = any(one.unmet is None for one in told[name])
            first = None if holds or not told[name] else told[name][0]
            shown.append(
                {
                    "ID": resource_id,
                    "Path": path_of(level, resource_id),
                    "ResourceType": level,
                    "To": rule.destinations if holds else [],
                    **({"Label": rule.Label} if holds and rule.Label else {}),
                    "Unmet": first.unmet.as_written() if first and first.unmet else None,
                    "Found": first.found if first else None,
                }
            )
    return {"Resources": shown, "Done": len(found) <= MOST}


async def replay(catalog: Catalog, routing: Routing, asked: ReplayRequest) -> dict[str, Any]:
    """What rules would send of a page of changes. Raises `NotFound` for an unknown rule."""
    rules = routing.rules.applied()
    if asked.Rules is not None:
        every = routing.rules.all()
        for name in asked.Rules:
            routing.rules.get(name)
        rules = {name: every[name] for name in asked.Rules}
    types = sorted({CHANGE_TYPES[rule.On] for rule in rules.values()})
    start = datetime.now(UTC) - timedelta(days=asked.Days)
    since = max(asked.Since, await last_before(catalog, start))
    page = await catalog.logs.changes(since, asked.Limit, types=types)
    told = []
    for first in range(0, len(page.changes), AT_ONCE):
        changes = page.changes[first : first + AT_ONCE]
        held = await asyncio.gather(*(_holding(routing, one, rules) for one in changes))
        for change, holding in zip(changes, held, strict=True):
            if holding:
                sent = {name: rule.destinations for name, rule in holding.items()}
                told.append({**change_json(change), "Rules": sent})
    return {"Changes": told, "Done": page.done, "Last": page.last}


async def last_before(catalog: Catalog, moment: datetime) -> int:
    """The number of the last change before a moment: times grow with numbers."""
    low, high = 0, (await catalog.logs.latest_change()).last
    while low < high:
        middle = (low + high) // 2
        page = await catalog.logs.changes(middle, 1, to=high)
        if page.changes and page.changes[0].date < moment:
            low = page.changes[0].seq
        else:
            high = middle
    return low


async def destinations(
    routing: Routing, jobs: Jobs, is_known: Callable[[str], bool]
) -> list[dict[str, Any]]:
    """How the destinations fare that rules name, or for which something waits."""
    lengths, documents = await asyncio.gather(routing.queues.lengths(), read_documents(jobs.bus))
    named = {one for rule in routing.rules.all().values() for one in rule.destinations}
    of_routing = [document for document, _ in documents if document.worker == ROUTING]
    going_on = [one for one in of_routing if not one.finished]
    dead = [one for one in of_routing if one.dead_letter]
    told = []
    for destination in sorted(named | set(lengths) | {one.destination for one in going_on + dead}):
        theirs = [one for one in dead + going_on if one.destination == destination]
        last = max(theirs, key=lambda one: one.changed, default=None)
        tries = [one.retry_at for one in theirs if one.state == "Retry"]
        told.append(
            {
                "Destination": destination,
                "Known": is_known(destination),
                "Waiting": lengths.get(destination, 0),
                "GoingOn": sum(not one.finished for one in theirs),
                "DeadLetters": sum(one.finished for one in theirs),
                "NextTry": _moment(min(tries)) if tries else None,
                "Reason": last.error_details if last else "",
            }
        )
    return told


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%S")


async def _holding(routing: Routing, change: LoggedChange, rules: dict[str, Rule]) -> Any:
    waiting = {name: rule for name, rule in rules.items() if rule.On == change.change_type}
    return await routing.evaluator.holding(change.level, change.resource_id, waiting)

# SPDX-License-Identifier: Apache-2.0
"""All that a process knows of routing: rules, webhooks, queues, and what rules hold of."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pons.bus import Bus
from pons.remotes.registry import Registry
from pons.routing.evaluation import Evaluator, Lookup
from pons.routing.queues import Queues
from pons.routing.rules import Rules, open_rules
from pons.routing.webhooks import KnownWebhook, open_webhooks
from pons.settings import Settings


@dataclass(frozen=True, slots=True)
class Routing:
    """Open it with `open_known`."""

    rules: Rules
    webhooks: Registry[KnownWebhook]
    queues: Queues
    evaluator: Evaluator


@asynccontextmanager
async def open_known(bus: Bus, catalog: Lookup, settings: Settings) -> AsyncIterator[Routing]:
    """What is known of routing, fresh as long as the block runs.

    Raises `BadRequest` when the settings name a rule or a webhook that cannot be.
    """
    async with open_rules(bus, settings) as rules, open_webhooks(bus, settings) as webhooks:
        yield Routing(rules, webhooks, Queues(bus), Evaluator(catalog))

# SPDX-License-Identifier: Apache-2.0
"""What of egress routes: opened and run as a whole."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar

from pons.bus import Bus
from pons.errors import NotFound
from pons.jobs import (
    Handler,
    Jobs,
    PeerStoreRequest,
    StoreRequest,
    submit_peer_store,
    submit_store,
)
from pons.jobs.following import Following
from pons.jobs.webhook import JOB_TYPE, ToldChange, WebhookRequest, submit_webhook
from pons.remotes.modalities import Modalities
from pons.remotes.peers import OtherStore
from pons.remotes.registry import Registry
from pons.routing.evaluation import Lookup
from pons.routing.known import open_known
from pons.routing.queues import Waiting
from pons.settings import Settings
from pons_egress.routing.forwarding import Forwarding, Submit
from pons_egress.routing.lanes import Lanes
from pons_egress.routing.router import Router
from pons_egress.routing.webhook import WebhookDelivery

Remote = TypeVar("Remote")


@asynccontextmanager
async def open_routing(
    bus: Bus,
    catalog: Lookup,
    modalities: Modalities,
    peers: Registry[OtherStore],
    settings: Settings,
    following: Following,
) -> AsyncIterator[dict[str, Handler]]:
    """Routing at work as long as the block runs; gives the handlers of jobs that are its alone.

    `following` is run by the caller, in the block: until then nothing is handed on.

    Raises `BadRequest` when the settings name a rule or a webhook that cannot be.
    """
    async with open_known(bus, catalog, settings) as known, asyncio.TaskGroup() as group:
        jobs = Jobs(bus, settings.jobs)
        submit: dict[str, Submit] = {
            "modality": partial(_to_modality, jobs, modalities, settings.dicom.aet),
            "peer": partial(_to_peer, jobs, peers),
            "webhook": partial(_to_webhook, jobs),
        }
        lanes = Lanes(following, settings.jobs)
        forwarding = Forwarding(bus, known.rules, lanes, submit, settings.routing.batch)
        tasks = [
            group.create_task(
                Router(bus, known.evaluator, known.rules, settings.routing.rounds).run()
            ),
            group.create_task(forwarding.run()),
        ]
        yield {JOB_TYPE: WebhookDelivery(known.webhooks, settings)}
        for task in tasks:
            task.cancel()


async def _to_modality(
    jobs: Jobs, modalities: Modalities, aet: str, name: str, waiting: Sequence[Waiting]
) -> str:
    modality = await _known(modalities, name)
    resources, rules = _asked(waiting)
    request = StoreRequest(name, resources, synchronous=False, rules=rules)
    return await submit_store(jobs, request, modality, aet)


async def _to_peer(
    jobs: Jobs, peers: Registry[OtherStore], name: str, waiting: Sequence[Waiting]
) -> str:
    peer = await _known(peers, name)
    resources, rules = _asked(waiting)
    request = PeerStoreRequest(name, resources, synchronous=False, rules=rules)
    return await submit_peer_store(jobs, request, peer)


async def _known(registry: Registry[Remote], name: str) -> Remote | None:
    """None for one that is not known any more: its job makes a dead letter."""
    try:
        return await registry.read(name)
    except NotFound:
        return None


def _asked(waiting: Sequence[Waiting]) -> tuple[list[str], list[str]]:
    """The resources that are to be sent, and the rules that want it."""
    resources = dict.fromkeys(one.resource_id for one in waiting)
    return list(resources), sorted({one.rule for one in waiting})


async def _to_webhook(jobs: Jobs, name: str, waiting: Sequence[Waiting]) -> str:
    changes = [
        ToldChange(
            one.rule,
            one.seq,
            one.change_type,
            one.level,
            one.resource_id,
            one.date,
            one.trace,
        )
        for one in waiting
    ]
    return await submit_webhook(jobs, WebhookRequest(name, changes))

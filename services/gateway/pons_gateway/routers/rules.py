# SPDX-License-Identifier: Apache-2.0
"""Routing: rules, webhooks, what they would do, and how destinations fare."""

from functools import partial
from typing import Annotated, Any

import structlog
from fastapi import Path, Query, Response

from pons.routing import rules, webhooks
from pons.routing.rules import Rule
from pons.routing.webhooks import Webhook
from pons_gateway.dependencies import BackendsDep
from pons_gateway.models.examples import ID
from pons_gateway.models.routing import (
    DestinationState,
    DryRun,
    DryRunRequest,
    Kept,
    Replay,
    ReplayRequest,
    Rules,
    ShownWebhook,
    Webhooks,
)
from pons_gateway.query import Flag
from pons_gateway.resources.configuration import (
    ExpectedDep,
    RevisionDep,
    delete_unchanged,
    put_unchanged,
    with_revision,
)
from pons_gateway.resources.routing import destinations, replay, try_rule
from pons_gateway.resources.rule_doubts import (
    is_known,
    require_possible,
    require_reachable,
)
from pons_gateway.responses.answers import done, json_answer
from pons_gateway.responses.media_types import NO_BODY, takes_text
from pons_gateway.routing import Router, or_text

log = structlog.get_logger()
router = Router(
    "Routing",
    "What is sent to other systems by itself: rules that are asked of each change.",
    prefix="/routing",
)

Name = Annotated[str, Path(description="Its name: letters, digits, `-` and `_`.")]
Expand = Annotated[Flag, Query(description="Give all of them instead of the names.")]


@router.get("/rules", summary="List rules", response_model=list[str] | Rules)
async def list_rules(backends: BackendsDep, expand: Expand = False) -> Response:
    known = backends.routing.rules.list()
    return json_answer(known if expand else list(known))


@router.get("/rules/{name}", summary="Show a rule", response_model=Rule)
async def show_rule(name: Name, backends: BackendsDep) -> Response:
    """Raises NotFound."""
    known = backends.routing.rules
    return with_revision(json_answer(await known.read(name)), known, name)


@router.put("/rules/{name}", summary="Add or change a rule", response_model=Kept)
async def put_rule(
    name: Name, rule: Rule, expected: ExpectedDep, backends: BackendsDep
) -> Response:
    """It counts for changes from now on, and wins over the settings. 400 for one that can never do
    anything, unless it is not enabled. 409 where it was changed since the ETag of `If-Match`, or is
    there in spite of `If-None-Match: *`."""
    doubts = require_possible(rule, backends) if rule.Enabled else []
    await put_unchanged(backends.routing.rules, name, rules.as_kept(rule), expected)
    for doubt in doubts:
        log.warning("doubtful rule", rule=name, doubt=doubt)
    return json_answer({"Warnings": doubts})


@router.delete("/rules/{name}", summary="Forget a rule", **NO_BODY)
async def delete_rule(name: Name, revision: RevisionDep, backends: BackendsDep) -> Response:
    """Also where the settings name it. What it has put into queues is sent. Raises NotFound. 409
    where it was changed since the ETag of `If-Match`."""
    await delete_unchanged(backends.routing.rules, name, revision)
    return done()


@router.post(
    "/rules/{name}/dry-run",
    summary="What a rule would do with a resource: nothing is sent",
    response_model=DryRun,
    openapi_extra=takes_text("One identifier.", ID),
)
@or_text
async def dry_run(name: Name, asked: DryRunRequest, backends: BackendsDep) -> Response:
    """With the resources of the rule's level that it is, belongs to, or has below; also where the
    rule rests. Raises NotFound for an unknown rule or resource."""
    rule = Rule.model_validate(await backends.routing.rules.read(name))
    evaluator = backends.routing.evaluator
    return json_answer(await try_rule(backends.catalog, evaluator, name, rule, asked.Resource))


@router.post(
    "/replay",
    summary="What rules would send of the changes of the last days: nothing is sent",
    response_model=Replay,
)
async def replay_changes(asked: ReplayRequest, backends: BackendsDep) -> Response:
    """Rules are asked of what the resources are now. Raises NotFound for an unknown rule."""
    return json_answer(await replay(backends.catalog, backends.routing, asked))


@router.get("/destinations", summary="How destinations fare", response_model=list[DestinationState])
async def list_destinations(backends: BackendsDep) -> Response:
    """Those that rules name, and others for which something waits."""
    known = partial(is_known, backends=backends)
    return json_answer(await destinations(backends.routing, backends.jobs, known))


@router.get("/webhooks", summary="List webhooks", response_model=list[str] | Webhooks)
async def list_webhooks(backends: BackendsDep, expand: Expand = False) -> Response:
    known = backends.routing.webhooks.list()
    shown: dict[str, Any] = {name: webhooks.shown(one) for name, one in known.items()}
    return json_answer(shown if expand else list(known))


@router.get(
    "/webhooks/{name}", summary="Show a webhook, without its secret", response_model=ShownWebhook
)
async def show_webhook(name: Name, backends: BackendsDep) -> Response:
    """Raises NotFound."""
    known = backends.routing.webhooks
    return with_revision(json_answer(webhooks.shown(await known.read(name))), known, name)


@router.put("/webhooks/{name}", summary="Add or change a webhook", **NO_BODY)
async def put_webhook(
    name: Name, webhook: Webhook, expected: ExpectedDep, backends: BackendsDep
) -> Response:
    """What is put wins over the settings. 400 for an address, in digits, where none may be. 409
    where it was changed since the ETag of `If-Match`, or is there in spite of `If-None-Match: *`.
    """
    require_reachable(webhook, backends)
    await put_unchanged(backends.routing.webhooks, name, webhooks.as_kept(webhook), expected)
    return done()


@router.delete("/webhooks/{name}", summary="Forget a webhook", **NO_BODY)
async def delete_webhook(name: Name, revision: RevisionDep, backends: BackendsDep) -> Response:
    """Also where the settings name it. Raises NotFound. 409 where it was changed since the ETag of
    `If-Match`."""
    await delete_unchanged(backends.routing.webhooks, name, revision)
    return done()

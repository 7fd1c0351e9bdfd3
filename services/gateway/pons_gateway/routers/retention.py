# SPDX-License-Identifier: Apache-2.0
"""Retention: rules, and what they would let go."""

from typing import Annotated

from fastapi import Path, Query, Response

from pons.retention import rules
from pons.retention.rules import RetentionRule
from pons_gateway.dependencies import BackendsDep
from pons_gateway.models.retention import Expiring, ExpiryRequest, RetentionRules
from pons_gateway.query import Flag
from pons_gateway.resources.configuration import (
    ExpectedDep,
    RevisionDep,
    delete_unchanged,
    put_unchanged,
    with_revision,
)
from pons_gateway.resources.retention import expiring
from pons_gateway.responses.answers import done, json_answer
from pons_gateway.responses.media_types import NO_BODY
from pons_gateway.routing import Router

router = Router(
    "Retention",
    "Which studies may go by themselves, and when. Without a rule nothing does.",
    prefix="/retention",
)

Name = Annotated[str, Path(description="Its name: letters, digits, `-` and `_`.")]
Expand = Annotated[Flag, Query(description="Give all of them instead of the names.")]


@router.get("/rules", summary="List retention rules", response_model=list[str] | RetentionRules)
async def list_rules(backends: BackendsDep, expand: Expand = False) -> Response:
    known = backends.retention.rules.list()
    return json_answer(known if expand else list(known))


@router.get("/rules/{name}", summary="Show a retention rule", response_model=RetentionRule)
async def show_rule(name: Name, backends: BackendsDep) -> Response:
    """Raises NotFound."""
    known = backends.retention.rules
    return with_revision(json_answer(await known.read(name)), known, name)


@router.put("/rules/{name}", summary="Add or change a retention rule", **NO_BODY)
async def put_rule(
    name: Name, rule: RetentionRule, expected: ExpectedDep, backends: BackendsDep
) -> Response:
    """It counts from now on, and wins over the settings. 409 where it was changed since the ETag of
    `If-Match`, or is there in spite of `If-None-Match: *`."""
    await put_unchanged(backends.retention.rules, name, rules.as_kept(rule), expected)
    return done()


@router.delete("/rules/{name}", summary="Forget a retention rule", **NO_BODY)
async def delete_rule(name: Name, revision: RevisionDep, backends: BackendsDep) -> Response:
    """Also where the settings name it. Raises NotFound. 409 where it was changed since the ETag of
    `If-Match`."""
    await delete_unchanged(backends.retention.rules, name, revision)
    return done()


@router.post(
    "/dry-run", summary="What would go, and what stays why: nothing does", response_model=Expiring
)
async def dry_run(asked: ExpiryRequest, backends: BackendsDep) -> Response:
    """Studies that a rule holds of, in the order in which they came. Raises NotFound for an
    unknown rule."""
    return json_answer(await expiring(backends.retention, asked))

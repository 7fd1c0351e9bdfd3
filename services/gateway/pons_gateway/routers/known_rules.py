# SPDX-License-Identifier: Apache-2.0
"""Explorer's pages of routing and retention rules, and rules tried on a file that is not kept."""

import asyncio
from typing import Annotated

from fastapi import Query, Request, Response

from pons.errors import InvalidInstance
from pons.header.file import read_file
from pons.header.model import Header
from pons.limits import MEGABYTE
from pons.objects.bodies import Body, freed, pieces, size_of
from pons.routing.conditions import Seen
from pons_gateway.bodies.gathering import gathered, limited
from pons_gateway.dependencies import BackendsDep
from pons_gateway.models.known_retention import KnownRetentionRule
from pons_gateway.models.known_rules import FileOrigin, KnownRules, TriedOnFile
from pons_gateway.responses.answers import json_answer
from pons_gateway.responses.media_types import DICOM, takes
from pons_gateway.routers import tag_tree
from pons_gateway.routing import Router, page

LARGEST_FILE = 32 * MEGABYTE
"""Bytes of a file that is tried: it is in memory while rules are asked of it."""

router = Router(tag_tree.router.title, tag_tree.router.description, prefix="/explorer/api")


@router.get(
    "/rules",
    summary="Routing rules, where each comes from, and where they may send",
    response_model=KnownRules,
)
@page
async def list_rules(backends: BackendsDep) -> Response:
    routing = backends.routing
    known = routing.rules.list()
    kinds = (
        ("modality", backends.modalities),
        ("peer", backends.peers),
        ("webhook", routing.webhooks),
    )
    return json_answer(
        {
            "rules": [
                {
                    "name": name,
                    "source": source,
                    "revision": routing.rules.revision(name),
                    "rule": known[name],
                }
                for name, source in routing.rules.sources().items()
            ],
            "destinations": [f"{kind}:{name}" for kind, of in kinds for name in of.list()],
        }
    )


@router.get(
    "/retention",
    summary="Retention rules, and where each comes from",
    response_model=list[KnownRetentionRule],
)
@page
async def list_retention(backends: BackendsDep) -> Response:
    """Sorted by name."""
    rules = backends.retention.rules
    known = rules.list()
    return json_answer(
        [
            {
                "name": name,
                "source": source,
                "revision": rules.revision(name),
                "rule": known[name],
            }
            for name, source in rules.sources().items()
        ]
    )


@router.post(
    "/rules/try",
    summary="What every rule would say of a file: nothing is kept, nothing is sent",
    response_model=list[TriedOnFile],
    openapi_extra=takes(DICOM),
)
@page
async def try_rules(
    request: Request, asked: Annotated[FileOrigin, Query()], backends: BackendsDep
) -> Response:
    """As if it were the only instance of its series, and had no labels; also of resting rules."""
    body = await gathered(limited(request, LARGEST_FILE), backends.objects, LARGEST_FILE)
    with freed(body):
        size = size_of(body)
        if not size:
            raise InvalidInstance("Received an empty DICOM file")
        async with backends.body_room.hold(size):
            header = await asyncio.to_thread(_header, body, backends.live.now.default_charset)
    seen = Seen(header.json, asked.origin)
    told = []
    for name, rule in backends.routing.rules.all().items():
        unmet = rule.condition.unmet(seen)
        found = unmet and unmet.found(seen)
        told.append({"name": name, "unmet": unmet and unmet.as_written(), "found": found})
    return json_answer(told)


def _header(body: Body, default_charset: str) -> Header:
    return read_file(b"".join(pieces(body)), default_charset=default_charset, whole=False)

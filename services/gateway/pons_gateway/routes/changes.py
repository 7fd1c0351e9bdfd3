# SPDX-License-Identifier: Apache-2.0
"""The logs: what changed in the store, and what was sent from it."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pons.catalog import ChangesPage
from pons.errors import BadRequest
from pons.messages.changes import CHANGE_TYPES
from pons.messages.index import ClearChanges, ClearExports
from pons.messages.services import Done
from pons_gateway.answers import done, json_answer
from pons_gateway.backends import Backends
from pons_gateway.legacy import Group
from pons_gateway.parameters import Flag, Number, Words
from pons_gateway.resource_json import change_json, export_json
from pons_gateway.routes.resources import ID

DEFAULT_LIMIT = 100
MAX_LIMIT = 100_000

SINCE = Number("since", "Only what came after this number.", lenient=True)
LIMIT = Number("limit", "So many at most; 100 without.", lenient=True)
LAST = Flag("last", "Only the latest one.")
TO = Number(
    "to", "Only up to this number; without `since`, the latest ones up to it.", lenient=True
)
TYPE = Words("type", "Only these kinds of changes, separated by `;`.")

GROUP = Group("Changes and exports", "What changed in the store, and what was sent from it.")


@GROUP.get(
    "/changes",
    "Changes, oldest first",
    query=(SINCE, LIMIT, TO, TYPE, LAST),
    example={
        "Changes": [
            {
                "ChangeType": "NewInstance",
                "Date": "20240102T101112",
                "ID": ID,
                "Path": f"/instances/{ID}",
                "ResourceType": "Instance",
                "Seq": 1,
            }
        ],
        "Done": False,
        "First": 1,
        "Last": 1,
    },
)
async def changes(request: Request, backends: Backends) -> Response:
    if LAST(request):
        return json_answer(_changes(await backends.catalog.latest_change()))
    page = await backends.catalog.changes(
        SINCE(request), _limit(request), TO(request), _types(request)
    )
    return json_answer(_changes(page))


@GROUP.delete("/changes", "Forget the changes; their numbers go on", gives="")
async def clear_changes(_request: Request, backends: Backends) -> Response:
    await backends.ask("index", ClearChanges(), Done)
    return done()


@GROUP.get(
    "/exports",
    "Instances that were sent to modalities, oldest first",
    query=(SINCE, LIMIT, LAST),
    example={
        "Exports": [
            {
                "Date": "20240102T101112",
                "ID": ID,
                "Path": f"/instances/{ID}",
                "PatientID": "P1",
                "RemoteModality": "workstation",
                "ResourceType": "Instance",
                "SOPInstanceUID": "1.2.3.4.5",
                "Seq": 1,
                "SeriesInstanceUID": "1.2.3.4",
                "StudyInstanceUID": "1.2.3",
            }
        ],
        "Done": True,
        "Last": 1,
    },
)
async def exports(request: Request, backends: Backends) -> Response:
    if LAST(request):
        page = await backends.catalog.latest_export()
    else:
        page = await backends.catalog.exports(SINCE(request) or 0, _limit(request))
    shown = [export_json(export) for export in page.exports]
    return json_answer({"Exports": shown, "Done": page.done, "Last": page.last})


@GROUP.delete("/exports", "Forget the exports", gives="")
async def clear_exports(_request: Request, backends: Backends) -> Response:
    await backends.ask("index", ClearExports(), Done)
    return done()


def _limit(request: Request) -> int:
    limit = LIMIT(request)
    return DEFAULT_LIMIT if limit is None else min(limit, MAX_LIMIT)


def _types(request: Request) -> list[int] | None:
    names = TYPE(request)
    for name in names or ():
        if name not in CHANGE_TYPES:
            raise BadRequest(f"Unknown type of change: {name}")
    return [CHANGE_TYPES[name] for name in names] if names else None


def _changes(page: ChangesPage) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Changes": [change_json(change) for change in page.changes],
        "Done": page.done,
    }
    if page.changes:
        shown["First"] = page.changes[0].seq
    return {**shown, "Last": page.last}

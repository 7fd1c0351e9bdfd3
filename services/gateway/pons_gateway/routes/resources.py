# SPDX-License-Identifier: Apache-2.0
"""The four levels: lists, objects, what is below and above, statistics, deletion."""

from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pons.catalog import Search
from pons.dicom.levels import LEVELS, Level
from pons.dicom.metadata import Names, metadata_names
from pons.errors import BadRequest, NotFound
from pons.messages.index import Deleted, DeleteResource
from pons_gateway.answers import json_answer, json_list, silent
from pons_gateway.backends import Backends
from pons_gateway.legacy import Group, Handler
from pons_gateway.parameters import Flag, Number
from pons_gateway.resource_json import (
    FOLDERS,
    path_of,
    resource_json,
    statistics_json,
)
from pons_gateway.wanted import CONTENT, SHOWN, Shape, shape_of

SINCE = Number("since", "Leave out so many resources at the start; only together with `limit`.")
LIMIT = Number("limit", "Give so many at most, 0 for all; only together with `since`.")
EXPAND = Flag("expand", "Give objects instead of identifiers.")
EXPAND_BELOW = Flag("expand", "Give objects instead of identifiers.", default=True)

ID = "6a3f1c05-9be0c7a4-2f0d11d3-5c8e0b77-aa6e94f1"
ANOTHER = "0f0c9d3b-77f7a1de-64f2b0c8-1b3e5a90-d2c4e6f8"
EXAMPLES = {
    "Patient": {
        "ID": ID,
        "Type": "Patient",
        "MainDicomTags": {"PatientID": "P1", "PatientName": "ROE^RICHARD", "PatientSex": "M"},
        "IsProtected": False,
        "Studies": [ANOTHER],
        "IsStable": True,
        "LastUpdate": "20240102T111213",
        "Labels": [],
    },
    "Study": {
        "ID": ID,
        "Type": "Study",
        "ParentPatient": ANOTHER,
        "MainDicomTags": {"StudyInstanceUID": "1.2.3", "StudyDate": "20240102"},
        "PatientMainDicomTags": {"PatientID": "P1", "PatientName": "ROE^RICHARD"},
        "Series": [ANOTHER],
        "IsStable": True,
        "LastUpdate": "20240102T111213",
        "Labels": [],
    },
    "Series": {
        "ID": ID,
        "Type": "Series",
        "ParentStudy": ANOTHER,
        "MainDicomTags": {"SeriesInstanceUID": "1.2.3.4", "Modality": "CT"},
        "Status": "Complete",
        "ExpectedNumberOfInstances": 1,
        "Instances": [ANOTHER],
        "IsStable": True,
        "LastUpdate": "20240102T111213",
        "Labels": [],
    },
    "Instance": {
        "ID": ID,
        "Type": "Instance",
        "ParentSeries": ANOTHER,
        "MainDicomTags": {"SOPInstanceUID": "1.2.3.4.5", "InstanceNumber": "1"},
        "FileSize": 525312,
        "FileUuid": "0192f0c1-7a3b-7c11-9f6e-2d5c8a4b9e10",
        "IndexInSeries": 1,
        "Labels": [],
    },
}
STATISTICS = {
    "CountInstances": 120,
    "DiskSize": "63037440",
    "DiskSizeMB": 60,
    "UncompressedSize": "63037440",
    "UncompressedSizeMB": 60,
}


def list_all(level: Level) -> Handler:
    folder = f"/{FOLDERS[level]}"

    async def handler(request: Request, backends: Backends) -> Response:
        since, limit = SINCE(request), LIMIT(request)
        if (since is None) != (limit is None):
            missing = "limit" if limit is None else "since"
            raise BadRequest(f'Missing "{missing}" argument for GET request against: {folder}')
        search = Search(level, since=since or 0, limit=limit or 0)
        if not EXPAND(request) and CONTENT(request) is None:
            return await json_list(backends.catalog.search_ids(search))
        return await found_objects(search, shape_of(request), backends)

    return handler


async def found_objects(search: Search, shape: Shape, backends: Backends) -> Response:
    """The objects of what a search finds, streamed when they are many."""
    names = names_of(backends)
    pages = backends.catalog.search(search, shape.wanted)
    return await json_list([resource_json(r, shape, names) for r in page] async for page in pages)


def names_of(backends: Backends) -> Names:
    """What metadata is called in this store."""
    return metadata_names(backends.settings.index.user_metadata)


def show(level: Level) -> Handler:
    async def handler(request: Request, backends: Backends) -> Response:
        shape = shape_of(request)
        resource = await backends.catalog.find(level, request.path_params["id"], shape.wanted)
        if resource is None:
            return silent(404)
        return json_answer(resource_json(resource, shape, names_of(backends)))

    return handler


def delete(level: Level) -> Handler:
    async def handler(request: Request, backends: Backends) -> Response:
        command = DeleteResource(level, request.path_params["id"])
        try:
            deleted: Deleted = await backends.ask("index", command, Deleted)
        except NotFound:
            return silent(404)
        left = deleted.remaining
        ancestor = left and {
            "ID": left.resource_id,
            "Path": path_of(left.level, left.resource_id),
            "Type": left.level,
        }
        return json_answer({"RemainingAncestor": ancestor})

    return handler


def statistics(level: Level) -> Handler:
    async def handler(request: Request, backends: Backends) -> Response:
        found = await backends.catalog.statistics(level, request.path_params["id"])
        if found is None:
            raise NotFound("Unknown resource")
        return json_answer(statistics_json(level, found))

    return handler


def list_below(level: Level, of: Level) -> Handler:
    async def handler(request: Request, backends: Backends) -> Response:
        search = Search(level, parent=(of, request.path_params["id"]))
        if not EXPAND_BELOW(request):
            return await json_list(existing(backends.catalog.search_ids(search)))
        shape, names = shape_of(request), names_of(backends)
        pages = existing(backends.catalog.search(search, shape.wanted))
        return await json_list(
            [resource_json(resource, shape, names) for resource in page] async for page in pages
        )

    return handler


async def existing(pages: AsyncIterator[list[Any]]) -> AsyncIterator[list[Any]]:
    """The pages; without any, what they belong to does not exist, since all has something below."""
    found = False
    async for page in pages:
        found = True
        yield page
    if not found:
        raise NotFound("Unknown resource")


def show_above(level: Level, of: Level) -> Handler:
    async def handler(request: Request, backends: Backends) -> Response:
        shape, identifier = shape_of(request), request.path_params["id"]
        found = await backends.catalog.above(level, of, identifier, shape.wanted)
        if found is None:
            raise NotFound("Unknown resource")
        return json_answer(resource_json(found, shape, names_of(backends)))

    return handler


def group_of(level: Level) -> Group:
    """The routes that a level shares with the others."""
    folder, name = FOLDERS[level], level.lower()
    example = EXAMPLES[level]
    title = {"Patient": "Patients", "Study": "Studies", "Series": "Series"}.get(level, "Instances")
    group = Group(title, f"Lists of {folder}, one of them, what is around it, and its deletion.")
    one = f"/{folder}/{{id}}"
    query = (EXPAND, SINCE, LIMIT, *SHOWN)
    group.add("GET", f"/{folder}", list_all(level), f"List {folder}", query=query, example=[ID])
    group.add("GET", one, show(level), f"Show a {name}", query=SHOWN, example=example)
    group.add(
        "DELETE",
        one,
        delete(level),
        f"Delete a {name} with everything below it",
        example={"RemainingAncestor": None},
        writes=True,
    )
    group.add("GET", f"{one}/statistics", statistics(level), f"What a {name} takes",
              example=STATISTICS)  # fmt: skip
    position = LEVELS.index(level)
    for other in LEVELS[position + 1 :]:
        group.add(
            "GET",
            f"{one}/{FOLDERS[other]}",
            list_below(other, level),
            f"List the {FOLDERS[other]} of a {name}",
            query=(EXPAND_BELOW, *SHOWN),
            example=[EXAMPLES[other]],
        )
    for other in LEVELS[:position]:
        group.add(
            "GET",
            f"{one}/{other.lower()}",
            show_above(other, level),
            f"Show the {other.lower()} of a {name}",
            query=SHOWN,
            example=EXAMPLES[other],
        )
    return group


GROUPS = [group_of(level) for level in LEVELS]

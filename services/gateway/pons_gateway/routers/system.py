# SPDX-License-Identifier: Apache-2.0
"""What runs here, and how much it holds."""

from fastapi import Request, Response

from pons_gateway.backends import Backends
from pons_gateway.models.system import StoreStatistics, System
from pons_gateway.operation.system_json import system_json
from pons_gateway.resources.resource_json import totals_json
from pons_gateway.responses.answers import Answer, json_answer, json_bytes, json_text, silent
from pons_gateway.routing import Router

PAGE = "explorer.js"
TRANSFERS = {
    "ID": "transfers",
    "Version": "1.6",
    "Description": "Accelerated transfers, which Orthanc has by a plugin, and this store by itself",
}


class Script(Response):
    """What the page for people loads."""

    media_type = "application/javascript"


router = Router("System", "What runs here, and how much it holds.")


@router.lean(
    "/system",
    summary="Versions and settings of the store, as Orthanc tells them",
    response_model=System,
)
async def system(request: Request) -> Response:
    """They do not change while the store runs."""
    backends: Backends = request.app.state.backends
    text = backends.constant_answers.get("/system")
    if text is None:
        text = json_bytes(system_json(backends.settings))
        backends.constant_answers["/system"] = text
    return json_text(text)


@router.lean(
    "/statistics",
    summary="Counts and sizes, at the same cost for any size of the store",
    response_model=StoreStatistics,
)
async def statistics(request: Request) -> Response:
    """Raises Unavailable while the database does not answer."""
    backends: Backends = request.app.state.backends
    return json_answer(totals_json(await backends.catalog.totals()))


@router.get(
    "/plugins",
    summary="List plugins: the page's own pseudo-plugin, and accelerated transfers",
    response_model=list[str],
)
async def plugins() -> Response:
    """Pages of other makers ask for it, and peers that want to know what this store can do."""
    return json_answer([PAGE, TRANSFERS["ID"]])


@router.get(f"/plugins/{PAGE}", summary="Extensions of the page: none", response_class=Script)
async def explorer_extensions() -> Response:
    """A script that does nothing."""
    return Answer(
        b"// No plugin extends the page\n", 200, (b"content-type", Script.media_type.encode())
    )


@router.get("/plugins/{name}", summary="Show a plugin", response_class=Response)
async def plugin(name: str) -> Response:
    """An empty 404 for all but accelerated transfers."""
    return json_answer(TRANSFERS) if name == TRANSFERS["ID"] else silent(404)

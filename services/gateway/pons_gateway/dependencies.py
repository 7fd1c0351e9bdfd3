# SPDX-License-Identifier: Apache-2.0
"""What endpoints are given: backends, and what a request says, each read in one place."""

from typing import Annotated

from fastapi import Depends, Path, Request

from pons.catalog import StoredObject
from pons.dicom.levels import Level
from pons.errors import NotFound
from pons.messages.index import Deleter
from pons_gateway.backends import Backends
from pons_gateway.resources.resource_json import LEVEL_OF


async def backends_of(request: Request) -> Backends:
    """What the application's lifespan has opened."""
    opened: Backends = request.app.state.backends
    return opened


async def user_of(request: Request) -> str:
    """The user who asks; empty where the store has no users."""
    user: str = request.scope["user"]
    return user


async def deleter_of(request: Request) -> Deleter:
    """Who deletes: a script of the store, or the user."""
    if request.scope["lua"]:
        return Deleter("script")
    return Deleter("asked", await user_of(request))


def asked_level(request: Request) -> Level:
    """The level that the path of a `LevelRouter`'s route begins with."""
    return LEVEL_OF[request.scope["route"].path.split("/")[1]]


async def level_of(request: Request) -> Level:
    """The same for FastAPI, which would ask a plain function in a thread."""
    return asked_level(request)


BackendsDep = Annotated[Backends, Depends(backends_of)]
UserDep = Annotated[str, Depends(user_of)]
DeleterDep = Annotated[Deleter, Depends(deleter_of)]
LevelDep = Annotated[Level, Depends(level_of)]
ResourceId = Annotated[str, Path(alias="id", description="Identifier, as lists give it.")]


async def resource_id(identifier: ResourceId) -> str:
    """The identifier in the path; lean routes document it by this."""
    return identifier


async def stored_object(identifier: ResourceId, backends: BackendsDep) -> StoredObject:
    """Where the file of the instance in the path lies. Raises `NotFound`."""
    stored = await backends.catalog.find_object(identifier)
    if stored is None:
        raise NotFound("Unknown resource")
    return stored


StoredDep = Annotated[StoredObject, Depends(stored_object)]

# SPDX-License-Identifier: Apache-2.0
"""What is known by name, changed only where nobody else has changed it meanwhile.

A change says in `If-Match` which revision it is of, as the ETag of what was read has it; without
one it is written whatever is there, as Orthanc's clients expect. `If-None-Match: *` says that
nothing is to be there yet.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Response

from pons.bus.bucket import Outdated
from pons.errors import BadRequest
from pons.remotes.registry import Registry
from pons_gateway.errors import WrongRevision

T = TypeVar("T")
ETAG = re.compile(r'(?:W/)?"?([0-9]{1,18})"?', re.ASCII)
"""A proxy that packs answers makes an ETag a weak one."""


async def expected_revision(
    if_match: Annotated[
        str | None, Header(description="Only where this is its ETag; `*` and nothing: in any case.")
    ] = None,
) -> int | None:
    """The revision that a change is of; None for any. Raises `BadRequest` for what is none."""
    if if_match is None or if_match.strip() == "*":
        return None
    match = ETAG.fullmatch(if_match.strip())
    if match is None:
        raise BadRequest(f"if-match is a number, as an ETag has it, not {if_match!r:.100}")
    return int(match[1])


RevisionDep = Annotated[int | None, Depends(expected_revision)]


@dataclass(frozen=True, slots=True)
class Expected:
    """What has to be there for a change to be made."""

    revision: int | None = None
    """The one that was read; None for any."""
    is_new: bool = False
    """Nothing may be called so."""


async def expected(
    revision: RevisionDep,
    if_none_match: Annotated[
        str | None, Header(description="`*`: only where nothing is called so yet.")
    ] = None,
) -> Expected:
    """What a change is of. Raises `BadRequest` for what cannot be."""
    if if_none_match is None:
        return Expected(revision)
    if if_none_match.strip() != "*" or revision is not None:
        raise BadRequest("if-none-match is *, without if-match: nothing is to be called so yet")
    return Expected(is_new=True)


ExpectedDep = Annotated[Expected, Depends(expected)]


def with_revision(answer: Response, known: Registry[Any], name: str) -> Response:
    """The answer with the ETag of what it shows."""
    answer.headers["etag"] = f'"{known.revision(name)}"'
    return answer


async def put_unchanged(known: Registry[T], name: str, one: T, expected: Expected) -> None:
    """Put it. Raises `WrongRevision` where something else is there than what is expected."""
    if not expected.is_new:
        with _telling_changes(name):
            await known.put(name, one, expected.revision)
        return
    try:
        await known.add(name, one)
    except Outdated:
        raise WrongRevision(
            f"There is one called {name!r} already", "choose another name, or change that one"
        ) from None


async def delete_unchanged(known: Registry[Any], name: str, revision: int | None) -> None:
    """Forget it. Raises `NotFound`, and `WrongRevision` where it was changed since `revision`."""
    with _telling_changes(name):
        await known.delete(name, revision)


@contextmanager
def _telling_changes(name: str) -> Iterator[None]:
    try:
        yield
    except Outdated:
        raise WrongRevision(
            f"{name!r} was changed meanwhile", "read it again, and change what is there now"
        ) from None

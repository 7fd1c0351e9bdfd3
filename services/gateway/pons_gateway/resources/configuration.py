# SPDX-License-Identifier: Apache-2.0
"""What is known by name, changed only where nobody else has changed it meanwhile.

A change says in `If-Match` which revision it is of, as the ETag of what was read has it; without
one it is written whatever is there, as Orthanc's clients expect.
"""

import re
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


def with_revision(answer: Response, known: Registry[Any], name: str) -> Response:
    """The answer with the ETag of what it shows."""
    answer.headers["etag"] = f'"{known.revision(name)}"'
    return answer


async def put_unchanged(known: Registry[T], name: str, one: T, revision: int | None) -> None:
    """Put it. Raises `WrongRevision` where somebody has changed it since `revision`."""
    try:
        await known.put(name, one, revision)
    except Outdated:
        raise WrongRevision(
            f"{name!r} was changed meanwhile", "read it again, and change what is there now"
        ) from None

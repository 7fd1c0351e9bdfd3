# SPDX-License-Identifier: Apache-2.0
"""ETags of metadata and attachments, and the headers of requests that name them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starlette.requests import Request

from pons.errors import BadRequest, Conflict
from pons.messages.index import Revision
from pons_gateway.backends import Backends
from pons_gateway.errors import WrongRevision
from pons_gateway.responses.answers import Answer

ETAG = re.compile(r"([0-9]{1,18})-(.*)", re.ASCII)


def etag(revision: Revision) -> tuple[bytes, bytes]:
    """The header that names a revision: its number and the MD5 of the content."""
    return b"etag", f'"{revision.number}-{revision.md5}"'.encode()


async def ask_revised(backends: Backends, command: Any, answer: type) -> Any:
    """What the index answers to a write that names a revision. Raises `WrongRevision`."""
    with wrong_revision():
        return await backends.ask("index", command, answer)


@contextmanager
def wrong_revision() -> Iterator[None]:
    """A conflict leaves the block as what it is here: a revision that is not the current one."""
    try:
        yield
    except Conflict as error:
        raise WrongRevision(error.message, error.details) from error


def if_match(request: Request) -> Revision | None:
    """The revision that a write expects to find. Raises `BadRequest` for anything else there."""
    return _named(request, "if-match")


def unless_known(request: Request, revision: Revision) -> Answer | None:
    """The answer to whoever has this revision already, or asks for none that could be."""
    tag = etag(revision)
    try:
        known = _named(request, "if-none-match")
    except BadRequest:
        return Answer(b"", 400, tag)
    return Answer(b"", 304, tag) if known == revision else None


def _named(request: Request, header: str) -> Revision | None:
    value = request.headers.get(header)
    if value is None:
        return None
    text = value.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    match = ETAG.fullmatch(text)
    if match is None:
        raise BadRequest(f"{header} is a number and an MD5, as an ETag has them, not {value!r}")
    return Revision(int(match[1]), match[2].lower())

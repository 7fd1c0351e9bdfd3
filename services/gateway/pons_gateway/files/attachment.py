# SPDX-License-Identifier: Apache-2.0
"""The attachment that a request is about: its number, itself, and its revision."""

from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Path, Request, Response

from pons.catalog import StoredAttachment
from pons.limits import MEGABYTE
from pons.messages.index import Revision
from pons_gateway.backends import Backends
from pons_gateway.dependencies import BackendsDep, LevelDep, ResourceId
from pons_gateway.errors import UnknownItem, known
from pons_gateway.files.revisions import etag, unless_known
from pons_gateway.responses.answers import Answered, silent

READ_FOR_TAG = 64 * MEGABYTE
"""Larger DICOM files have an ETag only for whoever names one: it takes reading them twice."""

AnyResponse = TypeVar("AnyResponse", bound=Response)


async def attachment_number(
    name: Annotated[
        str, Path(alias="attachment", description="Name of the attachment, or its number.")
    ],
    backends: BackendsDep,
) -> int:
    """The number of the attachment in the path. Raises `UnknownItem` for an unknown name."""
    number = backends.attachment_names.number(name)
    if number is None:
        raise UnknownItem(f"No attachment is called {name}")
    return number


NumberDep = Annotated[int, Depends(attachment_number)]


async def attached_numbers(
    level: LevelDep, identifier: ResourceId, backends: BackendsDep
) -> list[int]:
    """The numbers of what is attached. Raises `NotFound` for an unknown resource."""
    return known(await backends.catalog.attachments(level, identifier))


async def stored_attachment(
    level: LevelDep, identifier: ResourceId, number: NumberDep, backends: BackendsDep
) -> StoredAttachment:
    """The attachment. Answers 404 without a body where there is none."""
    stored = await backends.catalog.find_attachment(level, identifier, number)
    if stored is None:
        raise Answered(silent(404))
    return stored


StoredDep = Annotated[StoredAttachment, Depends(stored_attachment)]


@dataclass(frozen=True, slots=True)
class Asked:
    """An attachment of which something is asked, and its revision where that is told."""

    stored: StoredAttachment
    revision: Revision | None

    def tagged(self, answer: AnyResponse) -> AnyResponse:
        """The answer, with the revision as ETag."""
        if self.revision:
            answer.raw_headers.append(etag(self.revision))
        return answer


async def asked_attachment(request: Request, stored: StoredDep, backends: BackendsDep) -> Asked:
    """The attachment and its revision. Answers 304 to whoever has that already."""
    revision = await _revision(request, backends, stored)
    known = revision and unless_known(request, revision)
    if known:
        raise Answered(known)
    return Asked(stored, revision)


AskedDep = Annotated[Asked, Depends(asked_attachment)]


async def _revision(
    request: Request, backends: Backends, stored: StoredAttachment
) -> Revision | None:
    """The revision, unless telling it takes reading a large file for somebody who did not ask."""
    digests = backends.digests
    asked = "if-none-match" in request.headers
    cheap = stored.size <= READ_FOR_TAG and "range" not in request.headers
    digest = digests.known(stored)
    if digest is None and (asked or cheap):
        digest = await digests.of_content(backends.objects, stored)
    return None if digest is None else Revision(stored.revision, digest)

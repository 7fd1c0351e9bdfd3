# SPDX-License-Identifier: Apache-2.0
"""The document that an instance encapsulates (PS3.3 C.24.2)."""

from pons.errors import NotFound
from pons.objects.stored_dataset import OpenDataset
from pons_gateway.files.raw_content import Span, find_content

ENCAPSULATED_DOCUMENT, MEDIA_TYPE_OF_DOCUMENT = "00420011", "00420012"


async def find_document(dataset: OpenDataset, media_type: str) -> Span:
    """Where the document of this type lies. Raises `NotFound` where there is none."""
    kind = await find_content(dataset, MEDIA_TYPE_OF_DOCUMENT)
    found = await find_content(dataset, ENCAPSULATED_DOCUMENT)
    if isinstance(kind, list) or isinstance(found, list):
        raise NotFound("The document is no single value")
    name = await dataset.read_range(kind.start, min(kind.length, len(media_type) + 2))
    if name.strip(b" \0") != media_type.encode():
        raise NotFound(f"The document is no {media_type}")
    return found

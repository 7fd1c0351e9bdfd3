# SPDX-License-Identifier: Apache-2.0
"""Headers as Orthanc's JSON: of one instance, of all below a resource, or what these share."""

from collections.abc import AsyncIterator, Iterable
from typing import Any

from orjson import Fragment, loads

from pons.catalog import SMALL, StoredHeader
from pons.dicom.levels import Level
from pons.dicom.modules import attributes_of
from pons.dicom.orthanc_json import BINARY, Style, format_elements
from pons.errors import NotFound
from pons.header import Header
from pons.header.large_tags import plain_members, write_large
from pons_gateway.backends import Backends
from pons_gateway.datasets.whole_file import whole_header
from pons_gateway.errors import known
from pons_gateway.responses.large_text import LargeMember, Text, gather_text


async def instance_tags(
    instance_id: str, style: Style, ignored: frozenset[str], backends: Backends
) -> Text:
    """The tags of an instance up to its pixel data, as the index has them.

    Parameters
    ----------
    ignored
        Tags whose value is shown however long it is.

    Raises `NotFound`.
    """
    text = await backends.catalog.headers.read(
        instance_id, lambda found: _text(found, style, ignored, backends)
    )
    if text is None:
        raise NotFound("Unknown resource")
    return text


async def whole_tags(
    instance_id: str, style: Style, ignored: frozenset[str], backends: Backends
) -> Text:
    """All tags of an instance, read from its file."""

    def write(header: Header) -> Text:
        vr = header.pixel_data.vr if header.pixel_data else None
        pieces = write_large(header.json, style, pixel_vr=vr, ignore_length=ignored)
        return gather_text(pieces, backends.objects)

    return await whole_header(instance_id, backends, write)


async def meta_tags(instance_id: str, style: Style, backends: Backends) -> dict[str, Any]:
    """The file meta information of an instance."""
    elements = loads(known(await backends.catalog.headers.meta(instance_id)))
    shown = {tag: one for tag, one in elements.items() if one["vr"] not in BINARY}
    return format_elements(shown, style)


async def module_tags(
    level: Level,
    identifier: str,
    style: Style,
    ignored: frozenset[str],
    backends: Backends,
    module: Level | None = None,
) -> Text:
    """The tags of one module, the level's unless another is named, as the first instance of the
    resource has them."""
    attributes = attributes_of(module or level)
    text = await backends.catalog.headers.first(
        level,
        identifier,
        lambda found: gather_text(
            write_large(found.json, style, ignore_length=ignored, only=attributes),
            backends.objects,
        ),
    )
    if text is None:
        raise NotFound("Unknown resource")
    return text


async def instances_tags(
    level: Level, identifier: str, style: Style, ignored: frozenset[str], backends: Backends
) -> AsyncIterator[dict[str, Any] | LargeMember]:
    """The tags of every instance of a resource, by identifier, as they are read.

    Nothing where there is no such resource.
    """
    texts = backends.catalog.headers.pages(
        level, identifier, lambda header: _text(header, style, ignored, backends)
    )
    async for page in texts:
        small = {}
        for one, text in page:
            if isinstance(text, bytes):
                small[one] = Fragment(text)
            else:
                if small:
                    yield small
                small = {}
                yield LargeMember(one, text)
        if small:
            yield small


async def shared_tags(
    level: Level, identifier: str, style: Style, backends: Backends
) -> dict[str, Any]:
    """The tags that have the same text in every instance of a resource."""
    shared: dict[str, Any] | None = None

    def compare(found: StoredHeader) -> None:
        nonlocal shared
        texts = (one for one in _values(found, backends) if one[1]["Type"] == "String")
        if shared is not None:
            texts = (one for one in texts if shared.get(one[0]) == one[1])
        shared = dict(texts)

    async for _page in backends.catalog.headers.pages(level, identifier, compare):
        pass
    if shared is None:
        raise NotFound("Unknown resource")
    return _restyled(shared, style)


def _restyled(full: dict[str, Any], style: Style) -> dict[str, Any]:
    """Tags in full, in another format."""
    if style is Style.FULL:
        return full
    if style is Style.SHORT:
        return {tag: one["Value"] for tag, one in full.items()}
    return {one["Name"]: one["Value"] for one in full.values()}


def _text(header: StoredHeader, style: Style, ignored: frozenset[str], backends: Backends) -> Text:
    if len(header.json) <= SMALL:
        return backends.tags_text.write(
            header.json, style, pixel_vr=header.pixel_vr, ignore_length=ignored
        )
    pieces = write_large(header.json, style, pixel_vr=header.pixel_vr, ignore_length=ignored)
    return gather_text(pieces, backends.objects)


def _values(header: StoredHeader, backends: Backends) -> Iterable[tuple[str, Any]]:
    """Tag to what is shown of it in full; of a large header without its sequences."""
    if len(header.json) <= SMALL:
        full: dict[str, Any] = loads(backends.tags_text.write(header.json, Style.FULL))
        return full.items()
    return plain_members(header.json)

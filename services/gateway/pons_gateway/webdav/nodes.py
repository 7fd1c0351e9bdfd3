# SPDX-License-Identifier: Apache-2.0
"""What the share consists of: folders that list and find what is in them, and files."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from starlette.responses import Response

from pons.catalog import Entry


class Listing(Protocol):
    """The content of a folder."""

    def pages(self) -> AsyncIterator[list["Node"]]:
        """Everything in it, in pages."""

    async def find(self, name: str) -> "Node | None":
        """What has that name, without listing the folder where it is long."""


@dataclass(frozen=True, slots=True)
class Node:
    """A folder, when it has a listing; else a file."""

    name: str
    modified: datetime | None = None
    """None for folders that only group others."""
    entry: Entry | None = None
    """The resource that it stands for, and that goes when it is deleted."""
    listing: Listing | None = None
    size: int = 0
    media_type: str = ""
    read: Callable[[], Awaitable[Response]] | None = None
    """The answer to a GET of a file."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """A short listing that is known already."""

    nodes: Mapping[str, Node] = field(default_factory=dict)

    async def pages(self) -> AsyncIterator[list[Node]]:
        yield list(self.nodes.values())

    async def find(self, name: str) -> Node | None:
        return self.nodes.get(name)


def fixed(*nodes: Node) -> Fixed:
    return Fixed({node.name: node for node in nodes})

# SPDX-License-Identifier: Apache-2.0
"""What was put into `uploads` a moment ago, for clients that look whether it has arrived.

A file is stored at once and is in the folder no more; clients such as rclone and Windows ask for it
right after they sent it. This memory is a courtesy of one process: nothing depends on it.
"""

import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from pons_gateway.webdav.nodes import Node, fixed

SECONDS = 300.0
REMEMBERED = 2000
"""Paths kept at most; the oldest go first."""


@dataclass
class Dropped:
    """Files and folders by their path below `uploads`."""

    seconds: float = SECONDS
    _known: dict[str, tuple[Node, float]] = field(default_factory=dict)

    def add_file(self, path: str, size: int, media_type: str) -> None:
        self._add(path, Node(_last(path), datetime.now(UTC), size=size, media_type=media_type))

    def add_folder(self, path: str) -> None:
        self._add(path, Node(_last(path), datetime.now(UTC), listing=fixed()))

    def find(self, path: str) -> Node | None:
        """The file or folder that was put there lately."""
        node, until = self._known.get(path, (None, 0.0))
        if node is None or until < time.monotonic():
            return None
        return replace(node, listing=fixed(*self.folders(path))) if node.listing else node

    def remove(self, path: str) -> bool:
        """Forget a path and what is below; whether it was known."""
        known = self.find(path) is not None
        for other in [one for one in self._known if one == path or one.startswith(f"{path}/")]:
            del self._known[other]
        return known

    def folders(self, path: str) -> list[Node]:
        """The folders right below a path: files are stored, and listed elsewhere."""
        now = time.monotonic()
        return [
            node
            for other, (node, until) in self._known.items()
            if other.rpartition("/")[0] == path and node.listing is not None and until > now
        ]

    def _add(self, path: str, node: Node) -> None:
        self._known.pop(path, None)
        while len(self._known) >= REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[path] = (node, time.monotonic() + self.seconds)


def _last(path: str) -> str:
    return path.rpartition("/")[2]

# SPDX-License-Identifier: Apache-2.0
"""The chapters of the document."""

from pons_gateway.app import chapters
from pons_gateway.routers import ROUTERS


def test_routers_of_one_chapter() -> None:
    """A chapter is there once, however many routers it has, and each of them has its words."""
    described = {one["name"]: one["description"] for one in chapters()}
    assert len(described) == len(chapters())
    assert [one.title for one in ROUTERS].count("Tags") == 3
    assert all(described[one.title] == one.description for one in ROUTERS)

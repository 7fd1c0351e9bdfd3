# SPDX-License-Identifier: Apache-2.0
"""What is told of resources that are not here any more."""

import pytest

from pons.catalog.deletion_log import LoggedDeletion
from pons.messages.index import Deleter

from ..conftest import MOMENT, NOBODY, STUDY, FakeCatalog, Open

pytestmark = pytest.mark.anyio


class Log(FakeCatalog):
    """A study that alice has deleted."""

    @property
    def deletion_log(self) -> "Log":
        return self

    async def find(self, identifier: str) -> LoggedDeletion | None:  # type: ignore[override]
        found = LoggedDeletion("Study", MOMENT, Deleter("asked", "alice"))
        return found if identifier == STUDY else None


async def test_what_was_deleted(open_client: Open) -> None:
    """When, why and by whom; of anything else that it is not known."""
    async with open_client(catalog=Log()) as client:
        answer = await client.get(f"/explorer/api/deletions/{STUDY}")
        assert answer.json() == {
            "level": "Study",
            "at": MOMENT.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "cause": "asked",
            "by": "alice",
        }
        unknown = await client.get(f"/explorer/api/deletions/{NOBODY}")
        assert unknown.status_code == 404
        assert unknown.json()["Details"] == "The log of deletions does not have this"

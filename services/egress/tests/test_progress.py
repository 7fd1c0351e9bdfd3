# SPDX-License-Identifier: Apache-2.0
"""Where a job that sends goes on, without a server."""

import base64
from types import SimpleNamespace
from typing import Any

import pytest

from pons.errors import NotFound
from pons.jobs import JobDocument, Run
from pons.jobs.failures import order_of
from pons_egress.progress import begin

pytestmark = pytest.mark.anyio


class Emptied:
    """A catalog from which everything was deleted."""

    def __init__(self) -> None:
        self.archive: Any = self

    async def known(self, identifiers: list[str]) -> set[str]:
        return set()

    async def instances_to_send(self, resource_ids: list[str]) -> list[Any]:
        return []


def run_at(position: dict[str, Any]) -> Run:
    document = JobDocument("j", "T", "w", 0, 1.0, 1.0, state="Running", position=position)
    nowhere: Any = None
    return Run(nowhere, document, 1)


@pytest.mark.parametrize("total", [0, 3])
async def test_what_was_deleted_while_the_job_rested(total: int) -> None:
    """A job that was interrupted amid a study fails when that is gone: the rest never left."""
    bus: Any = None
    run = run_at({"done": 2, "last": "b", "total": total})
    with pytest.raises(NotFound, match="no resource 'study'"):
        await begin(run, bus, Emptied(), ["study"], "pacs")


async def test_what_was_deleted_after_it_had_left() -> None:
    """A job that has sent all, and what routing asks for, goes on to its end."""
    bus: Any = None
    run = run_at({"done": 3, "last": "c", "total": 3})
    assert (await begin(run, bus, Emptied(), ["study"], "pacs")).left == []
    run = run_at({"done": 2, "last": "b", "total": 3})
    assert (await begin(run, bus, Emptied(), ["study"], "pacs", complete=True)).left == []


class Listing(Emptied):
    """A catalog that has the instances with these identifiers."""

    def __init__(self, *ids: str) -> None:
        super().__init__()
        self.ids = ids

    async def known(self, identifiers: list[str]) -> set[str]:
        return set(identifiers)

    async def instances_to_send(self, resource_ids: list[str]) -> list[Any]:
        return [SimpleNamespace(instance_id=one) for one in self.ids]


async def test_what_has_failed_keeps_its_place() -> None:
    """A job goes on among the same instances; among others it begins anew where some failed."""
    bus: Any = None
    failures = {"order": order_of("abc"), "bits": base64.b64encode(b"\1").decode()}
    run = run_at({"done": 2, "failed": 1, "last": "b", "total": 3, "failures": failures})
    same = await begin(run, bus, Listing("a", "b", "c"), ["study"], "pacs")
    assert [one.instance_id for one in same.left] == ["c"]
    assert (same.position.failed, same.position.failures.places()) == (1, [0])
    other = await begin(run, bus, Listing("new", "a", "b", "c"), ["study"], "pacs")
    assert [one.instance_id for one in other.left] == ["new", "a", "b", "c"]
    assert (other.position.done, other.position.failed) == (0, 0)
    assert other.position.failures.places() == []

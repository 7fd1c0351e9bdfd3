# SPDX-License-Identifier: Apache-2.0
"""What scripts want done: which jobs there are, and that nothing goes before it has arrived."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from pons.bus import Bus
from pons.errors import ReadOnly, RemoteFailure
from pons.jobs import JobRequest, Jobs
from pons.jobs.peer_store import PEER_JOB_TYPE
from pons.jobs.store import JOB_TYPE, ROUTING
from pons.messages.index import DeleteResources
from pons.messages.services import Done
from pons.remotes.modalities import open_modalities
from pons.remotes.peers import open_peers
from pons.settings import Settings, StoreSettings
from pons_egress.lua.operations import Followed, Operation, Operations

pytestmark = pytest.mark.anyio

SETTINGS = Settings(
    modalities={"pacs": ["PACS", "127.0.0.1", 104]}, peers={"other": ["http://127.0.0.1:8042/"]}
)


def to_pacs(resource: str, aet: str = "") -> Operation:
    return {
        "Operation": "store-scu",
        "Resource": resource,
        "Modality": "pacs",
        "LocalAet": aet,
    }


def to_peer(resource: str) -> Operation:
    return {"Operation": "store-peer", "Resource": resource, "Peer": "other"}


def delete(resource: str) -> Operation:
    return {"Operation": "delete", "Resource": resource}


def ended(request: JobRequest, **content: int) -> Any:
    """A run whose handler has done its work."""
    return SimpleNamespace(id="1", request=request, document=SimpleNamespace(content=content))


class Deleted(list[str]):
    """What the index was told to delete."""

    async def __call__(self, command: DeleteResources) -> Done:
        self.extend(one.resource_id for one in command.resources)
        return Done()


@asynccontextmanager
async def opened(
    bus: Bus, settings: Settings = SETTINGS, held: dict[str, list[str]] | None = None
) -> AsyncIterator[tuple[Operations, Jobs, Deleted]]:
    """`held` are the instances of resources; of others it is the one of the same name."""
    deleted, jobs = Deleted(), Jobs(bus, settings.jobs)

    async def instances(resource: str) -> list[str]:
        return list((held or {}).get(resource, [resource]))

    async with open_modalities(bus, settings) as modalities, open_peers(bus, settings) as peers:
        operations = Operations(jobs, modalities, peers, settings, deleted, instances)
        yield operations, jobs, deleted


async def submitted(jobs: Jobs) -> list[Any]:
    """The requests of all jobs, as they were asked for."""
    found = list(await jobs.list())
    return [job.request for job in sorted(found, key=lambda job: job.document.created)]


async def test_what_deletes_nothing_is_done_at_once(bus: Bus) -> None:
    """Each destination has a job of its own: one that is down holds up no other."""
    async with opened(bus) as (operations, jobs, deleted):
        await operations.perform([to_pacs("a"), to_peer("a"), to_pacs("b", "HELLO")])
        requests = await submitted(jobs)
    assert deleted == []
    assert [one.job_type for one in requests] == [JOB_TYPE, PEER_JOB_TYPE, JOB_TYPE]
    assert {one.worker for one in requests} == {ROUTING}
    assert all(one.retry for one in requests)
    assert [one.arguments["resources"] for one in requests] == [["a"], ["a"], ["b"]]
    assert [one.arguments["then"] for one in requests] == [[], [], []]
    assert requests[2].content["LocalAet"] == "HELLO"


async def test_what_is_deleted_waits_for_what_is_sent_before(bus: Bus) -> None:
    """One job carries what is left; it is done when that job has succeeded, and not before."""
    async with opened(bus) as (operations, jobs, deleted):
        await operations.perform([delete("x"), to_pacs("a"), to_peer("a"), delete("a")])
        (request,) = await submitted(jobs)
        assert deleted == ["x"]
        left, last = request.arguments["then"]
        assert (left, last | delete("a")) == (to_peer("a"), last)

        async def fails(_run: Any) -> None:
            raise RemoteFailure("it is down")

        async def succeeds(_run: Any) -> None:
            assert deleted == ["x"]

        run = ended(request)
        with pytest.raises(RemoteFailure):
            await Followed(fails, operations)(run)
        assert len(await submitted(jobs)) == 1
        await Followed(succeeds, operations)(run)
        _, second = await submitted(jobs)
        assert second.job_type == PEER_JOB_TYPE
        await Followed(succeeds, operations)(ended(second))
        assert deleted == ["x", "a"]


async def test_what_was_held_back_is_not_deleted(bus: Bus) -> None:
    """Where a filter let not everything go, the rest is sent, and nothing is deleted."""
    async with opened(bus) as (operations, jobs, deleted):
        await operations.perform([to_pacs("a"), to_peer("a"), delete("a")])
        (request,) = await submitted(jobs)

        async def succeeds(_run: Any) -> None:
            pass

        await Followed(succeeds, operations)(ended(request, FilteredInstancesCount=1))
        _, second = await submitted(jobs)
        assert (second.job_type, second.arguments["then"]) == (PEER_JOB_TYPE, [])
        assert deleted == []


@pytest.mark.parametrize(
    ("now", "gone"),
    [(["1", "2"], ["1", "2"]), (["2", "1"], ["2", "1"]), (["1", "2", "3"], []), (["1"], [])],
)
async def test_what_came_since_is_not_deleted(bus: Bus, now: list[str], gone: list[str]) -> None:
    """A study is deleted instance by instance, and only as it was when it was to be sent: what
    comes while a job is tried again has not been sent."""
    held = {"study": ["1", "2"]}
    async with opened(bus, held=held) as (operations, jobs, deleted):
        await operations.perform([to_pacs("study"), to_peer("study"), delete("study")])

        async def succeeds(_run: Any) -> None:
            held["study"] = now

        for number in range(2):
            request = (await submitted(jobs))[number]
            await Followed(succeeds, operations)(ended(request))  # type: ignore[arg-type]
        assert deleted == gone
    assert len(request.arguments["then"]) == 1


async def test_a_job_without_anything_to_follow(bus: Bus) -> None:
    """Jobs that people ask for end as they always have."""
    done: list[Any] = []

    async def handler(run: Any) -> None:
        done.append(run)

    async with opened(bus) as (operations, jobs, deleted):
        await Followed(handler, operations)(ended(JobRequest("Test", "testing")))
        assert await submitted(jobs) == []
    assert len(done) == 1
    assert deleted == []


async def test_an_unknown_modality(bus: Bus) -> None:
    """It makes a job that fails, and so a dead letter, instead of being forgotten."""
    async with opened(bus) as (operations, jobs, _):
        await operations.perform([{**to_pacs("a"), "Modality": "nobody"}])
        (request,) = await submitted(jobs)
    assert request.destination == "modality:nobody"


async def test_a_store_that_changes_nothing(bus: Bus) -> None:
    """Scripts delete nothing that nobody may delete."""
    settings = SETTINGS.model_copy(update={"store": StoreSettings(read_only=True)})
    async with opened(bus, settings) as (operations, _, deleted):
        with pytest.raises(ReadOnly):
            await operations.perform([delete("a")])
    assert deleted == []

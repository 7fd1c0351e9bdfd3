# SPDX-License-Identifier: Apache-2.0
"""What functions of scripts want done: resources sent by jobs, and deleted once they are sent."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import structlog

from pons.errors import NotFound, ReadOnly
from pons.jobs import (
    Handler,
    Jobs,
    PeerStoreRequest,
    Run,
    StoreRequest,
    submit_peer_store,
    submit_store,
)
from pons.jobs.document import FILTERED
from pons.lua.functions import OUTGOING_C_STORE
from pons.messages.index import DELETED_AT_ONCE, Deleter, DeleteResources, ResourceName
from pons.messages.services import Done
from pons.remotes.modalities import Modalities
from pons.remotes.peers import OtherStore
from pons.remotes.registry import Registry
from pons.settings import Settings

log = structlog.get_logger()

A_SCRIPT = Deleter("script")
RULE = "Lua"
"""What the content of such jobs names as the rule that asks for them."""
AS_IT_WAS = "Instances"
"""Of a deletion: a digest of the instances that it is about."""
Operation = dict[str, str]
Delete = Callable[[DeleteResources], Awaitable[Done]]
List = Callable[[str], Awaitable[list[str]]]
"""The instances of a resource, of whatever level; none of an unknown one."""


class Operations:
    """Does it. Nothing is deleted that was to be sent before, and has not arrived whole.

    Operations of a function of which none deletes are independent of each other. Otherwise they
    are done in their order, each after the one before has succeeded: a job carries what is left.
    A resource that is deleted after a job is deleted as it was when that was asked for: where
    instances came or went since, all of it stays.
    """

    def __init__(
        self,
        jobs: Jobs,
        modalities: Modalities,
        peers: Registry[OtherStore],
        settings: Settings,
        delete: Delete,
        instances: List,
    ) -> None:
        self._jobs = jobs
        self._modalities = modalities
        self._peers = peers
        self._settings = settings
        self._delete = delete
        self._instances = instances

    async def perform(self, operations: Sequence[Operation]) -> None:
        """Submit the jobs, and delete. Raises `Unavailable`, and `ReadOnly` for a deletion."""
        if all(one["Operation"] != "delete" for one in operations):
            for one in operations:
                await self._send(one, [])
            return
        for number, one in enumerate(operations):
            if one["Operation"] != "delete":
                await self._send(one, [await self._held(two) for two in operations[number + 1 :]])
                return
            await self._remove(one)

    async def _send(self, operation: Operation, then: list[Operation]) -> None:
        resources = [operation["Resource"]]
        if operation["Operation"] == "store-peer":
            await self._send_to_peer(operation["Peer"], resources, then)
            return
        name = operation["Modality"]
        try:
            modality = await self._modalities.read(name)
        except NotFound:
            modality = None  # the job fails, and is a dead letter that tells it
        request = StoreRequest(
            modality=name,
            resources=resources,
            local_aet=operation["LocalAet"],
            synchronous=False,
            rules=[RULE],
            then=then,
        )
        await submit_store(self._jobs, request, modality, self._settings.dicom.aet)

    async def _send_to_peer(self, name: str, resources: list[str], then: list[Operation]) -> None:
        try:
            peer = await self._peers.read(name)
        except NotFound:
            peer = None
        request = PeerStoreRequest(
            peer=name, resources=resources, synchronous=False, rules=[RULE], then=then
        )
        await submit_peer_store(self._jobs, request, peer)

    async def _held(self, operation: Operation) -> Operation:
        """A deletion with what the resource consists of now; others, and older ones, as they are.

        The job lists what it sends later. So what is there then and was there now has been sent.
        """
        if operation["Operation"] != "delete" or AS_IT_WAS in operation:
            return operation
        return {**operation, AS_IT_WAS: _digest(await self._instances(operation["Resource"]))}

    async def _remove(self, operation: Operation) -> None:
        if self._settings.store.read_only:
            raise ReadOnly
        resource_id = operation["Resource"]
        names = [resource_id]
        if AS_IT_WAS in operation:
            names = await self._instances(resource_id)
            if names and _digest(names) != operation[AS_IT_WAS]:
                log.warning(
                    "lua deletes nothing",
                    resource=resource_id,
                    reason="instances came or went since it was to be sent",
                )
                return
        for start in range(0, len(names), DELETED_AT_ONCE):
            some = [ResourceName(one) for one in names[start : start + DELETED_AT_ONCE]]
            await self._delete(DeleteResources(some, by=A_SCRIPT))
        log.info("resource deleted for lua", resource=resource_id)


def _digest(instances: Sequence[str]) -> str:
    return hashlib.sha256(" ".join(sorted(instances)).encode()).hexdigest()


class Followed:
    """Handler of a job that sends: what is to follow is done when all has arrived.

    Where scripts held instances back, nothing is deleted.
    """

    def __init__(self, handler: Handler, operations: Operations) -> None:
        self._handler = handler
        self._operations = operations

    async def __call__(self, run: Run) -> None:
        await self._handler(run)
        told: Any = run.request.arguments.get("then")
        then = msgspec.convert(told or [], list[Operation])
        if held_back := run.document.content.get(FILTERED):
            log.warning(
                "lua deletes nothing",
                job=run.id,
                reason=f"{OUTGOING_C_STORE} held {held_back} instances back",
            )
            then = [one for one in then if one["Operation"] != "delete"]
        if then:
            await self._operations.perform(then)

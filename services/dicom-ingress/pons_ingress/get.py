# SPDX-License-Identifier: Apache-2.0
"""C-GET: sends instances on the association on which they are asked for (PS3.4 C.4.3)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import TypeVar

import structlog

from pons.catalog import InstanceToSend
from pons.dicom.network.dimse import (
    AFFECTED_SOP_CLASS_UID,
    AFFECTED_SOP_INSTANCE_UID,
    C_STORE_RQ,
    COMMAND_FIELD,
    PRIORITY,
    Command,
    Response,
)
from pons.dicom.network.messages import Context, Dataset
from pons.dicom.network.pdu import AbortReason, AbortSource, ProtocolError
from pons.errors import DamagedObject, InvalidInstance, NotFound, PonsError, log_text
from pons.objects import Objects
from pons.objects.damage import notice
from pons.sending.contexts import Way, choose, refusal
from pons.sending.convert import Decompress, open_converted
from pons.sending.dataset import prepared
from pons.sending.source import Source
from pons_ingress.admission import Peer
from pons_ingress.conversation import Conversation
from pons_ingress.identifier import ReceivedIdentifier
from pons_ingress.move import TELL_SECONDS, Catalog
from pons_ingress.retrieve_query import read_wanted
from pons_ingress.retrieving import answer_retrieval
from pons_ingress.status import STORE_WARNINGS, SUCCESS
from pons_ingress.sub_operations import SubOperations

log = structlog.get_logger()
T = TypeVar("T")


class Get:
    """Answers C-GET requests: one instance after the other, as it is stored where the peer takes
    that, else uncompressed. One piece of one instance is in memory."""

    def __init__(
        self,
        catalog: Catalog,
        objects: Objects,
        default_charset: Callable[[], str],
        decompress: Decompress | None = None,
        tell_seconds: float = TELL_SECONDS,
    ) -> None:
        """`decompress` gives pixels to those who take no compressed ones; meanwhile they hear how
        far it is every `tell_seconds`."""
        self._catalog = catalog
        self._objects = objects
        self._source = Source(objects, catalog)
        self._default_charset = default_charset
        self._decompress = decompress
        self._tell_seconds = tell_seconds

    def open_dataset(self, peer: Peer, context: Context, command: Command) -> Dataset:
        return ReceivedIdentifier()

    async def answer(self, conversation: Conversation) -> None:
        await answer_retrieval(conversation, "get", partial(self._get, conversation))

    async def _get(self, conversation: Conversation, sent: SubOperations) -> Response:
        """Send what is asked for; gives the final response."""
        wanted = read_wanted(conversation, self._default_charset(), level_needed=True)
        await conversation.unseen.settle()
        resources = await wanted.find(self._catalog)
        instances = await self._catalog.archive.instances_to_send(resources)
        sent.total = len(instances)
        sent.lack(wanted.level, wanted.lacking(instances))
        ways = _ways(conversation)
        comment = ""
        for instance in instances:
            if conversation.cancelled:
                return sent.final(cancelled=True)
            try:
                await self._send(conversation, ways, instance, sent)
            except (InvalidInstance, NotFound, DamagedObject) as error:
                notice(error)
                log.warning("instance not sent", error=log_text(error))
                sent.fail(instance.sop_instance_uid)
                comment = comment or error.message
            await conversation.respond(sent.pending())
        return sent.final(cancelled=conversation.cancelled, comment=comment)

    async def _send(
        self,
        conversation: Conversation,
        ways: Mapping[Way, Context],
        instance: InstanceToSend,
        sent: SubOperations,
    ) -> None:
        """Send an instance, and count what became of it; nothing, if the peer wants it no longer.

        Raises what keeps it from being sent, before the peer has heard of it.
        """
        way = choose(ways, instance)
        if way is None:
            raise InvalidInstance(f"The peer {refusal(ways, instance)}")
        dataset = await self._source.open(instance, lambda one: prepared(one, self._objects))
        async with AsyncExitStack() as stack:
            if dataset.is_as(way[1]):
                pieces = dataset.pieces()
            else:
                opening = open_converted(self._objects, dataset.instance, way[1], self._decompress)
                entering = stack.enter_async_context(opening)
                opened = await self._meanwhile(entering, conversation, sent)
                if opened is None:
                    return
                pieces = opened
            first = await anext(pieces)
            command: dict[int, int | str] = {
                AFFECTED_SOP_CLASS_UID: instance.sop_class_uid,
                COMMAND_FIELD: C_STORE_RQ,
                PRIORITY: 0,
                AFFECTED_SOP_INSTANCE_UID: instance.sop_instance_uid,
            }
            response = await conversation.request(ways[way], command, _all(first, pieces))
        if response.status == SUCCESS:
            sent.completed += 1
        elif response.status in STORE_WARNINGS:
            sent.warning += 1
        else:
            sent.fail(instance.sop_instance_uid)

    async def _meanwhile(
        self, work: Awaitable[T], conversation: Conversation, sent: SubOperations
    ) -> T | None:
        """What `work` gives; the peer hears again how far it is while that takes long.

        Frames that are decompressed may take minutes, for which few peers wait in silence. None
        where the peer has cancelled, or is gone: nobody decodes for it any longer.
        """
        working = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait((working,), timeout=self._tell_seconds))[0]:
                if conversation.cancelled:
                    return None
                await conversation.respond(sent.pending())
        finally:
            working.cancel()
            await asyncio.wait((working,))
        return working.result()


def _ways(conversation: Conversation) -> dict[Way, Context]:
    """In which SOP classes and transfer syntaxes the peer takes instances."""
    agreement = conversation.agreement
    return {
        (context.abstract_syntax, context.transfer_syntax): context
        for context in agreement.contexts.values()
        if context.abstract_syntax in agreement.scp_of
    }


async def _all(first: bytes, others: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces of a data set. What goes wrong between them cannot be taken back: the peer has a
    part of the instance, and only an abort tells it that the rest does not come."""
    yield first
    try:
        async for piece in others:
            yield piece
    except PonsError as error:
        raise ProtocolError(
            f"An instance cannot be read to its end: {error.message}",
            AbortReason.NOT_SPECIFIED,
            AbortSource.USER,
        ) from error

# SPDX-License-Identifier: Apache-2.0
"""Writes asked of another service: NATS request and reply, any replica answers.

A command is a `msgspec.Struct`; its class name is part of the subject. An error of the family
crosses as its name, and is raised again on the asking side.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import nats.errors
import structlog
from nats.aio.msg import Msg

from pons.bus import Bus
from pons.errors import FAMILY, PonsError, Unavailable, log_text
from pons.events import Level
from pons.health import Health
from pons.modalities import Modality

log = structlog.get_logger()
T = TypeVar("T")
Handler = Callable[[Any], Awaitable[Any]]

ANSWER_TIMEOUT = 30.0
CONCURRENT = 16
"""Commands of one type that a replica works on at once, so that a slow one holds up no other."""


class DeleteResource(msgspec.Struct, frozen=True):
    """To index: delete a resource, its descendants and the ancestors that it leaves empty."""

    level: Level
    resource_id: str


class Ancestor(msgspec.Struct, frozen=True):
    level: Level
    resource_id: str


class Deleted(msgspec.Struct, frozen=True):
    """Answer to `DeleteResource`: the nearest ancestor that is still there, if any."""

    remaining: Ancestor | None


class ResourceName(msgspec.Struct, frozen=True):
    """A resource by its identifier; of any level where that is left open."""

    resource_id: str
    level: Level | None = None


class DeleteResources(msgspec.Struct, frozen=True):
    """To index: delete resources as `DeleteResource` does, all or none; unknown ones are passed
    over. At most `DELETED_AT_ONCE`."""

    resources: list[ResourceName]


DELETED_AT_ONCE = 5000
"""Names that fit in one message."""


class ProtectPatient(msgspec.Struct, frozen=True):
    """To index: keep a patient from being recycled, or put it at the end of that queue."""

    resource_id: str
    protected: bool


class Reconstruct(msgspec.Struct, frozen=True):
    """To index: read files again and rebuild headers and main tags from them, for some instances
    of a resource, or of the whole store where `level` is left open. May be repeated."""

    level: Level | None = None
    resource_id: str = ""
    after: int = 0
    """Where to go on: `next` of the answer before."""
    rewrite: bool = False
    """Also compress or decompress objects as `storage.compression` says now."""
    level_only: bool = False
    """Only the main tags of the resource itself, from its newest instance."""


class Reconstructed(msgspec.Struct, frozen=True):
    """Answer to `Reconstruct`."""

    instances: int
    """How many were rebuilt; files that are damaged or gone are passed over."""
    next: int | None
    """What to ask with for those that are left; None at the end."""


class Revision(msgspec.Struct, frozen=True):
    """A state of a metadata or of an attachment, as an ETag names it."""

    number: int
    md5: str
    """Of the content, in hexadecimal."""


class Written(msgspec.Struct, frozen=True):
    """Answer to `PutMetadata` and `PutAttachment`."""

    revision: int


class PutMetadata(msgspec.Struct, frozen=True):
    """To index: set a metadata of a resource.

    With `index.check_revisions` it raises `Conflict` where one is there that is not `expected`.
    """

    level: Level
    resource_id: str
    number: int
    value: bytes
    expected: Revision | None = None


class DeleteMetadata(msgspec.Struct, frozen=True):
    """To index: remove a metadata; raises as `PutMetadata` does, and `NotFound`."""

    level: Level
    resource_id: str
    number: int
    expected: Revision | None = None


class PutLabel(msgspec.Struct, frozen=True):
    """To index: add a label to a resource, if it is not there yet."""

    level: Level
    resource_id: str
    label: str


class DeleteLabel(msgspec.Struct, frozen=True):
    """To index: remove a label from a resource, if it is there."""

    level: Level
    resource_id: str
    label: str


class PutAttachment(msgspec.Struct, frozen=True):
    """To index: the object becomes an attachment of a resource; raises as `PutMetadata` does."""

    level: Level
    resource_id: str
    number: int
    object_key: UUID
    size: int
    stored_size: int
    compression: str
    md5: str
    stored_md5: str
    expected: Revision | None = None


class DeleteAttachment(msgspec.Struct, frozen=True):
    """To index: remove an attachment of a client; raises as `DeleteMetadata` does."""

    level: Level
    resource_id: str
    number: int
    expected: Revision | None = None


class RestoreObject(msgspec.Struct, frozen=True):
    """To index: an attachment, or the DICOM file (1), lies in another object with the same content.

    Raises `Conflict` when it lies no more in `former_key`.
    """

    level: Level
    resource_id: str
    number: int
    former_key: UUID
    object_key: UUID
    stored_size: int
    compression: str
    stored_md5: str


class ClearChanges(msgspec.Struct, frozen=True):
    """To index: empty the change log; its numbers go on."""


class ClearExports(msgspec.Struct, frozen=True):
    """To index: empty the exports log."""


class Export(msgspec.Struct, frozen=True):
    """A resource that was sent, for the exports log."""

    level: Level
    resource_id: str
    patient_id: str
    study_uid: str
    series_uid: str
    sop_instance_uid: str
    """Of one of its instances, as the UIDs above; below its own level they say nothing."""


class LogExports(msgspec.Struct, frozen=True):
    """To index: keep what job `job_id` sent to `modality`. Repeating it adds nothing."""

    job_id: str
    modality: str
    exports: list[Export]


class CollectNow(msgspec.Struct, frozen=True):
    """To index: one full round of the collector now, over every object of the store."""


class Collected(msgspec.Struct, frozen=True):
    """Answer to `CollectNow`."""

    deleted: int
    """Objects deleted in this round, orphans among them."""
    orphans: int
    """Objects found that nothing refers to, older than `storage.orphan_grace`."""
    waiting: int
    """Objects that are still to be deleted."""
    swept: bool
    """False when orphans could not be looked for: announcements are still on their way."""


class RetryDeadLetters(msgspec.Struct, frozen=True):
    """To index: announce dead letters again, the way in; some of them at a time. May be repeated.

    Raises `NotFound` when none of `letters` is there.
    """

    letters: list[int] | None = None
    """Their numbers; None: all that nobody has dismissed."""
    after: int = 0
    """Where to go on: `next` of the answer before."""


class Retried(msgspec.Struct, frozen=True):
    """Answer to `RetryDeadLetters`."""

    indexed: list[int]
    """Those that are dealt with: what they announced is in the index, or is about to be."""
    failed: dict[int, str]
    """Those that are still dead letters, with the reason."""
    next: int | None
    """What to ask with for those that are left; None at the end."""


class DismissDeadLetter(msgspec.Struct, frozen=True):
    """To index: a dead letter is not to be counted any more; it and its object stay.

    Raises `NotFound`.
    """

    letter: int


class ReportHealth(msgspec.Struct, frozen=True):
    """To any service that answers commands: are you well?"""


class HealthReport(msgspec.Struct, frozen=True):
    """Answer to `ReportHealth`, of one replica."""

    failures: dict[str, str]
    """Why it is not ready, by name; empty when it is."""
    warnings: dict[str, str]


class EchoModality(msgspec.Struct, frozen=True):
    """To egress: C-ECHO to a configured modality, or to one that is described here."""

    modality: str
    timeout: float | None = None
    described: Modality | None = None


class ListSopClasses(msgspec.Struct, frozen=True):
    """To dicom-ingress: which SOP classes may be stored, unknown ones aside?"""


class SopClasses(msgspec.Struct, frozen=True):
    """Answer to `ListSopClasses`: UIDs, sorted."""

    uids: list[str]


class Ping(msgspec.Struct, frozen=True):
    """To any service: are you there? Answered by every service that answers commands at all."""


class Done(msgspec.Struct, frozen=True):
    """Answer to a command that has nothing else to say."""


_NIL = msgspec.Raw(msgspec.msgpack.encode(None))


class _Reply(msgspec.Struct, frozen=True):
    result: msgspec.Raw = _NIL
    error: str = ""
    message: str = ""
    details: str = ""


async def ask(
    bus: Bus,
    service: str,
    command: msgspec.Struct,
    answer: type[T],
    within: float = ANSWER_TIMEOUT,
) -> T:
    """What `service` answers to `command`, in `within` seconds.

    Raises the error that the service raised, or `Unavailable` when none of its replicas answers;
    then the command may or may not have been carried out.
    """
    bus.require_connection()
    subject = bus.names.command(service, type(command).__name__)
    try:
        message = await bus.client.request(subject, msgspec.msgpack.encode(command), timeout=within)
    except nats.errors.NoRespondersError:
        raise Unavailable(f"The {service} service is not running", "try again shortly") from None
    except (nats.errors.Error, TimeoutError) as error:
        raise Unavailable(f"The {service} service does not answer") from error
    reply = msgspec.msgpack.decode(message.data, type=_Reply)
    if reply.error:
        raise FAMILY.get(reply.error, PonsError)(reply.message, reply.details)
    return msgspec.msgpack.decode(reply.result, type=answer)


async def answer_commands(
    bus: Bus,
    service: str,
    handlers: dict[type[msgspec.Struct], Handler],
    health: Health | None = None,
) -> None:
    """Answer each command type with its handler, and `Ping`; one replica per command.

    With `health` also `ReportHealth`.
    """
    answered: dict[type[msgspec.Struct], Handler] = {Ping: _pong, **handlers}
    if health is not None:
        own = health

        async def report(_command: ReportHealth) -> HealthReport:
            return HealthReport(await own.failures(), own.told())

        answered[ReportHealth] = report
    for command, handler in answered.items():
        await bus.subscribe(
            bus.names.command(service, command.__name__),
            _answering(command, handler),
            queue=service,
            concurrent=CONCURRENT,
        )


async def _pong(_ping: Ping) -> Done:
    return Done()


def _name(error: PonsError) -> str:
    """The name of the nearest one of the family: whoever asks knows those alone."""
    return next(
        (cls.__name__ for cls in type(error).__mro__ if cls.__name__ in FAMILY), "PonsError"
    )


def _answering(command: type[msgspec.Struct], handler: Handler) -> Callable[[Msg], Awaitable[None]]:
    async def answer(message: Msg) -> None:
        reply = await _reply(message.data)
        try:
            await message.respond(msgspec.msgpack.encode(reply))
        except nats.errors.Error as error:
            # Whoever asked hears nothing, as when this replica had died after the command.
            log.warning("answer not sent", command=command.__name__, error=repr(error))

    async def _reply(payload: bytes) -> _Reply:
        try:
            result = await handler(msgspec.msgpack.decode(payload, type=command))
            return _Reply(result=msgspec.Raw(msgspec.msgpack.encode(result)))
        except PonsError as error:
            if error.__cause__ is not None:
                log.warning("command refused", command=command.__name__, error=log_text(error))
            return _Reply(error=_name(error), message=error.message, details=error.details)
        except Exception:  # the edge: anything else is a bug, told as such to whoever asked
            log.exception("command failed", command=command.__name__)
            return _Reply(error="PonsError", message="Internal error", details="see the log")

    return answer

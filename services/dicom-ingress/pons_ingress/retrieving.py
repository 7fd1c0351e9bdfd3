# SPDX-License-Identifier: Apache-2.0
"""What C-MOVE and C-GET do around their sub-operations: counts, logs, the final response."""

from collections.abc import Awaitable, Callable
from time import perf_counter

import structlog

from pons.dicom.network.dimse import Response
from pons.errors import PonsError
from pons_ingress import metrics
from pons_ingress.conversation import Conversation
from pons_ingress.status import CANCELLED, SUCCESS, retrieve_status
from pons_ingress.sub_operations import SubOperations

PAST = {"get": "sent", "move": "moved"}
log = structlog.get_logger()


async def answer_retrieval(
    conversation: Conversation,
    method: str,
    retrieve: Callable[[SubOperations], Awaitable[Response]],
    status_of: Callable[[PonsError], int] = retrieve_status,
    **more: str,
) -> None:
    """Give the final response: that of `retrieve`, which counts as it goes on."""
    started, done = perf_counter(), SubOperations(0)
    try:
        response = await retrieve(done)
    except PonsError as error:
        response = done.broken_off(status_of(error), error.message)
    status = f"{response.status:04X}"
    seconds = perf_counter() - started
    metrics.RETRIEVALS.labels(method, status).inc()
    metrics.RETRIEVE_SECONDS.labels(method).observe(seconds)
    facts = {
        **more,
        "completed": done.completed + done.warning,
        "failed": done.failed,
        "status": status,
        "source": conversation.peer.calling_aet,
        "remote_ip": conversation.peer.remote_ip,
        "ms": round(seconds * 1000, 1),
    }
    if response.status in (SUCCESS, CANCELLED):
        log.info(f"instances {PAST[method]}", **facts)
    else:
        log.warning(f"instances not {PAST[method]}", reason=response.comment, **facts)
    failures = done.failures(conversation.message.context.transfer_syntax)
    await conversation.respond(response, failures)

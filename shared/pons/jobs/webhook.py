# SPDX-License-Identifier: Apache-2.0
"""`Webhook`, the job that tells a webhook of changes: its request, and asking it."""

import msgspec

from pons.dicom.levels import Level
from pons.jobs.board import Jobs
from pons.jobs.document import JobRequest
from pons.jobs.store import ROUTING

JOB_TYPE = "Webhook"


class ToldChange(msgspec.Struct, frozen=True):
    """A change, and the rule that wants the webhook to hear of it."""

    rule: str
    seq: int
    change_type: str
    level: Level
    resource_id: str
    date: float
    """Seconds since the epoch."""
    trace: str = ""
    """The span that it was published in (W3C traceparent), where a trace is told."""


class WebhookRequest(msgspec.Struct, frozen=True):
    webhook: str
    changes: list[ToldChange]


async def submit_webhook(jobs: Jobs, request: WebhookRequest) -> str:
    """Have egress tell a webhook; gives the id of the job."""
    content = {
        "Description": "Routing",
        "Webhook": request.webhook,
        "Rules": sorted({change.rule for change in request.changes}),
        "ChangesCount": len(request.changes),
        "FailedChangesCount": 0,
    }
    return await jobs.submit(
        JobRequest(
            job_type=JOB_TYPE,
            worker=ROUTING,
            arguments=msgspec.to_builtins(request),
            content=content,
            destination=f"webhook:{request.webhook}",
            retry=True,
        )
    )

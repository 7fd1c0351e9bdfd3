# SPDX-License-Identifier: Apache-2.0
"""What egress is asked: whether a modality is there, and to send it resources."""

from pons.bus.requests import ANSWER_TIMEOUT
from pons.errors import NotFound
from pons.jobs import Job, StoreRequest, failure_of, submit_store
from pons.messages.egress import EchoModality
from pons.messages.modality import Modality
from pons.messages.services import Done
from pons_gateway.backends import Backends

LONGEST_JOB = 7 * 24 * 3600.0
"""Seconds that a synchronous caller may wait for its job."""


async def send_echo(
    backends: Backends, modality: str, seconds: float, described: Modality | None = None
) -> None:
    """C-ECHO to a known modality, or to one that is `described`; 0 seconds: as it is configured.

    Raises `RemoteFailure` with the reason when it does not answer.
    """
    command = EchoModality(modality, seconds or None, described)
    await backends.ask("egress", command, Done, within=ANSWER_TIMEOUT + seconds)


async def submit_resources(backends: Backends, asked: StoreRequest, modality: Modality) -> str:
    """Have resources sent; gives the id of the job. Raises `NotFound` for one that is not here."""
    known = await backends.catalog.known(asked.resources)
    for identifier in asked.resources:
        if identifier not in known:
            raise NotFound(f"There is no resource {identifier}")
    return await submit_store(backends.jobs, asked, modality, backends.settings.dicom.aet)


async def ended(backends: Backends, job_id: str) -> Job:
    """The job when it has succeeded; raises what it failed with."""
    job = await backends.jobs.wait_for(job_id, LONGEST_JOB)
    if job.document.state == "Failure":
        raise failure_of(job)
    return job

# SPDX-License-Identifier: Apache-2.0
"""What tests want to know of a job."""

from pons.jobs import Job, Jobs
from pons_testing.waiting import until


def outcome(job: Job) -> tuple[str, int, int, int]:
    """State, error code, instances and failed instances of a job that sends."""
    content = job.content
    return (
        job.document.state,
        job.document.error_code,
        content["InstancesCount"],
        content["FailedInstancesCount"],
    )


async def until_state(jobs: Jobs, job_id: str, state: str) -> Job:
    """Wait until a job is in `state`; gives the job."""

    async def reached() -> bool:
        return (await jobs.get(job_id)).document.state == state

    await until(reached)
    return await jobs.get(job_id)

# SPDX-License-Identifier: Apache-2.0
"""Jobs that ask for retries and failed for good: a list for each destination, with the cause."""

from contextlib import suppress

from pons.errors import NotFound
from pons.jobs.board import Jobs, read_documents
from pons.jobs.document import Job, JobDocument
from pons.jobs.transitions import revived


class DeadLetters:
    """Stateless, as `Jobs` is: a dead letter is the document of a job."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    async def listed(self, destination: str = "") -> list[JobDocument]:
        """Those of one destination, or of all; the one that failed first comes first."""
        letters = [
            document
            for document, _ in await read_documents(self._jobs.bus)
            if document.dead_letter and destination in ("", document.destination)
        ]
        return sorted(letters, key=lambda letter: (letter.completed or 0.0, letter.id))

    async def find(self, job_id: str) -> Job:
        """One of them, with what was asked; raises `NotFound`."""
        job = await self._jobs.get(job_id)
        if not job.document.dead_letter:
            raise _unknown(job_id)
        return job

    async def retry(self, job_id: str) -> None:
        """Go on with it where it stopped, with all its tries before it; raises `NotFound`."""
        await self._jobs.change(job_id, revived)

    async def retry_all(self, destination: str = "") -> list[str]:
        """Go on with those of one destination, or with all; gives the ids of the jobs."""
        retried = []
        for letter in await self.listed(destination):
            with suppress(NotFound):  # somebody else retried or deleted it
                await self.retry(letter.id)
                retried.append(letter.id)
        return retried

    async def delete(self, job_id: str) -> None:
        """Forget it: what it was to send is not sent. Raises `NotFound`."""
        document, _ = await self._jobs.read(job_id)
        if not document.dead_letter:
            raise _unknown(job_id)
        await self._jobs.delete(job_id)


def _unknown(job_id: str) -> NotFound:
    return NotFound(f"There is no dead letter {job_id!r}")

# SPDX-License-Identifier: Apache-2.0
"""Asynchronous work: submitted by any service, done by workers, shown as Orthanc shows its jobs.

How a job finds its worker, and why so
--------------------------------------
A job is two keys of the bucket `<store>-jobs`: `<id>.request`, what is asked, written once and
before the other; and `<id>`, a small `JobDocument`. Every change of it is a compare-and-set on the
revision that was read. While it runs there is `<id>.step`, too, how far its owner is, which is
read when somebody asks for it. A worker follows the bucket, and when it has a free slot it claims,
by compare-and-set, the pending job of its kind that has the highest priority (then the oldest). Of
several that try, one wins; the others see it and take the next.

- A work-queue stream beside the bucket was the alternative. It is first in, first out, so
  priorities need a look at the documents anyway; a message and a document are two writes, so a
  crash between them leaves a job that nobody hears of, or a message whose job is gone; and pause,
  cancel and resubmit leave messages behind that stand for nothing. With the document alone none of
  this can happen.
- A running job's document names its claim and is rewritten at least every third of a lease. A
  worker that has seen no change for a whole lease, on its own clock and on an unbroken watch,
  claims the job again. No clocks are compared; after NATS was away the wait starts anew, because
  the owner could not write either. The former owner, should it live, fails its next compare-and-set
  and stops.
- A handler calls `run.step(...)` after each unit of work; its position is in the step when that
  returns, and in the document with the next sign of life. So a job that is taken over continues
  there, and repeats the unit in flight at most.
- Pause and cancel of a running job are written into its document as a wish (`wanted`); the owner
  sees it on its watch. Of any other job they are done on the spot.
- What a job has made lies in the object store, and its document names it (`outputs`). So any
  replica can hand it over, and once no document names it any more it is an orphan like any other.
- A handler that raises `Unavailable` (our own backing services) is tried again after growing
  delays, a limited number of times in a row without progress. A job that asks for it (`retry`) is
  so after a network error too (`RemoteFailure` that is not `final`), as `jobs.retries` and its
  neighbours say; once it fails for good it is a dead letter of its destination, and stays listed
  until somebody retries or deletes it. Any other error ends the job.
"""

from pons.jobs.actions import JobAction, act
from pons.jobs.archive import ArchiveOrder, ArchiveRequest, submit_archive
from pons.jobs.board import Jobs, output_keys
from pons.jobs.commitment import CommitmentRequest, submit_commitment
from pons.jobs.dead_letters import DeadLetters
from pons.jobs.document import ForgottenJob, Job, JobDocument, JobRequest, JobState, Output
from pons.jobs.listed import ListedJob, Wanted, page_of
from pons.jobs.overview import JobNews, JobOverview
from pons.jobs.peer_store import PeerStoreRequest, submit_peer_store
from pons.jobs.retrieve import RetrieveRequest, submit_retrieve
from pons.jobs.run import Run
from pons.jobs.shown import failure_of, to_json
from pons.jobs.store import StoreRequest, submit_store
from pons.jobs.transfers import TransferRequest, submit_transfer
from pons.jobs.worker import Handler, Worker

__all__ = [
    "ArchiveOrder",
    "ArchiveRequest",
    "CommitmentRequest",
    "DeadLetters",
    "ForgottenJob",
    "Handler",
    "Job",
    "JobAction",
    "JobDocument",
    "JobNews",
    "JobOverview",
    "JobRequest",
    "JobState",
    "Jobs",
    "ListedJob",
    "Output",
    "PeerStoreRequest",
    "RetrieveRequest",
    "Run",
    "StoreRequest",
    "TransferRequest",
    "Wanted",
    "Worker",
    "act",
    "failure_of",
    "output_keys",
    "page_of",
    "submit_archive",
    "submit_commitment",
    "submit_peer_store",
    "submit_retrieve",
    "submit_store",
    "submit_transfer",
    "to_json",
]

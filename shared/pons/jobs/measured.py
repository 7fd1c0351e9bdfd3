# SPDX-License-Identifier: Apache-2.0
"""What /metrics tells of jobs: how many are in which state, for how long, and how they ended."""

import math
import time
from collections import Counter
from collections.abc import Collection
from typing import get_args

from prometheus_client import Gauge, Histogram

from pons.jobs.document import JobDocument, JobState

STATES: tuple[JobState, ...] = get_args(JobState)

JOBS = Gauge(
    "pons_jobs",
    "Jobs of the whole store by the kind of their worker and their state; NaN while NATS is away.",
    ["worker", "state"],
)
DEAD_LETTERS = Gauge(
    "pons_jobs_dead_letters", "Jobs that were given up and nobody has dismissed.", ["worker"]
)
OLDEST_WAITING = Gauge(
    "pons_jobs_oldest_waiting_seconds",
    "For how long the job has waited that waits longest for a worker.",
    ["worker"],
)
JOB_SECONDS = Histogram(
    "pons_job_seconds",
    "Time of work of the jobs that finished here.",
    ["type", "state"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
)


def measure_jobs(worker: str, documents: Collection[JobDocument]) -> None:
    """Tell the metrics of all jobs of a kind of worker: the same from each of its replicas."""
    states = Counter(document.state for document in documents)
    # One that is sent again, or given back, waits from then on, however long ago it was made.
    waiting = [document.changed for document in documents if document.state == "Pending"]
    for state in STATES:
        JOBS.labels(worker, state).set(states[state])
    DEAD_LETTERS.labels(worker).set(sum(document.dead_letter for document in documents))
    OLDEST_WAITING.labels(worker).set(max(time.time() - min(waiting), 0.0) if waiting else 0.0)


def forget_jobs(worker: str) -> None:
    """Tell no number: what was seen last may be long past."""
    for state in STATES:
        JOBS.labels(worker, state).set(math.nan)
    DEAD_LETTERS.labels(worker).set(math.nan)
    OLDEST_WAITING.labels(worker).set(math.nan)


def measure_end(document: JobDocument) -> None:
    """Tell the metrics of a job that has finished."""
    JOB_SECONDS.labels(document.job_type, document.state).observe(document.runtime)

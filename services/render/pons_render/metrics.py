# SPDX-License-Identifier: Apache-2.0
"""What /metrics tells about rendering; the only module with metric objects."""

from functools import lru_cache

from prometheus_client import Counter, Gauge, Histogram

from pons_render.syntaxes import SYNTAXES

SECONDS = Histogram(
    "pons_render_seconds",
    "Time of a worker for a task, by what was asked for and the syntax that it was decoded from.",
    ["operation", "transfer_syntax"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
)
WAIT_SECONDS = Histogram(
    "pons_render_wait_seconds",
    "Time that a task waited for a worker.",
    buckets=(0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60),
)
WAITING = Gauge("pons_render_waiting_tasks", "Tasks that wait for a worker.")
BUSY = Gauge("pons_render_busy_workers", "Workers that have a task.")
REFUSED = Counter(
    "pons_render_refused_tasks", "Tasks that were refused as too many waited for a worker."
)
FAILURES = Counter("pons_render_failures", "Tasks that came to nothing, by the error.", ["error"])


@lru_cache(maxsize=256)  # files may name any syntax
def seconds_of(operation: str, transfer_syntax: str) -> Histogram:
    """The histogram of an operation; syntaxes that nothing here decodes share one."""
    return SECONDS.labels(operation, transfer_syntax if transfer_syntax in SYNTAXES else "other")

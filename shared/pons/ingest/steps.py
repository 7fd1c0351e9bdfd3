# SPDX-License-Identifier: Apache-2.0
"""How long each step of an instance's way in takes, in the process that takes it in."""

from prometheus_client import Counter, Histogram

STEP_SECONDS = Histogram(
    "pons_ingest_step_seconds",
    "Time of each step of an instance's way in; `index`: from when it is durable to the answer.",
    ["step"],
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
)
EXAMINE = STEP_SECONDS.labels("examine")
"""The header is scanned, the checksum taken; a wait for large ones is in it."""
FILTER = STEP_SECONDS.labels("filter")
"""Scripts are asked whether it may come in."""
WRITE = STEP_SECONDS.labels("write")
"""It is compressed, where the store is set so, and written into the object store."""
ANNOUNCE = STEP_SECONDS.labels("announce")
"""Its announcement waits for others, and is kept by JetStream."""
INDEX = STEP_SECONDS.labels("index")
"""The index has written it, and said so. Those whose answer comes too late are not in it: they are
in `UNANSWERED`, and in `pons_index_visible_seconds` of the index."""
UNANSWERED = Counter(
    "pons_ingest_unanswered",
    "Instances acknowledged after ingest.answer_timeout, before the index had written them.",
)

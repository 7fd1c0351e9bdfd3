# SPDX-License-Identifier: Apache-2.0
"""What the index counts for `/metrics`."""

from prometheus_client import Counter, Gauge, Histogram

INSTANCES = Counter(
    "pons_index_instances_total", "Announced instances by what became of them.", ["status"]
)
BATCH_INSTANCES = Histogram(
    "pons_index_batch_instances",
    "Instances written together.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
)
TRANSACTION_SECONDS = Histogram(
    "pons_index_transaction_seconds",
    "Time to write a batch, with every new beginning.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5, 30),
)
VISIBLE_SECONDS = Histogram(
    "pons_index_visible_seconds",
    "From when an instance was received until reads see it, by the clocks of both machines.",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600),
)
LAG_MESSAGES = Gauge(
    "pons_index_lag_messages", "Announcements of the whole store that are not yet written."
)
LAG_SECONDS = Gauge("pons_index_lag_seconds", "For how long the oldest of them has waited.")
CHANGES_RELAYED = Counter("pons_index_changes_relayed_total", "Changes published to the stream.")
GARBAGE_WAITING = Gauge("pons_index_garbage_waiting", "Objects that are to be deleted.")
ORPHANS = Counter("pons_index_orphans_total", "Objects found that nothing referred to.")
DELETED_OBJECTS = Counter("pons_index_deleted_objects_total", "Objects deleted.")
RETURNED = Counter(
    "pons_index_looked_at_total", "Objects looked at that the index did not know.", ["outcome"]
)
FINDINGS = Gauge("pons_index_findings", "Objects that the index does not know, by kind.", ["kind"])
SWEEP_STOPPED = Gauge(
    "pons_index_sweep_stopped", "1 while more would leave the quarantine than may at once."
)
RETENTION_DELETED = Counter(
    "pons_index_retention_deleted", "Studies that retention has deleted.", ["rule"]
)
RETENTION_STOPPED = Gauge(
    "pons_index_retention_stopped", "1 while more studies would go at once than may."
)
OTHER_COPY = Gauge(
    "pons_index_other_copy", "1 while another copy of this store works on the same objects."
)
DEAD_LETTERS = Gauge(
    "pons_index_dead_letters", "Announcements that could not be indexed and nobody has dismissed."
)

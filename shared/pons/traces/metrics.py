# SPDX-License-Identifier: Apache-2.0
"""What /metrics tells about traces."""

from prometheus_client import Counter

OUTCOMES = ("sent", "refused", "dropped")
SPANS = Counter(
    "pons_traces_spans",
    "Spans of traces by what became of them: `sent`; `refused`: traces.endpoint did not take them; "
    "`dropped`: there was no room or no time for them.",
    ["outcome"],
)

# SPDX-License-Identifier: Apache-2.0
"""`docs/metrics.md`, written from the metrics themselves.

`python -m pons_embedded.metrics.document` prints it; `--write PATH` writes it there, and
`--check PATH` ends with exit code 1 when the file at PATH says something else.
"""

import sys
from collections.abc import Sequence

from pons_embedded.metrics.known import Known, known_metrics
from pons_embedded.metrics.promql import mean, quantile, rate
from pons_embedded.metrics.written import run

COMMAND = "python -m pons_embedded.metrics.document --write docs/metrics.md"

INTRODUCTION = f"""\
# Metrics

<!-- Written by `{COMMAND}`: change the metrics, not this page. -->

Every service tells Prometheus at `/metrics` of its health port how it is: port 8081 of each
container and pod, `health.port` elsewhere. Each replica is asked for itself. Where one machine has
the whole store, a port is chosen for each service at each start, and `./pons status` says which.

- Names are those of queries: a counter ends in `_total`; of a histogram there are `_bucket`, `_sum`
  and `_count`. Times are seconds.
- Labels have few values: names that are configured, statuses, steps, transfer syntaxes. None is
  the UID of an image, an AE title that somebody else chose, or a path.
- What is known of the whole store (`pons_index_lag_…`, `pons_jobs…`) every replica of its service
  tells alike, so ask for `max`, not `sum`. While NATS does not say it the value is `NaN`.
- Of the Python process there are `process_cpu_seconds_total`, `process_resident_memory_bytes`,
  `process_open_fds` and more, as Prometheus' client has them.
- In Kubernetes, `deploy/k8s/components/prometheus` has what its operator needs, and alerts.
- `deploy/grafana/pons.json` is a dashboard: import it in Grafana. Lines by service need the label
  `pons_service`, which that component adds.
- The gateway has Orthanc's own metrics at `/tools/metrics-prometheus`.

| question | query |
|---|---|
"""

QUESTIONS = {
    "What does an upload wait for?": mean("pons_ingest_step_seconds", "step"),
    "How late do reads see what came?": quantile(0.95, "pons_index_visible_seconds"),
    "How far is the index behind?": "max(pons_index_lag_seconds)",
    "How many C-STORE requests fail?": rate(
        "pons_dicom_instances_total", "status", where='status!="0000"'
    ),
    "How many HTTP requests fail?": rate(
        "pons_http_request_seconds_count", "status", where='status=~"5.."'
    ),
    "Which jobs wait?": 'max by (worker) (pons_jobs{state="Pending"})',
    "Which images are slow to decode?": quantile(0.95, "pons_render_seconds", "transfer_syntax"),
}

CHAPTERS: dict[str, tuple[str, ...]] = {
    "Every service": (
        *("pons_ready", "pons_check_", "pons_task_", "pons_damaged_objects"),
        "pons_traces_",
    ),
    "The way in, in every service that takes instances": ("pons_ingest_",),
    "dicom-ingress": ("pons_dicom_",),
    "gateway; connections that are refused in render, too": ("pons_http_",),
    "index": ("pons_index_",),
    "render": ("pons_render_",),
    "Jobs, in egress and render": ("pons_job_", "pons_jobs"),
    "egress": ("pons_egress_", "pons_routing_", "pons_lua_"),
}
"""Titles and the beginnings of the names below them."""


def metrics_document(known: Sequence[Known]) -> str:
    """The page, as Markdown. Raises `ValueError` for a metric that is in no chapter."""
    own = [one for one in known if one.name.startswith("pons_")]
    questions = "".join(f"| {words} | `{query}` |\n" for words, query in QUESTIONS.items())
    parts = [INTRODUCTION + questions]
    told: list[Known] = []
    for title, beginnings in CHAPTERS.items():
        rows = [one for one in own if one.name.startswith(beginnings)]
        told += rows
        parts.append(_chapter(title, rows))
    if missing := {one.name for one in own} - {one.name for one in told}:
        raise ValueError(f"no chapter of docs/metrics.md has {', '.join(sorted(missing))}")
    return "\n".join(parts)


def _chapter(title: str, metrics: Sequence[Known]) -> str:
    lines = [f"## {title}", "", "| metric | kind | labels | what it tells |", "|---|---|---|---|"]
    for one in metrics:
        name = one.name if one.kind == "histogram" else one.series[0]
        labels = ", ".join(f"`{label}`" for label in one.labels)
        lines.append(f"| `{name}` | {one.kind} | {labels} | {one.about} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(run("pons_embedded.metrics.document", metrics_document(known_metrics()), sys.argv[1:]))

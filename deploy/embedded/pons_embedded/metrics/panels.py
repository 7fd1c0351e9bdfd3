# SPDX-License-Identifier: Apache-2.0
"""What Grafana shows of stores: the questions of each row, as panels with their queries."""

from dataclasses import dataclass
from functools import partial

from pons_embedded.metrics import promql

STORE = 'namespace=~"$namespace"'
"""Which stores are looked at: Grafana puts in what is chosen."""
WINDOW = "$__rate_interval"

rate = partial(promql.rate, where=STORE, window=WINDOW)
mean = partial(promql.mean, where=STORE, window=WINDOW)
quantile = partial(promql.quantile, where=STORE, window=WINDOW)
total = partial(promql.total, where=STORE)
greatest = partial(promql.greatest, where=STORE)


@dataclass(frozen=True, slots=True)
class Panel:
    """A graph over time."""

    title: str
    queries: dict[str, str]
    """By what the lines are called; `{{label}}` is the label's value."""
    unit: str = "short"
    about: str = ""


ROWS: dict[str, tuple[Panel, ...]] = {
    "Is it well?": (
        Panel("Ready replicas", {"{{pons_service}}": total("pons_ready", "pons_service")}),
        Panel(
            "What is missing",
            {
                "{{pons_service}}: {{check}}": greatest(
                    "pons_check_failing", "pons_service", "check"
                )
            },
            about="1 while something that the service needs does not answer.",
        ),
        Panel(
            "Tasks that do not get on",
            {"{{task}}": greatest("pons_task_waiting_seconds", "task")},
            "s",
            "After 30 s the service is not ready.",
        ),
    ),
    "The way in": (
        Panel(
            "Instances a second",
            {
                "DICOM: {{outcome}}": rate("pons_dicom_instances_total", "outcome"),
                "HTTP: {{status}}": rate("pons_http_instances_total", "status"),
            },
        ),
        Panel(
            "Mean time of each step",
            {"{{step}}": mean("pons_ingest_step_seconds", "step")},
            "s",
            "The scan, scripts, the object store, JetStream, the index.",
        ),
        Panel(
            "Time until reads see it",
            {
                "half": quantile(0.5, "pons_index_visible_seconds"),
                "95 %": quantile(0.95, "pons_index_visible_seconds"),
            },
            "s",
        ),
        Panel(
            "Bytes a second",
            {
                "DICOM": rate("pons_dicom_received_bytes_total"),
                "HTTP": rate("pons_http_received_bytes_total"),
            },
            "Bps",
        ),
        Panel(
            "Time of each step, 95 %",
            {"{{step}}": quantile(0.95, "pons_ingest_step_seconds", "step")},
            "s",
        ),
        Panel(
            "Acknowledged before they were indexed",
            {"instances a second": rate("pons_ingest_unanswered_total")},
            about="They are durable, and visible later.",
        ),
    ),
    "Index": (
        Panel("Age of what waits", {"oldest": greatest("pons_index_lag_seconds")}, "s"),
        Panel("Announcements that wait", {"messages": greatest("pons_index_lag_messages")}),
        Panel(
            "Time of a transaction",
            {
                "half": quantile(0.5, "pons_index_transaction_seconds"),
                "95 %": quantile(0.95, "pons_index_transaction_seconds"),
            },
            "s",
        ),
        Panel("Instances in a transaction", {"mean": mean("pons_index_batch_instances")}),
        Panel(
            "What waits for somebody",
            {
                "not indexed": greatest("pons_index_dead_letters"),
                "{{kind}}": greatest("pons_index_findings", "kind"),
            },
        ),
        Panel("Objects to be deleted", {"objects": greatest("pons_index_garbage_waiting")}),
    ),
    "DICOM": (
        Panel("Associations open", {"now": total("pons_dicom_associations_open")}),
        Panel("C-STORE by status", {"{{status}}": rate("pons_dicom_instances_total", "status")}),
        Panel(
            "Time from a dataset to its response",
            {
                "half": quantile(0.5, "pons_dicom_store_seconds"),
                "95 %": quantile(0.95, "pons_dicom_store_seconds"),
            },
            "s",
        ),
        Panel(
            "Associations by outcome",
            {"{{outcome}}": rate("pons_dicom_associations_total", "outcome")},
        ),
        Panel(
            "Queries and retrievals by status",
            {
                "C-FIND {{status}}": rate("pons_dicom_finds_total", "status"),
                "{{kind}} {{status}}": rate("pons_dicom_retrievals_total", "kind", "status"),
            },
        ),
        Panel(
            "Time of queries and retrievals, 95 %",
            {
                "C-FIND": quantile(0.95, "pons_dicom_find_seconds"),
                "{{kind}}": quantile(0.95, "pons_dicom_retrieve_seconds", "kind"),
            },
            "s",
        ),
    ),
    "HTTP": (
        Panel(
            "Requests a second",
            {"{{status}}": rate("pons_http_request_seconds_count", "status")},
        ),
        Panel(
            "Time of an answer, 95 %",
            {"{{method}}": quantile(0.95, "pons_http_request_seconds", "method")},
            "s",
        ),
        Panel(
            "Under way, and refused",
            {
                "under way": total("pons_http_active_requests"),
                "refused: {{reason}}": rate("pons_http_refused_connections_total", "reason"),
            },
        ),
    ),
    "Render": (
        Panel(
            "Time of a picture, 95 %",
            {"{{transfer_syntax}}": quantile(0.95, "pons_render_seconds", "transfer_syntax")},
            "s",
        ),
        Panel(
            "Workers",
            {
                "busy": total("pons_render_busy_workers"),
                "tasks that wait": total("pons_render_waiting_tasks"),
            },
        ),
        Panel("Wait for a worker", {"95 %": quantile(0.95, "pons_render_wait_seconds")}, "s"),
        Panel(
            "Pictures a second", {"{{operation}}": rate("pons_render_seconds_count", "operation")}
        ),
        Panel(
            "What comes to nothing",
            {
                "{{error}}": rate("pons_render_failures_total", "error"),
                "turned away": rate("pons_render_refused_tasks_total"),
            },
        ),
        Panel("Damaged objects", {"{{what}}": total("pons_damaged_objects_total", "what")}),
    ),
    "Jobs and what is sent": (
        Panel("Jobs by state", {"{{worker}} {{state}}": greatest("pons_jobs", "worker", "state")}),
        Panel(
            "Age of the oldest that waits",
            {"{{worker}}": greatest("pons_jobs_oldest_waiting_seconds", "worker")},
            "s",
        ),
        Panel("Given up", {"{{worker}}": greatest("pons_jobs_dead_letters", "worker")}),
        Panel(
            "Instances sent a second",
            {
                "{{modality}} {{status}}": rate(
                    "pons_egress_instances_total", "modality", "status"
                ),
                "{{peer}} {{status}}": rate("pons_egress_peer_instances_total", "peer", "status"),
            },
        ),
        Panel("Time of a job, 95 %", {"{{type}}": quantile(0.95, "pons_job_seconds", "type")}, "s"),
        Panel(
            "Routing and webhooks",
            {
                "{{destination}}": rate("pons_routing_changes_total", "destination"),
                "webhook {{webhook}} {{outcome}}": rate(
                    "pons_egress_webhooks_total", "webhook", "outcome"
                ),
            },
        ),
    ),
    "Processes": (
        Panel("CPU", {"{{pons_service}}": rate("process_cpu_seconds_total", "pons_service")}),
        Panel(
            "Memory",
            {"{{pons_service}}": total("process_resident_memory_bytes", "pons_service")},
            "bytes",
        ),
        Panel("Open files", {"{{pons_service}}": total("process_open_fds", "pons_service")}),
    ),
}

# SPDX-License-Identifier: Apache-2.0
"""Orthanc's metrics, those of them that mean something here, and whether all is well."""

import time

from prometheus_client import REGISTRY

from pons.jobs import Jobs
from pons.limits import MEGABYTE
from pons.runtime.logs import gate
from pons_gateway.backends import Backends
from pons_gateway.operation import metrics

STARTED = time.monotonic()


async def exposition(backends: Backends) -> str:
    """One line `name value milliseconds` for each, sorted by name. Raises `Unavailable`."""
    totals = await backends.catalog.totals()
    values = {
        "orthanc_count_instances": totals.instances,
        "orthanc_count_patients": totals.patients,
        "orthanc_count_series": totals.series,
        "orthanc_count_studies": totals.studies,
        "orthanc_disk_size_mb": totals.stored_size / MEGABYTE,
        "orthanc_uncompressed_size_mb": totals.size / MEGABYTE,
        "orthanc_last_change": (await backends.catalog.logs.latest_change()).last,
        "orthanc_up_time_s": time.monotonic() - STARTED,
        "orthanc_rest_api_active_requests": _sample("pons_http_active_requests"),
        "orthanc_rest_api_duration_ms": metrics.SLOWEST_ANSWER.read() * 1000,
        "orthanc_store_dicom_duration_ms": metrics.SLOWEST_STORE.read() * 1000,
        "pons_ready": not await backends.health.failures(),
        "pons_warnings": len(backends.health.told()),
        **await _jobs(backends.jobs),
        **_logged(),
    }
    now = int(time.time() * 1000)
    return "".join(f"{name} {_shown(value)} {now}\n" for name, value in sorted(values.items()))


async def _jobs(jobs: Jobs) -> dict[str, float]:
    """Jobs by state; those that have ended count as long as they are listed."""
    states = await jobs.counted()
    return {
        "orthanc_jobs_pending": states["Pending"],
        "orthanc_jobs_running": states["Running"],
        "orthanc_jobs_total_success": states["Success"],
        "orthanc_jobs_total_failed": states["Failure"],
        "orthanc_jobs_total_completed": states["Success"] + states["Failure"],
        "pons_jobs_dead_letters": states["dead letter"],
    }


def _logged() -> dict[str, float]:
    passed = gate()
    if passed is None:
        return {}
    return {
        "orthanc_logged_errors_count": passed.counted["error"],
        "orthanc_logged_warnings_count": passed.counted["warning"],
    }


def _sample(name: str) -> float:
    return REGISTRY.get_sample_value(name) or 0.0


def _shown(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.3f}"

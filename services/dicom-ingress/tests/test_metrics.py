# SPDX-License-Identifier: Apache-2.0
"""What /metrics tells of retrievals: how many came to which end, and how long they took."""

import asyncio
from typing import Any

from pons.health.readiness import Health
from pons_testing.metrics import Metrics, scrape

from .test_get import get
from .test_get import served as served

NUMBER, TIMES = "pons_dicom_retrievals_total", "pons_dicom_retrieve_seconds_count"


def told() -> Metrics:
    return asyncio.run(scrape(Health("tests")))


def test_a_retrieval_is_counted_and_timed(served: Any) -> None:
    """By its final status; one that fails took time as well."""
    port, catalog, _ = served
    before = told()
    get(port)
    catalog.away = True
    get(port)
    after = told()
    for status in ("0000", "A702"):
        labels = {"kind": "get", "status": status}
        assert after.get(NUMBER, **labels) - before.get(NUMBER, **labels) == 1, status
    assert after.get(TIMES, kind="get") - before.get(TIMES, kind="get") == 2
    seconds = "pons_dicom_retrieve_seconds_sum"
    assert after.get(seconds, kind="get") > before.get(seconds, kind="get")

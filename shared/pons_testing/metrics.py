# SPDX-License-Identifier: Apache-2.0
"""What a service's /metrics says, as Prometheus reads it."""

from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families

from pons.health.readiness import Health
from pons.http.health import health_app


@dataclass(frozen=True)
class Metrics:
    """The values of one scrape."""

    values: dict[tuple[str, frozenset[tuple[str, str]]], float]

    def get(self, name: str, **labels: str) -> float:
        """The value of a series as it is written, `..._total` and `..._count` included; 0 where
        there is none yet."""
        return self.values.get((name, frozenset(labels.items())), 0.0)


async def scrape(health: Health) -> Metrics:
    """Ask the health port's application for everything."""
    transport = httpx.ASGITransport(app=health_app(health))
    async with httpx.AsyncClient(transport=transport, base_url="http://health") as client:
        answer = await client.get("/metrics")
    assert answer.status_code == 200
    return Metrics(
        {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }
    )

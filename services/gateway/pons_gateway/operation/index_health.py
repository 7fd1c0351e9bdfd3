# SPDX-License-Identifier: Apache-2.0
"""What the index says of itself, repeated where people and orchestrators look: at the gateway."""

from pons.errors import Unavailable
from pons.health.readiness import Health
from pons.messages.services import HealthReport, ReportHealth
from pons_gateway.backends import Ask

NAME = "index service"
PATIENCE = 2.8
"""Seconds: the index itself takes two to find out that its database hangs."""


class IndexHealth:
    """A check of the gateway's `Health` that also passes on the index' warnings."""

    def __init__(self, ask: Ask, health: Health) -> None:
        self._ask = ask
        self._health = health
        self._passed_on: list[str] = []

    async def check(self) -> None:
        """Raise `Unavailable` with what keeps the index from being ready."""
        report: HealthReport = await self._ask(
            "index", ReportHealth(), HealthReport, within=PATIENCE
        )
        for name in self._passed_on:
            self._health.warnings.pop(name, None)
        self._passed_on = list(report.warnings)
        self._health.warnings.update(report.warnings)
        if report.failures:
            raise Unavailable("; ".join(f"{name}: {why}" for name, why in report.failures.items()))

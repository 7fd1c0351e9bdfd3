# SPDX-License-Identifier: Apache-2.0
"""The HTTP edge of egress: its health port."""

from fastapi import FastAPI

from pons.health.readiness import Health
from pons.http.health import health_app


def create_app(health: Health) -> FastAPI:
    """`/health/live`, `/health/ready` and `/metrics`.

    What it does is asked over NATS, by commands and jobs.
    """
    app = health_app(health)
    app.description = "Sends instances to other systems, and asks them."
    return app

# SPDX-License-Identifier: Apache-2.0
"""The HTTP edge of index: its health port."""

from fastapi import FastAPI

from pons.health.readiness import Health
from pons.http.health import health_app


def create_app(health: Health) -> FastAPI:
    """`/health/live`, `/health/ready` and `/metrics`.

    What it does is asked over NATS, by announcements and commands.
    """
    app = health_app(health)
    app.description = "Writes the database: what was received, and commands."
    return app

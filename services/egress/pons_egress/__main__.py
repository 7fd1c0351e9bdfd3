# SPDX-License-Identifier: Apache-2.0
"""`python -m pons_egress` runs the service."""

from pons.runtime.imports import uncollected

with uncollected():
    from pons.runtime.service import run_service
    from pons_egress.app import create_app
    from pons_egress.service import open_service

if __name__ == "__main__":
    run_service("egress", open_service, create_app)

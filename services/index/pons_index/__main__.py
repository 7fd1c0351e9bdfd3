# SPDX-License-Identifier: Apache-2.0
"""`python -m pons_index`: run the service."""

from pons.runtime.imports import uncollected

with uncollected():
    from pons.runtime.service import run_service
    from pons_index.app import create_app
    from pons_index.service import open_service

if __name__ == "__main__":
    run_service("index", open_service, create_app)

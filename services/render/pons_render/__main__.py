# SPDX-License-Identifier: Apache-2.0
"""`python -m pons_render`: run the service."""

from pons.runtime.imports import uncollected

with uncollected():
    from pons.runtime.service import run_service
    from pons_render.service import open_service

if __name__ == "__main__":
    run_service("render", open_service)

# SPDX-License-Identifier: Apache-2.0
"""`python -m pons_gateway`: the REST interface of a store."""

from pons.runtime.imports import uncollected

with uncollected():
    from pons.runtime.service import run_service
    from pons_gateway.service import open_gateway

if __name__ == "__main__":
    run_service("gateway", open_gateway)

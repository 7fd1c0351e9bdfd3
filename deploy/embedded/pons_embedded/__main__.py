# SPDX-License-Identifier: Apache-2.0
"""`python -m pons_embedded COMMAND`, which is what `./pons COMMAND` runs after its set-up."""

import sys

from pons.runtime.imports import uncollected

with uncollected():
    from pons_embedded.cli import main

if __name__ == "__main__":
    sys.exit(main())

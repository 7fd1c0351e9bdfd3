# SPDX-License-Identifier: Apache-2.0
"""The tests of Explorer's own modules, which need no browser."""

import subprocess
from pathlib import Path

from pons_embedded.explorer import environment, node_tools


def test_modules(built: Path) -> None:
    tools = node_tools()
    assert tools
    done = subprocess.run(
        ["npm", "run", "test"], cwd=built, env=environment(tools), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]

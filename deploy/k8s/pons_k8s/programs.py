# SPDX-License-Identifier: Apache-2.0
"""Running a program that has to be on this machine, and what it says."""

import shutil
import subprocess
from collections.abc import Sequence

from pons_k8s.refusal import Refusal

WHERE = {
    "kubectl": "https://kubernetes.io/docs/tasks/tools/",
    "helm": "https://helm.sh/docs/intro/install/",
}
"""How to get each."""


def path_of(program: str, why: str = "") -> str:
    """Where it is. Raises `Refusal`, with what it is needed for, where there is none."""
    found = shutil.which(program)
    if found is None:
        needed = f"{program} is needed{why and ' ' + why} and not on the PATH"
        raise Refusal(f"{needed}: {WHERE[program]}")
    return found


def run(program: str, words: Sequence[str], given: str = "") -> str:
    """What it prints. Raises `Refusal` with its own words when it fails."""
    command = [path_of(program), *words]
    done = subprocess.run(  # noqa: S603 found above
        command, input=given, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = done.stderr.strip() or f"exit code {done.returncode}"
        raise Refusal(f"{program} {' '.join(words[:3])} failed: {said}")
    return done.stdout

# SPDX-License-Identifier: Apache-2.0
"""An empty cluster that stand-ins for kubectl and Helm play, and our commands beside it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from pons_embedded.manifests import K8S


class Cluster:
    """Its resources are files in `folder`."""

    def __init__(self, folder: Path, kubectl: str) -> None:
        self.folder = folder / "cluster"
        self.folder.mkdir()
        programs = folder / "bin"
        programs.mkdir()
        tests = Path(__file__).parent
        for name in ("kubectl", "helm"):
            stand_in = programs / name
            text = (tests / name).read_text()
            stand_in.write_text(text.replace("/usr/bin/env python3", sys.executable, 1))
            stand_in.chmod(0o755)
        self._environment = os.environ | {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": f"{tests}{os.pathsep}{K8S.parent / 'embedded'}",
            "CLUSTER": str(self.folder),
            "REAL_KUBECTL": kubectl,
        }

    def run(self, command: str, *words: str, typed: str = "", **keys: str) -> Any:
        return subprocess.run(
            [sys.executable, K8S / command, *words],
            env=self._environment | keys,
            input=typed,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def follow(self, command: str, typed: str = "") -> Any:
        """A line as it stands in the documentation, in a shell."""
        here = command.replace("deploy/k8s/", f"{sys.executable} {K8S}/")
        return subprocess.run(
            ["bash", "-c", here],
            env=self._environment,
            input=typed,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def secrets(self, namespace: str) -> dict[str, dict[str, str]]:
        """What each Secret of a namespace says."""
        return {
            path.name: json.loads(path.read_text())["stringData"]
            for path in (self.folder / namespace / "secret").glob("*")
        }

    def has(self, kind: str, name: str, namespace: str = "-") -> bool:
        return (self.folder / namespace / kind / name).exists()

    def put_pod(self, namespace: str, name: str, status: dict[str, Any]) -> None:
        """A pod that keeps its service from being ready."""
        path = self.folder / namespace / "pod" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"metadata": {"name": name}, "status": status}))

    @property
    def asked(self) -> str:
        path = self.folder / "asked"
        return path.read_text() if path.exists() else ""

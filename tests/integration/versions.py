# SPDX-License-Identifier: Apache-2.0
"""The code of the release before this one, out of the history of the repository."""

import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from outside import ROOT, Store

COMMIT = (Path(__file__).parent / "previous_release").read_text().strip()
"""Of the release that runs beside this one while it is replaced; each release names it anew."""
PACKAGES = ("shared", "services", "deploy/embedded")


def previous_release(folder: Path) -> Path:
    """Its packages, in `folder`; a checkout that does not have its history skips the test."""
    if _git("rev-parse", "--git-dir").returncode:
        pytest.skip("this is no git repository, so there is no previous release to run")
    if _git("cat-file", "-e", f"{COMMIT}^{{commit}}").returncode:
        shallow = _git("rev-parse", "--is-shallow-repository").stdout.strip() == b"true"
        assert shallow, f"the previous release, commit {COMMIT}, is not in the history"
        pytest.skip("the history is shallow: git fetch --unshallow for the previous release")
    _unpack(COMMIT, folder, PACKAGES)
    return folder


def code_before(folder: Path) -> str:
    """The code before the last change of it, in `folder`, and its commit; empty without a history.

    Where the files differ from the last commit, that is the code before.
    """
    changed = _git("status", "--porcelain", "--", *PACKAGES[:2]).stdout
    last = (
        "HEAD" if changed else _git("rev-list", "-1", "HEAD", "--", *PACKAGES[:2]).stdout.decode()
    )
    found = _git("rev-parse", "--verify", "--quiet", last.strip() + ("" if changed else "^"))
    commit = found.stdout.decode().strip()
    if found.returncode == 0 and commit:
        _unpack(commit, folder, (*PACKAGES, "LICENSE"))
    return commit


def _unpack(commit: str, folder: Path, names: Sequence[str]) -> None:
    archived = _git("archive", "--format=tar", commit, *names)
    assert archived.returncode == 0, archived.stderr.decode()
    with tarfile.open(fileobj=io.BytesIO(archived.stdout)) as tar:
        tar.extractall(folder, filter="data")


def _git(*words: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=False)


def path_of(code: Path) -> str:
    """What `PYTHONPATH` is for this code to be run instead of what is installed."""
    services = sorted((code / "services").iterdir())
    return os.pathsep.join(map(str, (code / "shared", code / "deploy" / "embedded", *services)))


class StoreOf(Store):
    """A store that the launcher of other code runs, and whose services are of that code."""

    def command(self, *words: str) -> list[str]:
        where = ("--store", self.name, "--data", str(self.data))
        return [sys.executable, "-P", "-m", "pons_embedded", *words, *where]


def store_of(code: Path, name: str, data: Path) -> StoreOf:
    """A store of this code, which does not run yet."""
    return StoreOf(name, data, {"PYTHONPATH": path_of(code), "PONS_HTTP_EXPLORER": "false"})

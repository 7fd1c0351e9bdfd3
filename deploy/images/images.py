# SPDX-License-Identifier: Apache-2.0
"""`deploy/images/build`: the images of the services, their sizes, and what is in them."""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
SERVICES = ("gateway", "dicom-ingress", "index", "render", "egress")
BASE = "python:3.12-slim-bookworm"
DOCKER = "DOCKER"
"""The variable that names the client, where it is not `docker` on the path."""
SBOM = "/opt/code/sbom.cdx.json"
MEGABYTE = 1_000_000


class BuildFailed(Exception):
    """Why an image cannot be built, and what to do about it."""


@dataclass(frozen=True)
class Engine:
    """A Docker client that can build these images."""

    program: str

    def run(self, *words: str) -> str:
        """What a command prints. Raises `BuildFailed` with what it said instead."""
        done = subprocess.run(  # noqa: S603 the operator's own engine
            (self.program, *words),
            env=os.environ | {"DOCKER_BUILDKIT": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = done.stderr.strip()[-2000:]
            raise BuildFailed(f"{self.program} {words[0]} failed: {said}")
        return done.stdout.strip()

    def fetch(self, image: str) -> None:
        """Have a base here: BuildKit builds on one without keeping it, and it is weighed, too.

        Raises `BuildFailed` where it cannot be had.
        """
        try:
            self.size(image)
        except BuildFailed:
            try:
                self.run("pull", image)
            except BuildFailed as error:
                raise BuildFailed(
                    f"the base {image} is not here and cannot be pulled: load it, or name with "
                    f"--base an image that has Python 3.11 or later ({error})"
                ) from None

    def size(self, image: str) -> int:
        """Bytes of all layers of an image."""
        return int(self.run("image", "inspect", "--format", "{{.Size}}", image))


def find_engine() -> Engine:
    """The client to build with. Raises `BuildFailed` where there is none, or it lacks BuildKit."""
    program = os.environ.get(DOCKER, "docker")
    if shutil.which(program) is None:
        raise BuildFailed(f"there is no {program}: install Docker, or name a client in {DOCKER}")
    engine = Engine(program)
    version = engine.run("version", "--format", "{{.Client.Version}}")
    if int(version.partition(".")[0]) >= 23:
        try:
            engine.run("buildx", "version")
        except BuildFailed:
            raise BuildFailed(
                f"{program} {version} has no BuildKit: install its plugin buildx, or name another "
                f"client in {DOCKER}"
            ) from None
    return engine


def version() -> str:
    """The version that the sources say they are."""
    source = (CHECKOUT / "shared" / "pons" / "__init__.py").read_text()
    found = re.search(r'__version__ = "([^"]+)"', source)
    if found is None:
        raise BuildFailed("shared/pons/__init__.py does not say its __version__")
    return found[1]


def revision() -> str:
    """The commit, marked where files differ from it; `unknown` outside of a checkout."""
    command = ("git", "-C", str(CHECKOUT), "describe", "--always", "--abbrev=40", "--dirty")
    try:
        done = subprocess.run(  # noqa: S603 our own words
            (*command, "--exclude=*"), capture_output=True, text=True, check=False
        )
    except OSError:
        return "unknown"
    return done.stdout.strip() or "unknown"


def build(engine: Engine, service: str, image: str, choice: argparse.Namespace) -> None:
    """Build one image. Raises `BuildFailed`."""
    secrets = {"cabundle": choice.cabundle, "pipconf": choice.pipconf}
    arguments = {
        "BASE_IMAGE": choice.base,
        "SERVICE": service,
        "VERSION": version(),
        "REVISION": revision(),
    }
    engine.run(
        "build",
        *(word for pair in arguments.items() for word in ("--build-arg", "=".join(pair))),
        *(
            word
            for name, path in secrets.items()
            if path
            for word in ("--secret", f"id={name},src={path}")
        ),
        *("--file", str(CHECKOUT / "deploy" / "images" / "Dockerfile")),
        *("--tag", image, str(CHECKOUT)),
    )


def table(rows: Sequence[tuple[str, int, int]]) -> str:
    """Image, bytes above the base, packages; as lines."""
    lines = [f"{'image':<32} {'MB above base':>13} {'packages':>8}"]
    lines += [
        f"{image:<32} {size / MEGABYTE:>13.1f} {packages:>8}" for image, size, packages in rows
    ]
    return "\n".join(lines)


def options(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="deploy/images/build", description="Build the images of Pons' services."
    )
    parser.add_argument("--prefix", default="pons", help="what names begin with (%(default)s)")
    parser.add_argument("--tag", default=version(), help="of all images (%(default)s)")
    parser.add_argument("--base", default=BASE, help="image they are built on (%(default)s)")
    parser.add_argument("--only", choices=SERVICES, nargs="+", default=SERVICES, metavar="SERVICE")
    parser.add_argument("--sbom", type=Path, help="folder for the lists of what is in each image")
    parser.add_argument("--cabundle", help="certificates (PEM) that pip and npm are to trust")
    parser.add_argument("--pipconf", help="pip's configuration for the build, such as its index")
    return parser.parse_args(words)


def main(words: Sequence[str]) -> int:
    choice = options(words)

    def make(service: str) -> tuple[str, int, int]:
        image = f"{choice.prefix}/{service}:{choice.tag}"
        build(engine, service, image, choice)
        print(f"built {image}", flush=True)
        listed = engine.run("run", "--rm", "--network=none", image, "cat", SBOM)
        if choice.sbom:
            (choice.sbom / f"{service}.cdx.json").write_text(f"{listed}\n")
        above = engine.size(image) - engine.size(choice.base)
        return image, above, len(json.loads(listed)["components"])

    try:
        engine = find_engine()
        engine.fetch(choice.base)
        if choice.sbom:
            choice.sbom.mkdir(parents=True, exist_ok=True)
        # At once: BuildKit makes what they share once, and the rest beside it.
        with ThreadPoolExecutor() as side_by_side:
            rows = list(side_by_side.map(make, choice.only))
    except BuildFailed as error:
        print(f"build: {error}", file=sys.stderr)
        return 1
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

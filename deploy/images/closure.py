# SPDX-License-Identifier: Apache-2.0
"""Which packages each service's image holds: what its pyproject.toml asks for and what that needs.

`.venv/bin/python deploy/images/closure.py --write` writes packages/*.txt anew; without, the exit
code says whether they are right. It reads what is installed, so run `./pons check` before.
"""

import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import requires
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement

from pinned import normalized

CHECKOUT = Path(__file__).resolve().parents[2]
LISTS = Path(__file__).parent / "packages"
SERVICES = ("gateway", "dicom-ingress", "index", "render", "egress")
COMMON = "common"
LIBRARY = "pons"
TARGETS = tuple(
    {
        "platform_machine": machine,
        "platform_system": "Linux",
        "sys_platform": "linux",
        "os_name": "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "python_version": version,
        "python_full_version": f"{version}.0",
        "extra": "",
    }
    for machine in ("x86_64", "aarch64")
    for version in ("3.11", "3.12", "3.13")
)
"""Where images may run: a list holds what any of these needs; markers choose at installation."""
HEAD = (
    "# Made by deploy/images/closure.py --write from pyproject.toml; versions: requirements.txt.\n"
)


def asked(pyproject: Path) -> list[str]:
    """What a package of ours asks for."""
    return list(tomllib.loads(pyproject.read_text())["project"]["dependencies"])


def wanted(requirement: Requirement, extras: Iterable[str]) -> bool:
    """Whether a requirement holds anywhere that images run."""
    if requirement.marker is None:
        return True
    return any(
        requirement.marker.evaluate({**default_environment(), **target, "extra": extra})
        for target in TARGETS
        for extra in ("", *extras)
    )


def closure(service: str) -> list[str]:
    """Names of every package in the service's image, sorted."""
    waiting = [
        (Requirement(text), frozenset[str]())
        for part in (CHECKOUT / "services" / service, CHECKOUT / "shared")
        for text in asked(part / "pyproject.toml")
    ]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        requirement, extras = waiting.pop()
        name = normalized(requirement.name)
        entry = (name, frozenset(requirement.extras))
        if name == LIBRARY or entry in seen or not wanted(requirement, extras):
            continue
        seen.add(entry)
        waiting += [(Requirement(text), entry[1]) for text in requires(name) or ()]
    return sorted({name for name, _ in seen})


def lists() -> Iterator[tuple[Path, str]]:
    """Each list's file, and what it should hold; `common.txt` what is in all the others."""
    closures = {service: closure(service) for service in SERVICES}
    every = sorted(set.intersection(*map(set, closures.values())))
    for listed, found in {**closures, COMMON: every}.items():
        yield LISTS / f"{listed}.txt", HEAD + "".join(f"{name}\n" for name in found)


def main(words: list[str]) -> int:
    wrong = [path for path, text in lists() if not path.is_file() or path.read_text() != text]
    if words == ["--write"]:
        for path, text in lists():
            path.write_text(text)
        return 0
    for path in wrong:
        print(f"{path} is out of date: .venv/bin/python deploy/images/closure.py --write")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

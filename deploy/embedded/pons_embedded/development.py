# SPDX-License-Identifier: Apache-2.0
"""`./pons test`, `check` and `bench`: what developers of Pons run, in a checkout."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from pons_embedded import explorer, manifests
from pons_embedded.errors import Refusal
from pons_embedded.folder import CHECKOUT
from pons_embedded.orthanc.document import COMMAND as PAGE_COMMAND
from pons_embedded.orthanc.document import orthanc_document
from pons_embedded.up import say

REQUIREMENTS = ("requirements.txt", "requirements-test.txt", "requirements-explorer.txt")
PACKAGE_LOCKS = ("services/gateway/explorer/package-lock.json",)
REGISTRY = re.compile(r"https?://|--(extra-)?index-url|--find-links|--trusted-host|file:")
"""What a requirements file must not say: from where its packages are to come."""

SIDE_BY_SIDE = (
    *("-n", "auto", "--maxprocesses", "4", "--dist", "loadfile"),
    "--no-loadscope-reorder",
)
"""Words for pytest-xdist: the tests of a file stay together, for they share servers, and files
keep their order: those with the longest tests, often few, come first."""


def run(command: str, words: Sequence[str]) -> int:
    """`./pons test`, `check` or `bench`; its exit code."""
    match command:
        case "test":
            return run_tests(words)
        case "bench":
            return run_bench(words)
        case _:
            return run_checks()


def run_tests(words: Sequence[str]) -> int:
    """Every test, side by side on the cores, or those that `words` select; pytest's exit code."""
    if not words:
        _build_explorer()
    return _run("-m", "pytest", *(words or SIDE_BY_SIDE))


def run_checks() -> int:
    """Everything that is checked without running Pons; 0 when all of it is well."""
    steps: dict[str, Callable[[], int]] = {
        "ruff check": lambda: _run("-m", "ruff", "check", "."),
        "ruff format": lambda: _run("-m", "ruff", "format", "--check", "."),
        "explorer": _check_explorer,
        "mypy": lambda: _run("-m", "mypy", *_packages()),
        "kubernetes": _check_manifests,
        "dockerfiles": lambda: check_dockerfiles(sorted(CHECKOUT.glob("deploy/*/Dockerfile"))),
        "compose": _check_compose,
        "requirements": lambda: _tell(requirement_faults(CHECKOUT)),
        "configuration.md": _check_configuration,
        "metrics.md": _check_metrics,
        "orthanc-configuration.md": lambda: _tell(page_faults(CHECKOUT)),
    }
    failed = [name for name, step in steps.items() if step()]
    print(f"failed: {', '.join(failed)}" if failed else "all checks passed")
    return 1 if failed else 0


def run_bench(words: Sequence[str]) -> int:
    """One measurement of `bench/`; without a name, the list of them."""
    files = sorted((CHECKOUT / "bench").glob("*.py"))
    known = [path.stem for path in files if "__main__" in path.read_text()]
    if words and words[0] in known:
        return _run(str(CHECKOUT / "bench" / f"{words[0]}.py"), *words[1:])
    listed = ", ".join(known) or "none here"
    raise Refusal(f"say what to measure, ./pons bench NAME: {listed}")


def requirement_faults(checkout: Path) -> list[str]:
    """Lines of what pins packages that name a package index or a place on some machine."""
    return [
        f"{name}:{number}: {line.strip()}"
        for name in REQUIREMENTS
        for number, line in enumerate((checkout / name).read_text().splitlines(), 1)
        if REGISTRY.search(line)
    ] + [
        f"{name}:{number}: {line.strip()}"
        for name in PACKAGE_LOCKS
        for number, line in enumerate((checkout / name).read_text().splitlines(), 1)
        if '"resolved"' in line
    ]


def page_faults(checkout: Path) -> list[str]:
    """What is wrong with the page about Orthanc's configuration file."""
    page = checkout / "docs" / "orthanc-configuration.md"
    if page.is_file() and page.read_text(encoding="utf-8") == orthanc_document():
        return []
    return [f"{page} does not say what the table of options says: {PAGE_COMMAND}"]


def _build_explorer() -> None:
    """Once, before the tests of several processes want it; they tell why it is not there."""
    try:
        explorer.build(say)
    except explorer.BuildFailed as failure:
        say(f"Explorer cannot be built: {failure}")


def _check_explorer() -> int:
    """Biome and tsc, where Node is there already: nobody has to install it for this."""
    tools = explorer.node_tools()
    if tools is None:
        say("explorer is not checked: that needs Node 20.19 or 22.12 or later, and npm")
        return 0
    try:
        explorer.check(tools)
    except explorer.BuildFailed as failure:
        return _tell([str(failure)])
    return 0


def _check_manifests() -> int:
    """Every overlay against the schemas of Kubernetes, where kubectl is there already."""
    kubectl = manifests.find_kubectl()
    if kubectl is None:
        say(f"deploy/k8s is not checked: that {manifests.NEEDED}")
        return 0
    return _tell(manifests.manifest_faults(kubectl))


def check_dockerfiles(files: Sequence[Path]) -> int:
    """hadolint's exit code; it says what is wrong, and by which of its rules."""
    hadolint = Path(sys.executable).with_name("hadolint")
    return subprocess.run([hadolint, *files], check=False).returncode  # noqa: S603 our own tool


def _check_compose() -> int:
    """docker-compose.yml, alone and with each override."""
    program = Path(sys.executable).with_name("docker-compose")
    if not program.is_file():
        say("docker-compose.yml is not checked: its program comes from PyPI for Linux only")
        return 0
    store = CHECKOUT / "docker-compose.yml"
    overrides = sorted((CHECKOUT / "deploy" / "compose").glob("*.yml"))
    return max(
        check_compose(program, files) for files in ([store], *([store, o] for o in overrides))
    )


def check_compose(program: Path, files: Sequence[Path]) -> int:
    """Compose's exit code; it has its own schema, and says what of the files does not fit."""
    words = [word for path in files for word in ("--file", str(path))]
    command = [str(program), "--project-name", "checked", *words, "config", "--quiet"]
    return subprocess.run(command, check=False).returncode  # noqa: S603 our own tool


def _packages() -> list[str]:
    """mypy's words for every package; tests are checked by running them."""
    sources = ("shared", "services/*", "deploy/embedded", "deploy/k8s")
    found = (path.parent for source in sources for path in CHECKOUT.glob(f"{source}/*/__init__.py"))
    return [word for package in sorted(found) for word in ("--package", package.name)]


def _check_configuration() -> int:
    """docs/configuration.md says what the settings say."""
    return _run("-m", "pons.settings.document", "--check", "docs/configuration.md")


def _check_metrics() -> int:
    """docs/metrics.md says what the services tell."""
    return _run("-m", "pons_embedded.metrics.document", "--check", "docs/metrics.md")


def _tell(faults: Iterable[str]) -> int:
    found = list(faults)
    for fault in found:
        print(fault)
    return 1 if found else 0


def _run(*words: str) -> int:
    """A Python program in the checkout; its exit code."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(  # noqa: S603 our own programs
        (sys.executable, *words), cwd=CHECKOUT, env=environment, check=False
    ).returncode

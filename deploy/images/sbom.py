# SPDX-License-Identifier: Apache-2.0
"""What is in an image besides its base: a list in the form CycloneDX 1.5.

Runs in the image while that is built: it names what is installed, with its licence, and refuses
what is not the pinned version.

python sbom.py gateway pinned.txt > sbom.cdx.json
"""

import json
import sys
from collections.abc import Iterator
from importlib.metadata import PackageMetadata, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pons

EXPLORER = Path("services/gateway/explorer/package-lock.json")


class Differs(Exception):
    """What is installed is not what was pinned."""


def versions(pinned: str) -> dict[str, set[str]]:
    """Name to version of each package of a pinned file; markers may have a choice of several."""
    found: dict[str, set[str]] = {}
    for line in pinned.splitlines():
        if line[:1].isalnum():
            name, _, version = line.rstrip("\\").partition(";")[0].strip().partition("==")
            found.setdefault(name, set()).add(version)
    return found


def components(pinned: str) -> Iterator[dict[str, Any]]:
    """The packages of Python. Raises `Differs`."""
    for name, wanted in versions(pinned).items():
        try:
            found = distribution(name)
        except PackageNotFoundError:
            raise Differs(f"{name} is pinned and not installed") from None
        if found.version not in wanted:
            said = " or ".join(sorted(wanted))
            raise Differs(f"{name} {found.version} is installed, {said} is pinned")
        yield _component("pypi", name, found.version, licence(found.metadata))


def licence(metadata: PackageMetadata) -> str:
    """What a package says of its licence, in the first form in which it does."""
    given = [metadata.get("License-Expression"), metadata.get("License")]
    classifiers = [
        text.rpartition(" :: ")[2]
        for text in metadata.get_all("Classifier") or ()
        if text.startswith("License ::")
    ]
    short = [text for text in given if text and "\n" not in text]
    return (short or classifiers or ["not declared"])[0]


def explorer_components(lock: str) -> Iterator[dict[str, Any]]:
    """The packages of JavaScript that Explorer's build may hold."""
    for path, entry in json.loads(lock)["packages"].items():
        if path and not entry.get("dev"):
            name = path.rpartition("node_modules/")[2]
            licence = entry.get("license", "not declared")
            yield _component("npm", name, entry["version"], licence)


def _component(kind: str, name: str, version: str, licence: str) -> dict[str, Any]:
    purl = f"pkg:{kind}/{name.replace('@', '%40')}@{version}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "licenses": [{"license": {"name": licence}}],
        "purl": purl,
    }


def document(service: str, version: str, parts: list[dict[str, Any]]) -> dict[str, Any]:
    """The whole list, without a date or a random number: the same image has the same list."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "name": f"pons-{service}",
                "version": version,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": parts,
    }


def main(service: str, pinned: str) -> int:
    try:
        parts = list(components(Path(pinned).read_text()))
    except Differs as error:
        print(error, file=sys.stderr)
        return 1
    if EXPLORER.is_file():
        parts += explorer_components(EXPLORER.read_text())
    json.dump(document(service, pons.__version__, parts), sys.stdout, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))

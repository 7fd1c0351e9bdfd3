# SPDX-License-Identifier: Apache-2.0
"""The part of requirements.txt that one image needs: versions and hashes stay in one place.

python3 pinned.py packages/gateway.txt requirements.txt [--without packages/common.txt] > pinned.txt
"""

import argparse
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path


class Unpinned(Exception):
    """A package of a list has no version in the requirements; the message names it."""


def normalized(name: str) -> str:
    """A package's name as the packaging standards compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def blocks(requirements: str) -> Iterator[tuple[str, str]]:
    """Each package of a pinned file: its name, and its lines with version, marker and hashes."""
    for block in re.split(r"\n(?=\S)", requirements.strip()):
        if found := re.match(r"([A-Za-z0-9._-]+)==", block):
            yield normalized(found[1]), f"{block}\n"


def names(listed: str) -> list[str]:
    """The packages that a list names, one a line."""
    lines = (line.partition("#")[0].strip() for line in listed.splitlines())
    return [normalized(line) for line in lines if line]


def pinned(wanted: Iterable[str], requirements: str) -> str:
    """The lines of the wanted packages; some have several versions, with markers that choose one.

    Raises `Unpinned`.
    """
    known: dict[str, str] = {}
    for name, block in blocks(requirements):
        known[name] = known.get(name, "") + block
    if missing := [name for name in wanted if name not in known]:
        raise Unpinned(f"requirements.txt does not pin {', '.join(missing)}")
    return "".join(known[name] for name in wanted)


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="pinned.py")
    parser.add_argument("listed", type=Path)
    parser.add_argument("requirements", type=Path)
    parser.add_argument("--without", type=Path, help="a list of what is there already")
    given = parser.parse_args(words)
    present = names(given.without.read_text()) if given.without else []
    wanted = [name for name in names(given.listed.read_text()) if name not in present]
    try:
        sys.stdout.write(pinned(wanted, given.requirements.read_text()))
    except Unpinned as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# SPDX-License-Identifier: Apache-2.0
"""A file that is made, and committed: the command that prints, writes or checks it."""

import argparse
from collections.abc import Sequence
from pathlib import Path


def run(module: str, text: str, words: Sequence[str]) -> int:
    """`python -m MODULE` prints the text, with `--write PATH` writes it, and with `--check PATH`
    compares it with what is there; the exit code."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}")
    parser.add_argument("--write", type=Path, metavar="PATH")
    parser.add_argument("--check", type=Path, metavar="PATH")
    asked = parser.parse_args(words)
    if asked.write:
        asked.write.write_text(text, encoding="utf-8")
    elif asked.check is None:
        print(text, end="")
    elif asked.check.read_text(encoding="utf-8") != text:
        print(f"{asked.check} is out of date: python -m {module} --write {asked.check}")
        return 1
    return 0

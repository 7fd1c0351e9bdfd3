# SPDX-License-Identifier: Apache-2.0
"""The commands of docs/operations.md, which tests run as they stand there."""

import re
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
BLOCK = re.compile(r"^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")


def chapter(name: str) -> str:
    """What stands below a heading of the second level."""
    text = DOCUMENT.read_text(encoding="utf-8") + "\n## "
    found = re.search(rf"^## {re.escape(name)}\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    assert found, f"docs/operations.md has no chapter {name}"
    return found[1]


def commands(name: str) -> list[str]:
    """The lines of a chapter's blocks, without what they say about themselves."""
    lines = [line for block in BLOCK.findall(chapter(name)) for line in block.splitlines()]
    return [line.partition("  #")[0].strip() for line in lines if line.strip()]


def mentioned(name: str, program: str) -> list[str]:
    """Commands of one program that stand within a chapter's sentences."""
    return [one for one in INLINE.findall(chapter(name)) if one.startswith(f"{program} ")]

# SPDX-License-Identifier: Apache-2.0
"""Tables of the documentation that tests compare with the code."""

from collections.abc import Iterable, Sequence
from pathlib import Path

CONFORMANCE = Path(__file__).parents[2] / "docs" / "conformance.md"


def table(name: str, document: Path = CONFORMANCE) -> str:
    """The table between `<!-- name -->` and `<!-- end -->` of a document."""
    _, found, rest = document.read_text(encoding="utf-8").partition(f"<!-- {name} -->\n")
    assert found, f"{document.name} has no table {name}"
    return rest.partition("<!-- end -->")[0].strip() + "\n"


def written(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)

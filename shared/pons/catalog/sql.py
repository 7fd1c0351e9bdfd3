# SPDX-License-Identifier: Apache-2.0
"""Named statements from a `.sql` file: `-- name: x`, a sentence of why, the statement.

What several statements of a file have in common is a piece, which begins with `-- piece: x` and
stands before them; they have its name in braces.
"""

import re
from pathlib import Path

BEGINNING = re.compile(r"^-- (name|piece): (\w+)[ \t]*$", re.MULTILINE)


def load_statements(path: Path, **pieces: str) -> dict[str, str]:
    """Name to statement, in the file's order, without the comment lines and the last semicolon.

    `pieces` are put in place of their names in braces, as those of the file are. Raises
    `ValueError` for a name that comes twice, or has no statement or no sentence.
    """
    _, *parts = BEGINNING.split(path.read_text(encoding="utf-8"))
    statements: dict[str, str] = {}
    for kind, name, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        lines = text.strip().splitlines()
        statement = "\n".join(line for line in lines if not line.lstrip().startswith("--"))
        statement = statement.strip().removesuffix(";")
        known = pieces if kind == "piece" else statements
        if name in known or not statement or not lines[0].startswith("-- "):
            raise ValueError(f"{path.name}: {name} comes twice, or lacks a sentence or a statement")
        for piece, sql in pieces.items():
            statement = statement.replace(f"{{{piece}}}", sql)
        known[name] = statement
    return statements

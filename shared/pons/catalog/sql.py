# SPDX-License-Identifier: Apache-2.0
"""Named statements from a `.sql` file: `-- name: x`, a sentence of why, the statement."""

import re
from pathlib import Path

NAME = re.compile(r"^-- name: (\w+)[ \t]*$", re.MULTILINE)


def load_statements(path: Path, **pieces: str) -> dict[str, str]:
    """Name to statement, in the file's order, without the comment lines and the last semicolon.

    Earlier statements, and `pieces`, are put where one has their names in braces.

    Raises `ValueError` for a name that comes twice, or has no statement or no sentence.
    """
    _, *parts = NAME.split(path.read_text(encoding="utf-8"))
    statements: dict[str, str] = {}
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        lines = text.strip().splitlines()
        statement = "\n".join(line for line in lines if not line.lstrip().startswith("--"))
        statement = statement.strip().removesuffix(";")
        if name in statements or not statement or not lines[0].startswith("-- "):
            raise ValueError(f"{path.name}: {name} comes twice, or lacks a sentence or a statement")
        for piece, sql in (pieces | statements).items():
            statement = statement.replace(f"{{{piece}}}", sql)
        statements[name] = statement
    return statements

# SPDX-License-Identifier: Apache-2.0
"""What to select of resources, put together from the pieces of `find.sql`."""

from pathlib import Path

from pons.catalog.columns import COMPUTED, Columns, above
from pons.catalog.metadata import ATTACHMENTS, LABELS, METADATA
from pons.catalog.search import Part, Wanted
from pons.catalog.sql import load_statements
from pons.dicom.levels import Level

PIECES = load_statements(Path(__file__).with_name("find.sql"))

PARTS: dict[Part, str] = {
    Part.MAIN_TAGS: "tags",
    Part.PARENT: "parent",
    Part.CHILDREN: "children",
    Part.STATUS: "status",
    Part.STABLE: "stable",
    Part.PROTECTED: "protected",
    Part.DETAILS: "details",
}
"""A part to the second word of its piece; where a level has no such piece, it has no such part."""
EXPRESSIONS: dict[Part, tuple[str, dict[Level, str]]] = {
    Part.LABELS: ("labels", LABELS),
    Part.METADATA: ("metadata", METADATA),
    Part.ATTACHMENTS: ("attachments", ATTACHMENTS),
}


def shown_columns(level: Level, wanted: Wanted, columns: Columns, *, header: bool = False) -> str:
    """What to select of a resource, each expression of its own row alone.

    With `header`, that of one of its instances, whether or not a requested tag needs it.
    """
    name = level.lower()
    pieces = [PIECES[f"{name}_row"]]
    words = [word for part, word in PARTS.items() if part in wanted.parts]
    own = set(columns.main[level]) | set(columns.main["Patient"] if level == "Study" else ())
    if "tags" not in words and own.intersection(wanted.tags):
        words.append("tags")
    pieces += [PIECES[f"{name}_{word}"] for word in words if f"{name}_{word}" in PIECES]
    pieces += [
        f"{expressions[level]} AS {word}"
        for part, (word, expressions) in EXPRESSIONS.items()
        if part in wanted.parts
    ]
    for owner in above(level):
        of_owner = f"{name}_of_{owner.lower()}"
        if f"{of_owner}_tags" in PIECES and set(columns.main[owner]).intersection(wanted.tags):
            pieces.append(PIECES[f"{of_owner}_tags"])
        shown = owner == level and Part.MAIN_TAGS in wanted.parts and columns.sequences[owner]
        if shown or set(columns.sequences[owner]).intersection(wanted.tags):
            pieces.append(PIECES[f"{of_owner}_sequences"])
    computed = (tag for tag in COMPUTED[level] if tag in wanted.tags)
    pieces += [f"{PIECES[f'tag_{tag}']} AS tag_{tag}" for tag in computed]
    if header or needs_header(level, wanted, columns):
        pieces.append(PIECES[f"{name}_header"])
    return ", ".join(pieces)


def needs_header(level: Level, wanted: Wanted, columns: Columns) -> bool:
    """Whether one of the requested tags is in no column."""
    return any(columns.in_header(level, tag) for tag in wanted.tags)

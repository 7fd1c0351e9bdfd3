# SPDX-License-Identifier: Apache-2.0
"""A file with what a `Correction` says: the meta header that it should have, and what is kept."""

from __future__ import annotations

from pons.dicom.part10 import element
from pons.header import syntax as s
from pons.header.meta import GROUP_LENGTH, element_at, meta_start, meta_syntax
from pons.header.model import Correction
from pons.header.syntax import Syntax


def corrected_meta(beginning: bytes, transfer_syntax: str) -> bytes:
    """Give a file up to its data set, which names `transfer_syntax`; `beginning` is that of now.

    Its other elements stay as they are, but for the group's length, which becomes right.
    """
    start = meta_start(beginning)
    group = beginning[start:]
    syntax = meta_syntax(group)
    length, kept = b"", b""
    pos = 0
    while pos < len(group) and (found := element_at(group, syntax, pos)) is not None:
        tag, end = found
        if tag == GROUP_LENGTH:
            length = group[pos:end]
        elif tag == s.META_TRANSFER_SYNTAX:
            kept += _uid(syntax, transfer_syntax)
        else:
            kept += group[pos:end]
        pos = end
    if length:  # its value is its last four bytes, in both encodings
        length = length[:-4] + len(kept).to_bytes(4, "little")
    return beginning[:start] + length + kept


def kept_ranges(correction: Correction, size: int) -> list[tuple[int, int]]:
    """Give start and end of what the data set of a corrected file is made of."""
    ends = [start for start, _ in correction.misplaced] + [size]
    starts = [correction.meta_end] + [end for _, end in correction.misplaced]
    return [(start, end) for start, end in zip(starts, ends, strict=True) if start < end]


def _uid(syntax: Syntax, transfer_syntax: str) -> bytes:
    explicit = element(s.META_TRANSFER_SYNTAX, "UI", transfer_syntax.encode("ascii"))
    if syntax.implicit:
        return explicit[:4] + (len(explicit) - 8).to_bytes(4, "little") + explicit[8:]
    return explicit

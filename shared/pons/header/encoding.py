# SPDX-License-Identifier: Apache-2.0
"""How a data set is really encoded, where its transfer syntax or the VR of an element is wrong.

Nothing here is needed for ordinary files. What can be read in several ways is read in the one after
which the next element makes sense, as DCMTK and people do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pons.header import syntax as s
from pons.header.model import UNDEFINED
from pons.header.syntax import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, Syntax, standard_vr
from pons.header.tables import LONG_VRS

JUDGED = 4096
"""Bytes of the beginning of a data set or item that are looked at."""
ODD_HEAD = 12
"""Bytes of an element without a VR that are looked at."""
AFTER = 8
"""Bytes that are looked at of what would follow a value."""

_ENOUGH = 4
"""Elements in a row that make sense; so many cannot by chance."""
_ITEMS = {
    False: (b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"),
    True: (b"\xff\xfe\xe0\x00", b"\xff\xfe\xe0\xdd"),
}
_ITEM_END = 0xFFFEE00D

Value = tuple[int, int]
"""Where a value starts, and its length."""


def real_syntax(declared: Syntax, head: bytes, size: int) -> Syntax:
    """Say how a data set or item of `size` bytes is encoded that begins with `head`.

    It is `declared`, unless its first elements make more sense in another encoding.
    """
    if not is_suspicious(declared, head):
        return declared
    others = (EXPLICIT_LITTLE, IMPLICIT_LITTLE, EXPLICIT_BIG)
    return max((declared, *others), key=lambda syntax: _run(syntax, head, size))


def is_plain(head: bytes, size: int) -> bool:
    """Say whether a data set that is said to be deflated is not."""
    if len(head) < AFTER or head[1] or not s.is_vr(head[4:6]):
        return False
    return _run(EXPLICIT_LITTLE, head, size) > 1


def item_syntax(syntax: Syntax, head: bytes, size: int) -> Syntax:
    """Say how an item is encoded: some writers put implicit items into explicit files."""
    if syntax is not EXPLICIT_LITTLE or len(head) < AFTER or head[4:6] in s.VRS:
        return syntax
    if head[:2] == b"\xfe\xff":  # it ends at once
        return syntax
    length = int.from_bytes(head[4:8], "little")
    if 0 < length <= min(0xFFFF, size - AFTER):
        return IMPLICIT_LITTLE
    (short,) = syntax.unpack_number(head, 6)
    after = head[AFTER + short :][:AFTER]
    if short and len(head) >= AFTER + short and _likelihood(syntax, head, short, after) == 3:
        return syntax  # what is no VR has a length of two bytes
    return max((IMPLICIT_LITTLE, syntax), key=lambda one: _run(one, head, size))


def odd_values(syntax: Syntax, head: bytes, pos: int) -> list[Value]:
    """Give how the element at `pos` may be read whose VR is none, the likeliest first.

    It has no VR and a length of four bytes (PS3.5 7.1.3), as some writers mix them; or what is no
    VR has a length of two bytes, which is how DCMTK reads it; or of four, as new VRs have.
    """
    (implicit,) = syntax.unpack_long(head, 4)
    (short,) = syntax.unpack_number(head, 6)
    values = [(pos + 8, implicit), (pos + 8, short)]
    if 0xFFFF < implicit < UNDEFINED:
        values.reverse()
    if len(head) >= ODD_HEAD and head[6:8] == b"\0\0":
        values.append((pos + 12, syntax.unpack_long(head, 8)[0]))
    return values[::-1] if s.is_vr(head[4:6]) else values


def choose_value(
    syntax: Syntax, head: bytes, values: list[Value], after: list[bytes | None]
) -> Value | None:
    """Choose among `odd_values` by what follows each: None for one that does not fit, empty at the
    end. `place_after` says where that is."""
    fitting = [(value, rest) for value, rest in zip(values, after, strict=True) if rest is not None]
    if not fitting:
        return None
    return max(fitting, key=lambda one: _likelihood(syntax, head, one[0][1], one[1]))[0]


def place_after(value: Value) -> int:
    """Give where to look for what follows; of a value of undefined length, at its first item."""
    start, length = value
    return start if length == UNDEFINED else start + length


def read_odd(syntax: Syntax, peek: Callable[[int, int], bytes], pos: int, end: int) -> Value | None:
    """As `choose_value`, where all bytes up to `end` are at hand; `peek` gives some of them."""
    head = peek(pos, min(ODD_HEAD, end - pos))
    values = odd_values(syntax, head, pos)
    places = map(place_after, values)
    after = [peek(at, min(AFTER, end - at)) if at <= end else None for at in places]
    return choose_value(syntax, head, values, after)


def is_suspicious(declared: Syntax, head: bytes) -> bool:
    """Say whether the first element is not what the syntax lets expect: first groups are low.

    A meta header's encoding is not declared, but seen.
    """
    if len(head) < AFTER or declared.meta:
        return False
    low, high = (head[1], head[0]) if declared.big_endian else (head[0], head[1])
    return (head[4:6] in s.VRS) is declared.implicit or (not low and bool(high))


def _likelihood(syntax: Syntax, head: bytes, length: int, after: bytes) -> int:
    """Say how well what follows a value fits, from 0 to 3."""
    if length == UNDEFINED:
        return 3 if after[:4] in _ITEMS[syntax.big_endian] else 0
    if not after:
        return 3
    if len(after) < AFTER or not any(after):
        return 0 if any(after) else 2  # zeros pad a file
    tag, following = syntax.tag(head), syntax.tag(after)
    if following == _ITEM_END:
        return 3
    if following >> 16 == 0xFFFE:
        return 0
    if following > tag:
        if after[4:6] in s.VRS or after[4:6] == head[4:6] != b"\0\0":
            return 3
        return 2 if standard_vr(following) else 0
    return 1 if after[4:6] in s.VRS else 0


def _run(syntax: Syntax, head: bytes, size: int) -> int:
    """Count the elements that make sense in a row, up to `_ENOUGH`."""
    count, last = 0, -1
    for tag, makes_sense in _elements(syntax, head, size):
        if tag <= last or count == _ENOUGH:
            break
        count += makes_sense
        last = tag
    return count


def _elements(syntax: Syntax, head: bytes, size: int) -> Iterator[tuple[int, bool]]:
    """The first elements by tag, and whether they are encoded as the syntax says."""
    pos = 0
    while pos + AFTER <= len(head):
        tag = syntax.tag(head, pos)
        start, makes_sense = pos + 8, True
        if syntax.implicit:
            (length,) = syntax.unpack_long(head, pos + 4)
            makes_sense = tag >> 16 & 1 == 1 or standard_vr(tag) is not None
        elif head[pos + 4 : pos + 6] not in s.VRS:
            odd = read_odd(syntax, lambda at, length: head[at : at + length], pos, len(head))
            if odd is None:
                return
            start, length = odd
            makes_sense = False
        elif head[pos + 4 : pos + 6].decode() in LONG_VRS:
            if pos + 12 > len(head) or head[pos + 6 : pos + 8] != b"\0\0":
                return
            start = pos + 12
            (length,) = syntax.unpack_long(head, pos + 8)
        else:
            (length,) = syntax.unpack_number(head, pos + 6)
        if length == UNDEFINED:
            if head[start : start + 4] in _ITEMS[syntax.big_endian]:
                yield tag, makes_sense
            return
        if start + length > size:
            return
        yield tag, makes_sense
        pos = start + length

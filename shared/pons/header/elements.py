# SPDX-License-Identifier: Apache-2.0
"""The one loop over the elements of a data set, and over the items of its sequences.

`Scan.dataset` is where a file's time is spent: every line of its loop runs for each of some 250
elements. Whatever is not plain (sequences, identifiers, private and unknown elements, values of
undefined length) leaves the loop for `_special`.
"""

from __future__ import annotations

from base64 import b64encode
from itertools import repeat

from pons.dicom.vocabulary import attribute
from pons.errors import InvalidInstance
from pons.header import syntax as s
from pons.header.charset import ESCAPE, Charset, Escapes, charset_of, text_of
from pons.header.convert import BINARY_VRS
from pons.header.encoding import (
    AFTER,
    JUDGED,
    ODD_HEAD,
    item_syntax,
    odd_values,
    read_odd,
    real_syntax,
)
from pons.header.fragments import skip_fragments
from pons.header.level import Level
from pons.header.model import (
    BYTES_PER_ELEMENT,
    COST_OF_ITEM,
    COST_OF_NEWS,
    MAX_DEPTH,
    MAX_ELEMENTS,
    MAX_HEADER,
    MAX_INLINE,
    MAX_JSON,
    MAX_ODD,
    MAX_TEXT,
    TOP_SEPARATOR,
    UNDEFINED,
    Buffer,
    PastEnd,
    PixelData,
    Window,
    too_large,
)
from pons.header.syntax import LONG, Known, Syntax, name

_REMEMBERED = 8192


class Scan:
    """Reads the data set in `source`, which is encoded as `declared` says, or as it really is.

    What was found is there after `read`, whose window is a beginning of the source; of a `deflated`
    source, a beginning of what it inflates to. `PastEnd` says that the window is too short.
    """

    def __init__(
        self,
        source: Buffer,
        declared: Syntax,
        *,
        default_charset: str,
        base_offset: int = 0,
        deflated: bool = False,
        whole: bool = False,
        reveal: bool = False,
    ) -> None:
        """`reveal` gives a value that came as UN because it is long the VR of its attribute."""
        self.source = source
        self.declared = declared
        self.default_charset = default_charset
        self.base_offset = base_offset
        self.deflated = deflated
        self.whole = whole
        self.reveal = reveal
        self._affordable = MAX_ELEMENTS + len(source) // BYTES_PER_ELEMENT

    def read(self, window: Window, start: int, signed: bool | None = None) -> bytes:
        """Give the JSON object of the data set that starts at `start` of the window."""
        self.window = window
        if self.deflated:
            self.source = window
        self.budget, self.room = self._affordable, MAX_HEADER
        self.escapes = Escapes()
        self.kept: dict[int, bytes] = {}
        self.pixel_data: PixelData | None = None
        self.misplaced: list[tuple[int, int]] = []
        """Where elements of group 0002 are, which count for nothing."""
        self.went_on = False
        """The header goes on after the pixel data: what has been read may not be all of it."""
        head, size = window[start : start + JUDGED], len(self.source) - start
        self.syntax = real_syntax(self.declared, head, size)
        charset = charset_of(b"", self.default_charset, self.escapes)
        level = Level(self.syntax, charset, signed=signed)
        json = self.dataset(level, start, len(window), endless=False)[0]
        if len(json) > MAX_JSON:
            raise too_large(f"more than {MAX_JSON} bytes as JSON")
        if level.guessed and any(self.kept.get(s.PIXEL_REPRESENTATION, b"")):
            # Elements before PixelRepresentation depend on it: once more.
            return self.read(window, start, signed=True)
        return json

    def text(self, tag: int) -> str:
        """Give the text of an element that was kept, in the default repertoire."""
        return text_of(self.kept.get(tag, b"")).strip(" ")

    def spend(self, elements: int) -> None:
        """Count elements and items; refuse a header that has too many of them."""
        self.budget -= elements
        if self.budget <= 0:
            raise too_large(f"more than {MAX_ELEMENTS} elements and items")

    def dataset(self, level: Level, pos: int, end: int, endless: bool) -> tuple[bytes, int]:
        """Give the JSON object of one data set or item, and the position after it.

        An `endless` one ends with an item delimiter somewhere before `end`.
        """
        window, syntax, memo, charset = self.window, level.syntax, level.memo, level.charset
        unpack_head, unpack_long = syntax.unpack_head, syntax.unpack_long
        known, learn = syntax.known, self._learn
        fragments: list[bytes] = []
        counted, last_tag, in_order, last_head = 0, -1, True, end - 8
        for _ in repeat(None, self.budget):
            if pos > last_head:
                self._check_end(level, pos, end, endless)
                break
            head, length = unpack_head(window, pos)
            element = known.get(head) or learn(syntax, head)
            tag, kind, prefix, convert, _ = element
            start = pos + 8
            if kind & LONG:
                if start + 4 > end:
                    raise self._past_end(tag, start, 4, end)
                (length,) = unpack_long(window, start)
                start += 4
            stop = start + length
            if length <= MAX_INLINE and kind <= LONG:
                if stop > end:
                    raise self._past_end(tag, start, length, end)
                raw = window[pos:stop]
                found = memo.get(raw)
                if found is None:
                    tail = convert(window[start:stop], charset)
                    found = self._unfit(tag, start, stop) if tail is None else prefix + tail
                    if len(memo) >= _REMEMBERED:
                        memo.clear()
                    memo[raw] = found
                fragment = found
            elif kind <= LONG and length != UNDEFINED:
                if stop > end:
                    raise self._past_end(tag, start, length, end)
                fragment = self._value(element, charset, start, stop)
            else:
                self.spend(len(fragments) - counted)
                counted = len(fragments)
                if kind >= s.ODD:
                    if kind == s.ODD:
                        element, start, length = self._odd(level, tag, pos, end)
                        kind = element[1]
                    if kind & ~LONG == s.META and not level.depth:
                        stop = start + length
                        if stop > end:
                            raise self._past_end(tag, start, length, end)
                        self.spend(1)
                        self.misplaced.append((pos, stop))
                        pos = stop
                        continue
                    if kind >= s.ITEM_END and self._is_end(level, kind, tag, pos, end):
                        pos = start if kind == s.ITEM_END else end
                        break
                if kind & ~LONG == s.PIXELS and not level.depth:
                    pos = self._pass_pixels(syntax, element, start, length)
                    if self.whole or self._goes_on(syntax, pos):
                        continue
                    break
                fragment, stop = self._special(level, element, start, length, end)
                memo, charset = level.memo, level.charset
            if tag <= last_tag:
                in_order = False
            last_tag = tag
            fragments.append(fragment)
            pos = stop
        else:
            self.spend(self.budget)
        self.spend(len(fragments) - counted)
        if not in_order:  # of a tag that occurs twice the last counts, as in pydicom
            by_tag = {fragment[:10]: fragment for fragment in fragments}
            fragments = [by_tag[tag] for tag in sorted(by_tag)]
        return b"{" + (b"," if level.depth else TOP_SEPARATOR).join(fragments) + b"}", pos

    def _learn(self, syntax: Syntax, head: bytes) -> Known:
        self.spend(COST_OF_NEWS)
        return syntax.learn(head)

    def _special(
        self, level: Level, element: Known, start: int, length: int, end: int
    ) -> tuple[bytes, int]:
        """Give the JSON of an element that is not plain, and the position after it."""
        tag, kind, prefix, _, vr = element
        kind &= ~LONG
        is_un = vr == "UN" and not level.syntax.implicit
        if vr == "UN":
            hidden = is_un and (length == UNDEFINED or not self.reveal)
            vr = level.look_up(self.window, tag, hidden, start, length)
            element = level.syntax.element(tag, vr, kind)
            prefix = element[2]
        if vr == "SQ":
            items, stop = self._sequence(level, tag, is_un, start, length, end)
            return prefix + (b',"Value":[' + items + b"]}" if items else b"}"), stop
        if length == UNDEFINED:
            if vr not in BINARY_VRS:
                raise InvalidInstance(
                    f"{name(tag)} at offset {start}: a value of VR {vr} cannot have an undefined "
                    "length"
                )
            stop = skip_fragments(self.window, start, level.syntax.unpack_item, self.spend)
            return self._bulk(prefix, start, stop - 8), stop
        stop = start + length
        if stop > end:
            raise self._past_end(tag, start, length, end)
        if kind == s.KEPT:
            self._keep(level, tag, self.window[start : min(stop, start + MAX_TEXT)])
        elif kind == s.CREATOR:
            level.note_creator(tag, self.window[start : min(stop, start + MAX_INLINE)])
        return self._value(element, level.charset, start, stop), stop

    def _value(self, element: Known, charset: Charset, start: int, stop: int) -> bytes:
        """Give the JSON of an element with its value, which may be too long to be in it."""
        tag, _, prefix, convert, vr = element
        is_long = stop - start > MAX_INLINE
        if is_long and (vr in BINARY_VRS or stop - start > MAX_TEXT):
            return self._bulk(prefix, start, stop)
        value = self.window[start:stop]
        if is_long:
            empty = value.count(b"\\\\")
            if value.count(ESCAPE) + empty > MAX_ODD:
                return self._bulk(prefix, start, stop)
            self.spend(empty)
        tail = convert(value, charset)
        if tail is None:
            return self._unfit(tag, start, stop)
        if is_long:
            self.room -= len(tail)  # as JSON: a control character takes six bytes there
            if self.room < 0:
                raise too_large(f"more than {MAX_HEADER} bytes of long values")
        return prefix + tail

    def _bulk(self, prefix: bytes, start: int, stop: int) -> bytes:
        """Give the JSON of a value that stays in the file, by its place there."""
        place = f"z{start}" if self.deflated else str(start + self.base_offset)
        return prefix + f',"BulkDataURI":"{place}/{stop - start}"}}'.encode()

    def _unfit(self, tag: int, start: int, stop: int) -> bytes:
        """Give the JSON of a value whose length does not fit its VR: as UN, it stays readable."""
        prefix = f'"{tag:08X}":{{"vr":"UN"'.encode()
        if stop - start > MAX_INLINE:
            return self._bulk(prefix, start, stop)
        return prefix + b',"InlineBinary":"' + b64encode(self.window[start:stop]) + b'"}'

    def _odd(self, level: Level, tag: int, pos: int, end: int) -> tuple[Known, int, int]:
        """Give an element whose VR is none with that of the dictionaries, and its value's place."""
        self.spend(COST_OF_ITEM)
        syntax, window = level.syntax, self.window
        limit = len(self.source) if end == len(window) else end
        value = read_odd(syntax, self.peek, pos, limit)
        if value is None:
            start, length = odd_values(syntax, self.peek(pos, ODD_HEAD), pos)[0]
            raise self._past_end(tag, start, length, end)
        start, length = value
        vr = level.look_up(window, tag, s.is_vr(window[pos + 4 : pos + 6]), start, length)
        kind = syntax.kind(tag, vr)
        return syntax.element(tag, "LO" if kind == s.CREATOR else vr, kind), start, length

    def peek(self, pos: int, length: int) -> bytes:
        """Give bytes of the source."""
        return bytes(self.source[pos : pos + length])

    def _sequence(
        self, level: Level, tag: int, is_un: bool, start: int, length: int, end: int
    ) -> tuple[bytes, int]:
        """Give the JSON of a sequence's items, and the position after the sequence."""
        if level.depth >= MAX_DEPTH:
            raise InvalidInstance(
                f"{name(tag)} at offset {start} is nested deeper than {MAX_DEPTH} sequences"
            )
        endless = length == UNDEFINED
        limit = end if endless else start + length
        if limit > end:
            raise self._past_end(tag, start, length, end)
        syntax = level.syntax
        if is_un and syntax.big_endian and self.window[start : start + 2] == b"\xfe\xff":
            syntax = s.IMPLICIT_LITTLE  # PS3.5 6.2.2: UN is always implicit little endian inside
        items: list[bytes] = []
        size, pos = 0, start
        while endless or pos < limit:
            if pos + 8 > limit:
                raise self._past_end(tag, start, pos + 8 - start, limit)
            group, number, item_length = syntax.unpack_item(self.window, pos)
            pos += 8
            if group == 0xFFFE and number == 0xE0DD:
                return b",".join(items), pos if endless else limit
            if group != 0xFFFE or number != 0xE000:
                raise InvalidInstance(
                    f"{name(tag)}: expected an item or the sequence delimiter at offset "
                    f"{pos - 8}, found ({group:04X},{number:04X})"
                )
            self.spend(COST_OF_ITEM)
            endless_item = item_length == UNDEFINED
            item_end = limit if endless_item else pos + item_length
            if item_end > limit:
                raise self._past_end(tag, pos, item_length, limit)
            if item_end == pos:
                items.append(b"{}")
                continue
            inside = syntax
            if syntax is s.EXPLICIT_LITTLE and self.window[pos + 4 : pos + 6] not in s.VRS:
                self.spend(COST_OF_NEWS)
                head = self.window[pos : min(item_end, pos + JUDGED)]
                inside = item_syntax(syntax, head, item_end - pos)
            item, pos = self.dataset(level.item(inside), pos, item_end, endless_item)
            items.append(item)
            size += len(item)
            if size > MAX_JSON:
                raise too_large(f"{name(tag)} is more than {MAX_JSON} bytes as JSON")
        return b",".join(items), limit

    def _keep(self, level: Level, tag: int, value: bytes) -> None:
        """Note a value that identifies the instance, or that later elements depend on."""
        if tag == s.CHARACTER_SET:
            self.spend(COST_OF_NEWS * (1 + value.count(b"\\")))
            level.use(charset_of(value, self.default_charset, self.escapes))
        else:
            level.note_number(tag, value)
        if level.depth == 0:
            self.kept[tag] = value

    def _pass_pixels(self, syntax: Syntax, element: Known, start: int, length: int) -> int:
        """Note where the pixel data is, see that it is complete, and give its end."""
        tag, vr = element[0], element[4]
        stop = start + length
        if length == UNDEFINED:
            stop = skip_fragments(self.source, start, syntax.unpack_item, self.spend)
        elif stop > len(self.source) and not self.deflated:
            raise self._past_end(tag, start, length, len(self.window))
        if vr == "UN":  # implicit: OW, and only explicit data can be encapsulated (PS3.5 A.4)
            vr = "OB" if length == UNDEFINED else "OW"
        offset = start if self.deflated else start + self.base_offset
        known_length = None if length == UNDEFINED else length
        self.pixel_data = PixelData(tag, offset, known_length, vr, self.deflated)
        return stop

    def _goes_on(self, syntax: Syntax, pos: int) -> bool:
        """Say whether elements follow the pixel data that belong before it, as some writers do."""
        if not s.IDENTIFIERS.issubset(self.kept):
            self.went_on = True
        elif len(after := self.peek(pos, AFTER)) == AFTER:
            tag = syntax.tag(after)
            sensible = attribute(tag) is not None if syntax.implicit else after[4:6] in s.VRS
            self.went_on = sensible and s.CHARACTER_SET <= tag < min(s.PIXEL_TAGS)
        return self.went_on

    def _past_end(self, tag: int, start: int, length: int, end: int) -> Exception:
        """Give what to raise for `length` bytes at `start` that do not fit before `end`, which may
        be the end of an item, of the window or of the file."""
        if end < len(self.window):
            left, where = end - start, "are left in what contains it"
            return InvalidInstance(
                f"{name(tag)} at offset {start} has {length} bytes, but only {left} {where}"
            )
        if self.deflated or start + length <= len(self.source):
            return PastEnd(start + length)
        return InvalidInstance(
            f"{name(tag)} at offset {start} has {length} bytes, "
            f"but the file has only {len(self.source) - start} left"
        )

    def _check_end(self, level: Level, pos: int, end: int, endless: bool) -> None:
        """Refuse a data set or item that stops in the middle of an element."""
        if not endless and (pos >= end or (level.depth == 0 and not any(self.window[pos:end]))):
            return  # some writers pad a file with zeros
        if end == len(self.window):
            raise PastEnd(end + 1)
        raise InvalidInstance(f"An item ends in the middle of an element, at offset {end}")

    def _is_end(self, level: Level, kind: int, tag: int, pos: int, end: int) -> bool:
        """Say whether the data set ends here; refuse what can be neither element nor end."""
        if kind == s.ITEM_END and level.depth:
            return True
        padding = self.window[pos : min(end, pos + MAX_TEXT)]
        if kind == s.PADDING and level.depth == 0 and not padding.strip(b"\0"):
            return True
        raise InvalidInstance(
            f"Expected an element at offset {pos}, found ({tag >> 16:04X},{tag & 0xFFFF:04X})"
        )

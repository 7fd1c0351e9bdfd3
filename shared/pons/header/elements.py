# SPDX-License-Identifier: Apache-2.0
"""The one loop over the elements of a data set, and over the items of its sequences.

`Scan.dataset` is where a file's time is spent: every line of its loop runs for each of some 250
elements. Whatever is not plain (sequences, identifiers, private and unknown elements, values of
undefined length) leaves the loop for `_special`.
"""

from __future__ import annotations

from itertools import repeat

from pons.dicom.vocabulary import attribute
from pons.errors import InvalidInstance
from pons.header import syntax as s
from pons.header.bounds import Bounds
from pons.header.charset import Escapes, charset_of, until_nul
from pons.header.convert import BINARY_VRS
from pons.header.encoding import AFTER, JUDGED, ODD_HEAD, item_syntax, odd_values, read_odd
from pons.header.fragments import Buffer, skip_fragments
from pons.header.level import Level
from pons.header.model import (
    BYTES_PER_ELEMENT,
    COST_OF_ITEM,
    COST_OF_NEWS,
    MAX_DEPTH,
    MAX_ELEMENTS,
    MAX_INLINE,
    MAX_JSON,
    MAX_TEXT,
    TOP_SEPARATOR,
    UNDEFINED,
    PixelData,
    too_large,
)
from pons.header.syntax import LONG, Element, Known, Syntax, name
from pons.header.values import Values, Window

_REMEMBERED = 8192


class Scan:
    """One pass over `window`, which is `source` or its beginning; `size` is what was received."""

    def __init__(
        self,
        window: Window,
        source: Buffer,
        *,
        default_charset: str,
        size: int | None = None,
        base_offset: int = 0,
        deflated: bool = False,
        whole: bool = False,
    ) -> None:
        self.window = window
        self.source = source
        self.default_charset = default_charset
        self.escapes = Escapes()
        self.whole = whole
        budget = MAX_ELEMENTS + (len(source) if size is None else size) // BYTES_PER_ELEMENT
        self.bounds = Bounds(window, source, deflated)
        self.values = Values(window, base_offset, deflated, budget)
        self.kept: dict[int, bytes] = {}
        self.pixel_data: PixelData | None = None
        self.syntax = s.EXPLICIT_LITTLE
        self.guessed_unsigned = False
        self.misplaced: list[tuple[int, int]] = []
        """Where elements of group 0002 are, which count for nothing."""
        self.went_on = False
        """The header goes on after the pixel data: what has been read may not be all of it."""

    def top(self, syntax: Syntax, start: int, end: int, signed: bool | None = None) -> bytes:
        """Give the JSON object of the data set in `window[start:end]`."""
        charset = charset_of(b"", self.default_charset, self.escapes)
        level = Level(syntax, charset, 0, signed)
        self.syntax = syntax
        json = self.dataset(level, start, end, endless=False)[0]
        if len(json) > MAX_JSON:
            raise too_large(f"more than {MAX_JSON} bytes as JSON")
        return json

    def dataset(self, level: Level, pos: int, end: int, endless: bool) -> tuple[bytes, int]:
        """Give the JSON object of one data set or item, and the position after it.

        An `endless` one ends with an item delimiter somewhere before `end`.
        """
        window, values, bounds, syntax = self.window, self.values, self.bounds, level.syntax
        memo, charset = level.memo, level.charset
        unpack_head, unpack_long = syntax.unpack_head, syntax.unpack_long
        known, learn = syntax.known, self._learn
        fragments: list[bytes] = []
        counted, last_tag, in_order, last_head = 0, -1, True, end - 8
        for _ in repeat(None, values.budget):
            if pos > last_head:
                bounds.check_end(level.depth, pos, end, endless)
                break
            head, length = unpack_head(window, pos)
            tag, kind, prefix, convert, element = known.get(head) or learn(syntax, head)
            start = pos + 8
            if kind & LONG:
                if start + 4 > end:
                    raise bounds.past_end(tag, start, 4, end)
                (length,) = unpack_long(window, start)
                start += 4
            stop = start + length
            if length <= MAX_INLINE and kind <= LONG:
                if stop > end:
                    raise bounds.past_end(tag, start, length, end)
                raw = window[pos:stop]
                found = memo.get(raw)
                if found is None:
                    tail = convert(window[start:stop], charset)
                    found = values.unfit(tag, start, stop) if tail is None else prefix + tail
                    if len(memo) >= _REMEMBERED:
                        memo.clear()
                    memo[raw] = found
                fragment = found
            elif kind <= LONG and length != UNDEFINED:
                if stop > end:
                    raise bounds.past_end(tag, start, length, end)
                fragment = values.long(element, charset, start, stop)
            else:
                values.spend(len(fragments) - counted)
                counted = len(fragments)
                if kind >= s.ODD:
                    if kind == s.ODD:
                        element, start, length = self._odd(level, tag, pos, end)
                        kind = element.kind
                    if kind & ~LONG == s.META and not level.depth:
                        pos = self._pass_misplaced(tag, pos, start, length, end)
                        continue
                    if kind >= s.ITEM_END and bounds.is_end(level.depth, kind, tag, pos, end):
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
            values.spend(values.budget)
        values.spend(len(fragments) - counted)
        if not in_order:
            fragments = _in_order(fragments)
        return b"{" + (b"," if level.depth else TOP_SEPARATOR).join(fragments) + b"}", pos

    def _learn(self, syntax: Syntax, head: bytes) -> Known:
        self.values.spend(COST_OF_NEWS)
        return syntax.learn(head)

    def _special(
        self, level: Level, element: Element, start: int, length: int, end: int
    ) -> tuple[bytes, int]:
        """Give the JSON of an element that is not plain, and the position after it."""
        kind = element.kind & ~LONG
        un = element.vr == "UN" and not level.syntax.implicit
        if element.vr == "UN":
            vr = level.look_up(self.window, element.tag, un, start, length)
            if " " in vr:
                self.guessed_unsigned |= vr == "US or SS" and level.signed is None
                vr = level.settle(vr)
            element = level.syntax.element(element.tag, vr, kind)
        stop = start + length
        if element.vr == "SQ":
            items, stop = self._sequence(level, element, un, start, length, end)
            tail = b',"Value":[' + items + b"]}" if items else b"}"
            return element.prefix + tail, stop
        if length == UNDEFINED:
            return self._undefined(level, element, start)
        if stop > end:
            raise self.bounds.past_end(element.tag, start, length, end)
        if kind == s.KEPT:
            self._keep(level, element.tag, start, stop)
        elif kind == s.CREATOR:
            creator = until_nul(self.window[start : min(stop, start + MAX_INLINE)])
            level.note_creator(element.tag, level.charset.decode(creator).strip(" "))
        if length > MAX_INLINE:
            return self.values.long(element, level.charset, start, stop), stop
        converted = element.convert(self.window[start:stop], level.charset)
        if converted is None:
            return self.values.unfit(element.tag, start, stop), stop
        return element.prefix + converted, stop

    def _odd(self, level: Level, tag: int, pos: int, end: int) -> tuple[Element, int, int]:
        """Give an element whose VR is none with that of the dictionaries, and its value's place."""
        self.values.spend(COST_OF_ITEM)
        syntax, window = level.syntax, self.window
        limit = len(self.source) if end == len(window) else end
        value = read_odd(syntax, self._peek, pos, limit)
        if value is None:
            start, length = odd_values(syntax, self._peek(pos, ODD_HEAD), pos)[0]
            raise self.bounds.past_end(tag, start, length, end)
        start, length = value
        vr = level.look_up(window, tag, s.is_vr(window[pos + 4 : pos + 6]), start, length)
        if " " in vr:
            self.guessed_unsigned |= vr == "US or SS" and level.signed is None
            vr = level.settle(vr)
        kind = syntax.kind(tag, vr)
        return syntax.element(tag, "LO" if kind == s.CREATOR else vr, kind), start, length

    def _peek(self, pos: int, length: int) -> bytes:
        return bytes(self.source[pos : pos + length])

    def _sequence(
        self, level: Level, element: Element, un: bool, start: int, length: int, end: int
    ) -> tuple[bytes, int]:
        """Give the JSON of a sequence's items, and the position after the sequence."""
        if level.depth >= MAX_DEPTH:
            raise InvalidInstance(
                f"{name(element.tag)} at offset {start} is nested deeper than {MAX_DEPTH} sequences"
            )
        endless = length == UNDEFINED
        limit = end if endless else start + length
        if limit > end:
            raise self.bounds.past_end(element.tag, start, length, end)
        syntax = level.syntax
        if un and syntax.big_endian and self.window[start : start + 2] == b"\xfe\xff":
            syntax = s.IMPLICIT_LITTLE  # PS3.5 6.2.2: UN is always implicit little endian inside
        items: list[bytes] = []
        size, pos = 0, start
        while endless or pos < limit:
            if pos + 8 > limit:
                raise self.bounds.past_end(element.tag, start, pos + 8 - start, limit)
            group, number, item_length = syntax.unpack_item(self.window, pos)
            pos += 8
            if group == 0xFFFE and number == 0xE0DD:
                return b",".join(items), pos if endless else limit
            if group != 0xFFFE or number != 0xE000:
                raise InvalidInstance(
                    f"{name(element.tag)}: expected an item or the sequence delimiter at offset "
                    f"{pos - 8}, found ({group:04X},{number:04X})"
                )
            self.values.spend(COST_OF_ITEM)
            endless_item = item_length == UNDEFINED
            item_end = limit if endless_item else pos + item_length
            if item_end > limit:
                raise self.bounds.past_end(element.tag, pos, item_length, limit)
            if item_end == pos:
                items.append(b"{}")
                continue
            inside = syntax
            if syntax is s.EXPLICIT_LITTLE and self.window[pos + 4 : pos + 6] not in s.VRS:
                self.values.spend(COST_OF_NEWS)
                head = self.window[pos : min(item_end, pos + JUDGED)]
                inside = item_syntax(syntax, head, item_end - pos)
            item, pos = self.dataset(level.item(inside), pos, item_end, endless_item)
            items.append(item)
            size += len(item)
            if size > MAX_JSON:
                raise too_large(f"{name(element.tag)} is more than {MAX_JSON} bytes as JSON")
        return b",".join(items), limit

    def _undefined(self, level: Level, element: Element, start: int) -> tuple[bytes, int]:
        if element.vr not in BINARY_VRS:
            raise InvalidInstance(
                f"{name(element.tag)} at offset {start}: a value of VR {element.vr} "
                "cannot have an undefined length"
            )
        unpack_item = level.syntax.unpack_item
        stop = skip_fragments(self.window, start, unpack_item, self.values.spend)
        return self.values.bulk(element.prefix, start, stop - 8), stop

    def _keep(self, level: Level, tag: int, start: int, stop: int) -> None:
        """Note a value that identifies the instance, or that later elements depend on."""
        value = self.window[start : min(stop, start + MAX_TEXT)]
        if tag == s.CHARACTER_SET:
            self.values.spend(COST_OF_NEWS * (1 + value.count(b"\\")))
            level.use(charset_of(value, self.default_charset, self.escapes))
        elif tag == s.PIXEL_REPRESENTATION and len(value) >= 2:
            level.signed = level.syntax.unpack_number(value)[0] != 0
        elif tag == s.LUT_DESCRIPTOR and len(value) >= 2:
            level.lut_entries = level.syntax.unpack_number(value)[0]
        if level.depth == 0:
            self.kept[tag] = value

    def _pass_misplaced(self, tag: int, pos: int, start: int, length: int, end: int) -> int:
        """Note where an element is that does not count, and give its end."""
        if start + length > end:
            raise self.bounds.past_end(tag, start, length, end)
        self.values.spend(1)
        self.misplaced.append((pos, start + length))
        return start + length

    def _pass_pixels(self, syntax: Syntax, element: Element, start: int, length: int) -> int:
        """Note where the pixel data is, see that it is complete, and give its end."""
        deflated = self.values.deflated
        stop = start + length
        if length == UNDEFINED:
            stop = skip_fragments(self.source, start, syntax.unpack_item, self.values.spend)
        elif stop > len(self.source) and not deflated:
            raise self.bounds.past_end(element.tag, start, length, len(self.window))
        vr = element.vr
        if vr == "UN":  # implicit: OW, and only explicit data can be encapsulated (PS3.5 A.4)
            vr = "OB" if length == UNDEFINED else "OW"
        offset = start if deflated else start + self.values.base_offset
        known_length = None if length == UNDEFINED else length
        self.pixel_data = PixelData(element.tag, offset, known_length, vr, deflated)
        return stop

    def _goes_on(self, syntax: Syntax, pos: int) -> bool:
        """Say whether elements follow the pixel data that belong before it, as some writers do."""
        if not s.IDENTIFIERS.issubset(self.kept):
            self.went_on = True
            return True
        if pos + AFTER <= len(self.source):
            after = self._peek(pos, AFTER)
            tag = syntax.tag(after)
            sensible = attribute(tag) is not None if syntax.implicit else after[4:6] in s.VRS
            self.went_on = sensible and s.CHARACTER_SET <= tag < min(s.PIXEL_TAGS)
        return self.went_on


def _in_order(fragments: list[bytes]) -> list[bytes]:
    """Sort by tag; of a tag that occurs twice the last counts, as in pydicom."""
    by_tag = {fragment[:10]: fragment for fragment in fragments}
    return [by_tag[tag] for tag in sorted(by_tag)]

# SPDX-License-Identifier: Apache-2.0
"""Where the body of a request ends."""

import re

import httptools

LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*0*([0-9]{1,20})[ \t]*\r\n")
HEAD_ENDS = b"\r\n\r\n"
PIECE = 64 * 1024
"""Of a chunked body at a time, so that no more of what is not data is taken unseen."""


def end_of_head(before: bytes | bytearray, data: bytes, at: int, stop: int) -> int:
    """Where the first empty line of `data` from `at` on has ended, which may have begun in the
    last bytes of what was `before`; 0 if there is none."""
    before = before[-3:]
    across = (before + data[at : at + 3]).find(HEAD_ENDS) if before else -1
    if across >= 0:
        return at - len(before) + across + len(HEAD_ENDS)
    found = data.find(HEAD_ENDS, at, stop)
    return 0 if found < 0 else found + len(HEAD_ENDS)


class Body:
    """The body of one request, which a parser of its own follows.

    It is the parser that the server has, fed with the same bytes, so that both agree about where
    the body ends. What the head says of that only tells where to cut.
    """

    def __init__(self, head: bytes, lowered: bytes) -> None:
        self.ended = False
        self.broken = False
        """The body is no HTTP, or does not end where the head says: nothing more can be taken."""
        self.overhead = 0
        """Bytes that came since the last byte of data: sizes of chunks, extensions, trailers."""
        length = None if b"transfer-encoding" in lowered else LENGTH.search(lowered)
        self._left = int(length[1]) if length else None
        self._last = b""
        self._parser = httptools.HttpRequestParser(_Ends(self) if length else _Chunks(self))
        self._feed(head)

    def take(self, data: bytes, at: int) -> int:
        """Follow the body through `data` from `at` on; to where it may be passed on."""
        if self._left is None:
            return self._take_chunks(data, at)
        end = min(len(data), at + self._left)
        self._left -= end - at
        self._feed(memoryview(data)[at:end])
        if self.ended != (self._left == 0):
            self.broken = True
        return end

    def _take_chunks(self, data: bytes, at: int) -> int:
        """A chunked body ends with an empty line. The parser gets one after the other what may be
        its end, and so never a byte of what comes after it."""
        view, stop = memoryview(data), min(len(data), at + PIECE)
        while at < stop and not (self.ended or self.broken):
            cut = end_of_head(self._last, data, at, stop) or stop
            self._last = (self._last + data[max(at, cut - 3) : cut])[-3:]
            self.overhead += cut - at
            self._feed(view[at:cut])
            at = cut
        return at

    def _feed(self, data: bytes | memoryview) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.broken = True
        except httptools.HttpParserUpgrade:
            pass  # told at the end of a request that asks for another protocol


class _Ends:
    """What a parser tells of a body with a length."""

    def __init__(self, body: Body) -> None:
        self._body = body

    def on_message_begin(self) -> None:
        if self._body.ended:
            self._body.broken = True

    def on_message_complete(self) -> None:
        self._body.ended = True


class _Chunks(_Ends):
    """What a parser tells of a body in chunks."""

    def on_body(self, _data: bytes) -> None:
        self._body.overhead = 0

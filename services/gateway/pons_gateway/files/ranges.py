# SPDX-License-Identifier: Apache-2.0
"""`Range` as Orthanc reads it: `bytes=-b` is the beginning up to b, not the last b bytes."""

import re
from dataclasses import dataclass

from starlette.requests import Request

from pons_gateway.errors import BadRange

RANGE = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Range:
    """Bytes `first` to `last`, both included, of `size`."""

    first: int
    last: int
    size: int

    @property
    def length(self) -> int:
        return self.last - self.first + 1

    @property
    def header(self) -> bytes:
        """The value of `Content-Range`."""
        return f"bytes {self.first}-{self.last}/{self.size}".encode()


def range_of(request: Request, size: int) -> Range | None:
    """The part of a file of `size` bytes that is asked for; None for all of it.

    Raises `BadRange` where there are no such bytes, and for several ranges.
    """
    value = request.headers.get("range")
    if value is None:
        return None
    match = RANGE.fullmatch(value)
    if match is None:
        raise BadRange(f"A range is bytes=FIRST-LAST, not {value!r}")
    first = int(match[1] or 0)
    last = min(int(match[2]) if match[2] else size - 1, size - 1)
    if first > last:
        raise BadRange(f"There are no bytes {value!r} in {size}")
    return Range(first, last, size)

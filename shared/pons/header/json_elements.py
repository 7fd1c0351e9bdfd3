# SPDX-License-Identifier: Apache-2.0
"""The elements of a header's JSON, found without decoding it: a header may have many megabytes."""

from collections.abc import Collection, Iterator
from itertools import takewhile

import msgspec

from pons.header import TOP_SEPARATOR

TAG_END, VALUE = 9, 11
"""Where the tag ends, and where what it has begins, in `"00100010":{"vr":"PN"}`."""

ONE_PASS_ABOVE = 1024 * 1024
"""Bytes of a header from which on looking for each of several tags costs more than one look."""


def elements(header: bytes) -> Iterator[tuple[str, bytes]]:
    """Tag and JSON of each element, `{"vr":"PN"}`, one after the other.

    One element, or a header that the scan did not write, has no separator to be seen.
    """
    end = header.find(TOP_SEPARATOR)
    if end < 0:
        for tag, element in msgspec.json.decode(header, type=dict[str, msgspec.Raw]).items():
            yield tag, bytes(element)
        return
    start = 1
    while end >= 0:
        yield _parted(header, start, end)
        start = end + len(TOP_SEPARATOR)
        end = header.find(TOP_SEPARATOR, start)
    yield _parted(header, start, len(header) - 1)


def _parted(header: bytes, start: int, end: int) -> tuple[str, bytes]:
    return header[start + 1 : start + TAG_END].decode(), header[start + VALUE : end]


def find_element(header: bytes, tag: str) -> bytes | None:
    """What a header says of a tag, `{"vr":"PN"}`; None where it lacks it."""
    if TOP_SEPARATOR not in header:
        found = msgspec.json.decode(header, type=dict[str, msgspec.Raw]).get(tag)
        return None if found is None else bytes(found)
    name = b'"%b":' % tag.encode()
    if header.startswith(name, 1):
        start = 1
    else:
        start = header.find(TOP_SEPARATOR + name)
        if start < 0:
            return None
        start += len(TOP_SEPARATOR)
    end = header.find(TOP_SEPARATOR, start)
    return header[start + VALUE : end if end >= 0 else -1]


def select_elements(header: bytes, tags: Collection[str]) -> bytes:
    """A header with those elements alone that have one of `tags`, ascending."""
    wanted = sorted(tags)
    if len(header) > ONE_PASS_ABOVE:
        passed = takewhile(lambda element: element[0] <= wanted[-1], elements(header))
        found = [(tag, one) for tag, one in passed if tag in tags] if wanted else []
    else:
        each = ((tag, find_element(header, tag)) for tag in wanted)
        found = [(tag, one) for tag, one in each if one is not None]
    chosen = [b'"%b":%b' % (tag.encode(), one) for tag, one in found]
    return b"{" + TOP_SEPARATOR.join(chosen) + b"}"

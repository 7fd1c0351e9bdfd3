# SPDX-License-Identifier: Apache-2.0
"""The identifier of a request: a dataset that is small enough to be read from memory."""

import re

from pons.errors import InvalidInstance, TooLarge
from pons.header import read_identifier
from pons.limits import MEGABYTE

MAX_IDENTIFIER = 4 * MEGABYTE
"""Bytes of an identifier; a list of 10,000 UIDs has less than one."""
LEFT_OUT = re.compile(rb'"([0-9A-F]{8})":\{"vr":"(?!O[A-Z]|UN)[A-Z]{2}","BulkDataURI":')
"""A value that the scan leaves out because it is long, unless it is one that nothing is found by.
Without it the key would be one without a value, which every resource matches."""


class ReceivedIdentifier:
    """Gathers an identifier while it arrives; one of more than `most` bytes is dropped."""

    def __init__(self, most: int = MAX_IDENTIFIER) -> None:
        self._most = most
        self._content = bytearray()
        self._whole = True

    def write(self, piece: memoryview) -> bool:
        """Keep a copy of `piece`."""
        if len(self._content) + len(piece) > self._most:
            self._whole = False
            self._content.clear()
        if self._whole:
            self._content += piece
        return False

    async def spill(self) -> None: ...

    def close(self) -> None:
        self._content.clear()

    def read(self, transfer_syntax: str, default_charset: str) -> bytes:
        """The identifier as DICOM JSON.

        Raises `TooLarge` for one that was dropped, or has a value that is too long to look for, and
        `InvalidInstance` for one that is no dataset.
        """
        if not self._whole:
            raise TooLarge(f"The identifier has more than {self._most // MEGABYTE} MB")
        header = read_identifier(
            bytes(self._content), transfer_syntax, default_charset=default_charset
        )
        if header.pixel_data is not None:
            raise InvalidInstance("The identifier has pixel data")
        if left_out := LEFT_OUT.search(header.json):
            raise TooLarge(f"The value of {left_out[1].decode()} is too long to look for")
        return header.json

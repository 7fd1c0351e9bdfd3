# SPDX-License-Identifier: Apache-2.0
"""The data set of a stored instance as a stream: what follows its meta header, byte for byte."""

from collections.abc import AsyncIterator

from pons.catalog import InstanceToSend
from pons.dicom.transfer_syntaxes import DEFLATED
from pons.errors import InvalidInstance
from pons.header.encoding import JUDGED
from pons.header.file import syntax_of
from pons.header.meta import META_GROUP, PREFACE, find_meta_end
from pons.objects import Objects
from pons.objects.stored_file import stream_file
from pons.sending.convert import ENCAPSULATED, TARGETS


class Dataset:
    """The data set of one instance, read once from the object store.

    `prepare` reads its beginning, so that this can happen while another instance is being sent.
    """

    def __init__(self, objects: Objects, instance: InstanceToSend) -> None:
        self.instance = instance
        self._file = stream_file(objects, instance)
        self._beginning = b""
        self._start = 0

    async def prepare(self) -> None:
        """Read on until the meta header has ended."""
        async for piece in self._file:
            self._beginning += piece
            found = find_meta_end(self._beginning, complete=len(self._beginning) >= PREFACE)
            if found is not None or len(self._beginning) >= PREFACE:
                break
        else:
            found = find_meta_end(self._beginning, complete=True)
        if found is None:
            raise InvalidInstance(
                f"The meta header of instance {self.instance.instance_id} does not end"
            )
        self._start = found

    def is_as(self, transfer_syntax: str) -> bool:
        """Whether the bytes can go in `transfer_syntax`: it is theirs, and what they really have.

        Those of some files are encoded otherwise, begin with a group 0002 (PS3.5 7.1), or are of
        an odd number, at which DCMTK's receivers abort.
        """
        if transfer_syntax != self.instance.transfer_syntax:
            return False
        encoding = TARGETS.get(transfer_syntax)
        is_odd = (self.instance.size - self._start) % 2 == 1
        if encoding is None:
            return not (is_odd and transfer_syntax in ENCAPSULATED)
        if is_odd:
            return False
        first = self._beginning[self._start : self._start + JUDGED]
        real = syntax_of(transfer_syntax, first, self.instance.size - self._start)
        return first[:2] != META_GROUP and real is encoding

    async def pieces(self) -> AsyncIterator[bytes]:
        """The data set, in pieces of a megabyte or so; only once."""
        length = len(self._beginning) - self._start
        yield self._beginning[self._start :]
        self._beginning = b""
        async for piece in self._file:
            length += len(piece)
            yield piece
        if length % 2 and self.instance.transfer_syntax in DEFLATED:
            yield b"\0"  # PS3.5 A.5: a deflated stream is padded to even length


async def prepared(instance: InstanceToSend, objects: Objects) -> Dataset:
    """The data set of an instance, ready to be sent."""
    dataset = Dataset(objects, instance)
    await dataset.prepare()
    return dataset

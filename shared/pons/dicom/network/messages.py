# SPDX-License-Identifier: Apache-2.0
"""Messages from the fragments of their command set and dataset (PS3.7 6.3, PS3.8 annex E)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from pons.dicom.network.dimse import Command, Response, decode_command, decode_response
from pons.dicom.network.pdu import COMMAND, LAST, AbortReason, ProtocolError

MAX_COMMAND = 64 * 1024
"""Bytes of a command set; real ones have some hundred."""


@dataclass(frozen=True, slots=True)
class Context:
    """An accepted presentation context."""

    context_id: int
    abstract_syntax: str
    transfer_syntax: str


class Dataset(Protocol):
    """Where the dataset of a message goes while it arrives."""

    def write(self, piece: memoryview) -> bool:
        """Keep a copy of `piece`; give whether `spill` must come before more arrives."""

    async def spill(self) -> None:
        """Move what memory holds to where there is room."""

    def close(self) -> None:
        """Let go of it; nothing is left of a dataset that was not stored. May be repeated."""


@dataclass(frozen=True, slots=True)
class Message:
    """A request with its whole dataset, if it has one."""

    context: Context
    command: Command
    dataset: Dataset | None


@dataclass(frozen=True, slots=True)
class DatasetFull:
    """A dataset that needs `spill` before it can take more."""

    dataset: Dataset


class MessageReader:
    """Puts fragments together; `open_dataset` chooses, per request, where its dataset goes."""

    def __init__(self, open_dataset: Callable[[Context, Command], Dataset]) -> None:
        self.contexts: Mapping[int, Context] = {}
        """Accepted presentation contexts by their number."""
        self._open_dataset = open_dataset
        self._context: Context | None = None
        self._command_set = bytearray()
        self._command: Command | None = None
        self._dataset: Dataset | None = None
        self._last = False

    @property
    def inside_message(self) -> bool:
        """Whether a message has begun and not ended."""
        return self._context is not None

    @property
    def unfinished(self) -> Dataset | None:
        """The dataset that is still arriving, for whoever has to clean it up."""
        return self._dataset

    def begin(self, context_id: int, control: int) -> None:
        """Begin a fragment."""
        if self._context is None:
            self._context = self.contexts.get(context_id)
            if self._context is None:
                raise ProtocolError(
                    f"Presentation context {context_id} was not accepted",
                    AbortReason.INVALID_PARAMETER,
                )
        elif context_id != self._context.context_id:
            raise ProtocolError(
                f"Presentation context {context_id} inside a message of context "
                f"{self._context.context_id}",
                AbortReason.INVALID_PARAMETER,
            )
        if bool(control & COMMAND) != (self._command is None):
            raise ProtocolError(
                "A dataset without a command"
                if self._command is None
                else "A command inside a dataset",
                AbortReason.UNEXPECTED_PARAMETER,
            )
        self._last = bool(control & LAST)

    def add(self, piece: memoryview) -> DatasetFull | None:
        """Take a piece of the fragment."""
        if self._dataset is not None:
            return DatasetFull(self._dataset) if self._dataset.write(piece) else None
        _gather(self._command_set, piece)
        return None

    def end(self) -> Message | None:
        """End the fragment; give the message that it completes."""
        context = self._context
        if not self._last or context is None:
            return None
        if self._command is None:
            command = decode_command(self._command_set)
            self._command_set.clear()
            if command.has_dataset:
                self._command, self._dataset = command, self._open_dataset(context, command)
                return None
            message = Message(context, command, None)
        else:
            message = Message(context, self._command, self._dataset)
        self._context = self._command = self._dataset = None
        return message


class ResponseReader:
    """Puts responses together; a dataset that comes with one is passed over."""

    def __init__(self) -> None:
        self._command_set = bytearray()
        self._control = 0

    def begin(self, context_id: int, control: int) -> None:
        """Begin a fragment."""
        self._control = control

    def add(self, piece: memoryview) -> None:
        """Take a piece of the fragment."""
        if self._control & COMMAND:
            _gather(self._command_set, piece)

    def end(self) -> Response | None:
        """End the fragment; give the response that it completes."""
        if self._control & (COMMAND | LAST) != COMMAND | LAST:
            return None
        response = decode_response(self._command_set)
        self._command_set.clear()
        return response


def _gather(command_set: bytearray, piece: memoryview) -> None:
    if len(command_set) + len(piece) > MAX_COMMAND:
        raise ProtocolError(
            f"A command set of more than {MAX_COMMAND} bytes", AbortReason.INVALID_PARAMETER
        )
    command_set += piece

# SPDX-License-Identifier: Apache-2.0
"""What a service and the process of its scripts tell each other: frames over two pipes.

A frame is four bytes of length, big-endian, and that much msgpack. Text of scripts is bytes.
"""

from typing import Any, Literal

import msgspec

LENGTH = 4
LARGEST = 32 * 1024 * 1024
"""Bytes of a frame."""

Wanted = Literal["nothing", "boolean", "number", "table"]


class Load(msgspec.Struct, frozen=True, tag=True):
    """Run a script; what it defines stays.

    `quiet`: it has run elsewhere, and only what it defines is wanted: it asks nothing of others.
    """

    name: str
    script: bytes
    quiet: bool = False


class Call(msgspec.Struct, frozen=True, tag=True):
    """Call a function that scripts have defined."""

    function: str
    arguments: list[Any]
    wanted: Wanted = "nothing"
    event: bool = False
    """Whether it may ask for resources to be sent and deleted, which is done when it has ended."""


class Told(msgspec.Struct, frozen=True, tag=True):
    """The answer to an `Ask`."""

    value: Any


class Refused(msgspec.Struct, frozen=True, tag=True):
    """The answer to an `Ask` that is an error in the script."""

    message: str


class Ask(msgspec.Struct, frozen=True, tag=True):
    """A script asks something of the service, and waits."""

    what: str
    arguments: list[Any]


class Outcome(msgspec.Struct, frozen=True, tag=True):
    """How a `Load` or a `Call` has ended."""

    value: Any = None
    error: str = ""
    """What was wrong, in Lua's words; empty: nothing."""
    printed: bytes = b""
    operations: list[dict[str, str]] = []
    """What an event wants done, in its order."""
    defined: list[str] = []
    """Those functions of `functions` that scripts define now."""
    changed: bool = False
    """Whether globals are other than before."""
    lost: bool = False
    """Whether the process ends with it, and everything that scripts have defined."""


Request = Load | Call | Told | Refused
Answer = Ask | Outcome

decode_request = msgspec.msgpack.Decoder(Request).decode
decode_answer = msgspec.msgpack.Decoder(Answer).decode


def frame(message: Request | Answer) -> bytes:
    """The bytes of a message. Raises `ValueError` for one that is too large."""
    content = msgspec.msgpack.encode(message)
    if len(content) > LARGEST:
        raise ValueError(f"{len(content) >> 20} MiB do not fit between a script and the store")
    return len(content).to_bytes(LENGTH, "big") + content

# SPDX-License-Identifier: Apache-2.0
"""Whose C-MOVE brings an instance, as the C-STORE request says (PS3.7 9.3.1.1)."""

import struct
from types import ModuleType
from typing import Any

import pytest

from .conftest import IDS


def request(wire: ModuleType, *elements: tuple[int, bytes]) -> bytes:
    """A C-STORE whose command set has these elements, too."""
    command = wire.command(1, wire.CT, "1.2.3")[12:]
    command += b"".join(wire.element(*one) for one in elements)
    command = wire.element(0, struct.pack("<I", len(command))) + command
    whole: bytes = wire.fragment(1, 3, command) + wire.fragment(1, 2, wire.dataset("1.2.3"))
    return whole


@pytest.mark.parametrize(
    ("elements", "told"),
    [
        ([], []),
        ([(0x1030, b"ASKER "), (0x1031, b"\x07\x01")], [("ASKER", 0x107, IDS.instance)]),
        ([(0x1030, b"ASKER ")], []),
        ([(0x1030, b"ASKER "), (0x1031, b"\0\0")], []),
        ([(0x1030, b"ASKER "), (0x1031, b"\1\1\1\1")], []),
        ([(0x1030, b"A" * 4000), (0x1031, b"\1\0")], []),
        ([(0x1030, b""), (0x1031, b"\1\0")], []),
    ],
)
def test_it_is_told_where_it_is_said(
    port: Any, wire: ModuleType, elements: list[tuple[int, bytes]], told: list[Any]
) -> None:
    """The instance is stored all the same, also where what is said makes no sense."""
    with port.connect().associate() as peer:
        peer.send(request(wire, *elements))
        assert peer.receive_status() == 0
    assert port.moved == told
    assert len(port.store.kept) == 1

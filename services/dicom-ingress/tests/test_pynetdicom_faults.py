# SPDX-License-Identifier: Apache-2.0
"""Tests ask with a pynetdicom that has two faults less."""

import socket
from types import SimpleNamespace
from typing import Any

from pynetdicom import AE
from pynetdicom.transport import AssociationSocket

from pons.dicom.pynetdicom_reactor import Checkpoint

VERIFICATION = "1.2.840.10008.1.1"


def test_a_socket_that_cannot_be_shut_down_is_closed() -> None:
    """None is left open that another test would find."""
    with socket.socket() as never_connected:
        transport: Any = SimpleNamespace(socket=never_connected)
        AssociationSocket._shutdown_socket(transport)
        assert never_connected.fileno() == -1


def test_an_association_that_asks_has_a_sure_checkpoint(start_port: Any) -> None:
    """Its thread rests while an answer is awaited."""
    entity = AE("SCANNER")
    entity.add_requested_context(VERIFICATION)
    assoc = entity.associate("127.0.0.1", start_port().number)
    try:
        assert isinstance(assoc._reactor_checkpoint, Checkpoint)
        assert assoc.send_c_echo().Status == 0
    finally:
        assoc.release()
    assert assoc.is_released

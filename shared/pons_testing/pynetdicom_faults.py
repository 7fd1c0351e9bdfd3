# SPDX-License-Identifier: Apache-2.0
"""Two faults of pynetdicom (3.0.4) that let a test fail now and then, without a fault of its own.

It closes a socket only if it could shut it down, which fails where the other side was faster; the
socket is found open when it is collected, in a later test. And an association that asks may lose an
answer that comes fast, see `pons.dicom.pynetdicom_reactor`.
"""

import socket
from contextlib import suppress
from typing import Any

from pynetdicom.association import Association
from pynetdicom.transport import AssociationSocket

from pons.dicom.pynetdicom_reactor import Checkpoint

_start = Association.start


def close_every_socket() -> None:
    """For pynetdicom on the side of the test alone, and on ours: egress closes its own."""
    AssociationSocket._shutdown_socket = _shut_down_and_close  # type: ignore[method-assign]


def lose_no_answer() -> None:
    """Where a test asks with pynetdicom. Egress does so itself: there it would hide a fault."""
    Association.start = _start_with_checkpoint  # type: ignore[assignment, method-assign]


def _shut_down_and_close(self: Any) -> None:
    if self.socket is None:
        return
    with suppress(OSError):
        self.socket.shutdown(socket.SHUT_RDWR)
    with suppress(OSError):
        self.socket.close()


def _start_with_checkpoint(self: Association) -> None:
    if self.is_requestor:
        self._reactor_checkpoint = Checkpoint(self)  # type: ignore[assignment]
    _start(self)

# SPDX-License-Identifier: Apache-2.0
"""An SCP of pynetdicom's, for as long as a block runs."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pynetdicom import AE
from pynetdicom.events import EventHandlerType

ENDING = 20.0
"""Seconds that associations have to end once the block has; then they are aborted."""


@contextmanager
def serving(
    entity: AE,
    *handlers: EventHandlerType,
    port: int = 0,
    tls: ssl.SSLContext | None = None,
) -> Iterator[int]:
    """The port of 127.0.0.1 where `entity` listens, a free one by default.

    What its requestors have ended is ended here, too, when this returns: its last event is told.
    """
    server: Any = entity.start_server(
        ("127.0.0.1", port), block=False, ssl_context=tls, evt_handlers=list(handlers)
    )
    try:
        yield server.server_address[1]
    finally:
        for association in server.active_associations:
            association.join(ENDING)
        entity.shutdown()

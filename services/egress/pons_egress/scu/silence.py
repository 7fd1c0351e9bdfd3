# SPDX-License-Identifier: Apache-2.0
"""Requests that take long: the peer may not be silent meanwhile, and hears when they are to end."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

from pynetdicom import evt

from pons_egress.scu.association import Association

TICK = 0.1
"""Seconds after which to look again."""


@contextmanager
def watched(
    association: Association,
    cancel: Callable[[], None],
    busy: Callable[[], bool] = lambda: False,
) -> Iterator[None]:
    """The block may wait for ever for the peer: a thread beside it sees to it that this ends.

    `cancel` tells the peer that the request is to end, once, when the association's work is. A peer
    from which nothing comes for its timeout is cut off, unless we are `busy`: then it waits for us.
    pynetdicom's own timeout is one for whole messages, and large data sets take longer.
    """
    requestor, over = association.requestor, Event()
    heard = time.monotonic()

    def hear(_event: evt.Event) -> None:
        nonlocal heard
        heard = time.monotonic()

    def watch() -> None:
        nonlocal heard
        told = False
        while not over.wait(TICK):
            if association.cancelled.is_set() and not told:
                told = True
                with suppress(RuntimeError, ValueError):  # the association is over
                    cancel()
            if busy():
                heard = time.monotonic()
            elif time.monotonic() - heard > association.peer.timeout:
                association.tell_end(f"no answer within {association.peer.timeout:g} s")
                association.cut()
                return

    requestor.bind(evt.EVT_PDU_RECV, hear)
    before, requestor.dimse_timeout = requestor.dimse_timeout, None
    thread = Thread(target=watch, name="scu-watch")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        requestor.dimse_timeout = before
        requestor.unbind(evt.EVT_PDU_RECV, hear)

# SPDX-License-Identifier: Apache-2.0
"""The reactor of an association rests while an answer is awaited."""

import threading

from pons.dicom.pynetdicom_reactor import Checkpoint


class Reactor(threading.Thread):
    """It passes the checkpoint, and looks for messages when it is told to."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.checkpoint = Checkpoint(self)
        self.passed = threading.Event()
        self.look = threading.Event()
        self.ended = False

    def run(self) -> None:
        while not self.ended:
            self.checkpoint.wait()
            self.passed.set()
            self.look.wait(60)


def test_a_reactor_that_has_just_passed() -> None:
    """Who is to have the next message waits until the reactor has looked once more, and rests."""
    reactor, cleared = Reactor(), threading.Event()
    reactor.start()
    assert reactor.passed.wait(60)
    asking = threading.Thread(target=lambda: (reactor.checkpoint.clear(), cleared.set()))
    asking.start()
    assert not cleared.wait(0.3)
    reactor.look.set()
    assert cleared.wait(60)
    asking.join(20)
    reactor.passed.clear()
    assert not reactor.passed.wait(0.3)
    reactor.checkpoint.set()
    reactor.checkpoint.clear()  # at once, which it may not have seen
    reactor.ended = True
    reactor.checkpoint.set()
    reactor.join(20)
    assert not reactor.is_alive()


def test_a_reactor_that_is_no_more() -> None:
    """Nobody waits for it."""
    reactor = Reactor()
    reactor.checkpoint.clear()
    assert not reactor.is_alive()

# SPDX-License-Identifier: Apache-2.0
"""What keeps pynetdicom's reactor from taking the answer that another thread waits for.

An association has a thread that looks for messages, and is to rest while a request is under way.
pynetdicom (3.0.4) believes that it rests when it is about to ask whether it should. So now and
then it goes on, and an answer that comes fast is lost: the request ends with its timeout, although
the peer has answered.
"""

import threading

LOOK = 0.05
"""Seconds between looks whether the reactor still lives."""


class Checkpoint:
    """In place of the `threading.Event` that the reactor passes while it is set.

    `clear` returns once the reactor rests here, or is no more.
    """

    def __init__(self, reactor: threading.Thread) -> None:
        self._reactor = reactor
        self._change = threading.Condition()
        self._is_set = True
        self._rests = False

    def set(self) -> None:
        with self._change:
            self._is_set = True
            self._change.notify_all()

    def clear(self) -> None:
        with self._change:
            self._is_set = False
            while not self._rests and self._may_come():
                self._change.wait(LOOK)

    def wait(self) -> None:
        with self._change:
            while not self._is_set:
                self._rests = True
                self._change.notify_all()
                self._change.wait()
            self._rests = False

    def _may_come(self) -> bool:
        return self._reactor.is_alive() and self._reactor is not threading.current_thread()

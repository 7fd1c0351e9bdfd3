# SPDX-License-Identifier: Apache-2.0
"""How many wrong passwords may come, for a user and from an address."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from pons.passwords.queue import TooManyLogins

REMEMBERED = 4096
"""Users and addresses kept at most; those that were wrong longest ago give way."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many wrong passwords at once, and one more after `seconds` each."""

    at_once: int
    seconds: float


PER_ADDRESS = Allowance(20, 3.0)
PER_USER = Allowance(60, 1.0)
"""From everywhere, for a name, whether there is such a user or not."""


class Guesses:
    """Wrong passwords of late. What is forgotten in time makes room for others."""

    def __init__(
        self,
        of_address: Allowance = PER_ADDRESS,
        of_user: Allowance = PER_USER,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._tables: tuple[tuple[Allowance, dict[str, float]], ...] = (
            (of_address, {}),
            (of_user, {}),
        )
        """By address and by user: the moment at which all that was wrong is forgotten."""

    def require_room(self, address: str, user: str | None) -> None:
        """Raises `TooManyLogins` where one more guess would be one too many; without a user, from
        the address alone."""
        now = self._clock()
        for (allowance, until), key in zip(self._tables, (address, user), strict=True):
            latest = now + (allowance.at_once - 1) * allowance.seconds
            over = until.get(key, now) - latest if key is not None else 0.0
            if over > 0:
                raise TooManyLogins(
                    "Too many wrong passwords", f"try again in {int(over) + 1} seconds"
                )

    def add(self, address: str, user: str) -> None:
        """A password was wrong."""
        now = self._clock()
        for (allowance, until), key in zip(self._tables, (address, user), strict=True):
            forgotten = max(until.pop(key, now), now) + allowance.seconds
            if len(until) >= REMEMBERED:
                until.pop(next(iter(until)))
            until[key] = forgotten

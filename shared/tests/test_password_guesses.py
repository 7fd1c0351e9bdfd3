# SPDX-License-Identifier: Apache-2.0
"""How many passwords may be guessed, and whom that keeps out."""

from dataclasses import dataclass

import pytest
from argon2 import PasswordHasher

from pons.passwords.guesses import Allowance, Guesses
from pons.passwords.queue import TooManyLogins
from pons.passwords.verify import Passwords

pytestmark = pytest.mark.anyio

HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("secret")


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def has_room(guesses: Guesses, address: str, user: str | None) -> bool:
    try:
        guesses.require_room(address, user)
    except TooManyLogins:
        return False
    return True


def test_an_address_waits_after_some_guesses() -> None:
    """Whomever it guesses for; another address does not, and time lets it guess again."""
    clock = Clock()
    guesses = Guesses(Allowance(3, 10.0), Allowance(100, 1.0), clock)
    for number in range(3):
        assert has_room(guesses, "192.0.2.1", f"user {number}")
        guesses.add("192.0.2.1", f"user {number}")
    with pytest.raises(TooManyLogins, match=r"try again in 11 seconds"):
        guesses.require_room("192.0.2.1", "alice")
    assert has_room(guesses, "192.0.2.2", "alice")
    clock.now += 10.1
    assert has_room(guesses, "192.0.2.1", "alice")
    guesses.add("192.0.2.1", "alice")
    assert not has_room(guesses, "192.0.2.1", "alice")
    clock.now += 1000
    for _ in range(3):
        assert has_room(guesses, "192.0.2.1", "alice")
        guesses.add("192.0.2.1", "alice")


def test_a_user_is_guessed_from_many_addresses() -> None:
    """Then each of them waits, but those that are known to be his."""
    guesses = Guesses(Allowance(100, 1.0), Allowance(2, 5.0), Clock())
    guesses.add("192.0.2.1", "alice")
    guesses.add("192.0.2.2", "alice")
    assert not has_room(guesses, "192.0.2.3", "alice")
    assert has_room(guesses, "192.0.2.3", None)
    assert has_room(guesses, "192.0.2.3", "bob")


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that nobody has do not fill the memory; the latest ones stay."""
    monkeypatch.setattr("pons.passwords.guesses.REMEMBERED", 10)
    guesses = Guesses(Allowance(1, 10.0), Allowance(1, 10.0), Clock())
    for number in range(50):
        guesses.add(f"address {number}", f"user {number}")
    assert not has_room(guesses, "address 49", None)
    assert has_room(guesses, "address 0", "user 0")
    assert [len(until) for _, until in guesses._tables] == [10, 10]


@pytest.mark.parametrize("user", ["alice", "nobody"])
async def test_passwords_are_guessed_at_a_bounded_rate(
    user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a user that exists and for one that does not alike, and nothing is verified beyond."""
    passwords = Passwords({"alice": HASH})
    passwords._guesses = Guesses(Allowance(5, 60.0), Allowance(5, 60.0))
    for number in range(5):
        assert await passwords.verified(user, f"wrong {number}", "192.0.2.1") is None
    monkeypatch.setattr(passwords, "_matches", lambda *_: pytest.fail("it was verified"))
    with pytest.raises(TooManyLogins, match="Too many wrong passwords"):
        await passwords.verified(user, "wrong 5", "192.0.2.1")


async def test_a_script_with_an_old_password_keeps_nobody_out() -> None:
    """To ask with the same wrong password again is no further guess."""
    passwords = Passwords({"alice": HASH})
    passwords._guesses = Guesses(Allowance(5, 60.0), Allowance(5, 60.0))
    for _ in range(50):
        assert await passwords.verified("alice", "of last year", "192.0.2.1") is None
    assert await passwords.verified("alice", "secret", "192.0.2.1") == "alice"


async def test_guesses_keep_out_nobody_whose_password_was_right_today(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also from the same address; and where he came from, guesses of others do not count."""
    passwords = Passwords({"alice": HASH, "bob": HASH})
    passwords._guesses = Guesses(Allowance(5, 60.0), Allowance(5, 60.0))
    assert await passwords.verified("alice", "secret", "192.0.2.1") == "alice"
    monkeypatch.setattr("pons.passwords.verify.REMEMBERED_SECONDS", 0)
    for number in range(5):
        await passwords.verified("bob", f"wrong {number}", "192.0.2.66")
        await passwords.verified("alice", f"wrong {number}", "192.0.2.67")
    with pytest.raises(TooManyLogins):
        await passwords.verified("bob", "secret", "192.0.2.2")
    assert await passwords.verified("bob", "secret", "192.0.2.1") == "bob"
    assert await passwords.verified("alice", "secret", "192.0.2.67") == "alice"

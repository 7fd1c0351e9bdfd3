# SPDX-License-Identifier: Apache-2.0
"""What a password is verified against."""

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import VerifyMismatchError

from pons.passwords.verify import hash_of_nothing


@pytest.mark.parametrize(
    "hasher",
    [PasswordHasher(), PasswordHasher(time_cost=1, memory_cost=64, parallelism=1, hash_len=21)],
)
def test_an_unknown_user_costs_what_a_wrong_password_does(hasher: PasswordHasher) -> None:
    """Nothing matches, and that is found by hashing: a hash that cannot be read is refused at once,
    which tells who is a user."""
    nothing = hash_of_nothing(hasher)
    assert extract_parameters(nothing) == extract_parameters(hasher.hash("secret"))
    with pytest.raises(VerifyMismatchError):
        hasher.verify(nothing, "")
    assert hash_of_nothing(hasher) != nothing
